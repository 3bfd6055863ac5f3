//! What each page shows.

use annalist::{Memory, Sqlite, app::Journal, inspector::health_routes, projection::ProjectionOptions};
use annalist_doc_tests::*;
use axum::http::StatusCode;

use crate::browser::{Browser, registered_bank};

#[tokio::test]
async fn overview_shows_the_log_and_the_last_events() {
    let app = bank().await.unwrap();
    let page = Browser::of(&app).page("/").await;
    for part in ["Last position", "log in memory", "balances", "caught up", "account.deposited", "./events/6"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn empty_log_has_pages_that_say_what_to_do() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    let browser = Browser::of(&app);
    let expected = [
        ("/", "The log has no events yet."),
        ("/events", "The log has no events yet."),
        ("/aggregates", "The program has no aggregates."),
        ("/projections", "The program has no projections and no policies."),
        ("/parked", "No event is parked."),
        ("/journal", "Builder::journal"),
        ("/types", "No event types."),
        ("/model", "The program has no commands and no events."),
        ("/live", "New events appear here"),
    ];
    for (path, text) in expected {
        let page = browser.page(path).await;
        assert!(page.contains(text), "{path}: {page}");
    }
}

#[tokio::test]
async fn events_are_filtered_by_what_they_have() {
    let app = bank().await.unwrap();
    app.execute(Deposit { account: id("a"), cents: 5 }).actor("teller").correlation("batch-7").await.unwrap();
    let browser = Browser::of(&app);
    let positions = async |query: &str| {
        let page = browser.page(&format!("/events?{query}")).await;
        let links =
            page.split("href=\"./events/").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        links.filter(|link| link.parse::<u64>().is_ok()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(positions("").await, "7 6 5 4 3 2 1");
    assert_eq!(positions("type=account.opened").await, positions("type=account.opened&before=7").await);
    assert_eq!(positions("type=account.deposited&tag=account:a").await.split(' ').count(), 2);
    assert_eq!(positions("actor=teller").await, "7");
    assert_eq!(positions("correlation=batch-7").await, "7");
    assert_eq!(positions("at=2").await, "2 1");
    assert_eq!(positions("before=3").await, "2 1");
    assert_eq!(positions("after=5").await, "7 6");
    assert_eq!(positions("after=7").await, "7 6 5 4 3 2 1");
    assert_eq!(positions("time=1999-01-01T00:00:00Z").await, "");
    assert_eq!(positions("time=9999-01-01T00:00:00Z").await, "7 6 5 4 3 2 1");
    assert_eq!(positions("type=unknown").await, "");
}

#[tokio::test]
async fn event_shows_its_payload_metadata_and_aggregates() {
    let app = registered_bank().await;
    let page = Browser::of(&app).page("/events/1").await;
    for part in [
        "account.opened",
        "&quot;owner&quot;: &quot;",
        "Correlation",
        "../aggregate?name=Account&amp;id=a&amp;at=1",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn event_shows_what_a_policy_did_because_of_it() {
    let app = App::builder(Memory::new()).commands::<Open>().policy(WelcomeBonus).start().await.unwrap();
    app.execute(open("ann", "Ann")).actor("teller").await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let browser = Browser::of(&app);
    let cause = browser.page("/events/1").await;
    let effects = cause.split_once("<h2>Effects</h2>").unwrap().1;
    assert!(effects.contains("../events/2"), "{effects}");
    let effect = browser.page("/events/2").await;
    let causes = effect.split_once("<h2>Cause</h2>").unwrap().1;
    assert!(causes.contains("../events/1"), "{causes}");

    let link =
        cause.split_once("href=\"../correlation").unwrap().1.split('"').next().unwrap().replace("&amp;", "&");
    let lanes = browser.page(&format!("/correlation{link}")).await;
    for part in ["policy welcome_bonus", "teller", "because of", "positions 1 to 2"] {
        assert!(lanes.contains(part), "{part}: {lanes}");
    }
}

#[tokio::test]
async fn aggregate_shows_what_each_event_changed() {
    let app = App::builder(Memory::new()).commands::<Open>().commands::<Deposit>().start().await.unwrap();
    app.execute(open("ann", "Ann")).await.unwrap();
    app.execute(Deposit { account: id("ann"), cents: 5 }).await.unwrap();
    let browser = Browser::of(&app);
    let page = browser.page("/aggregate?name=Account&id=ann").await;
    for part in ["<del>-     cents: 0,", "<ins>+     cents: 5,", "State after 2", "2 events"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let earlier = browser.page("/aggregate?name=Account&id=ann&at=1").await;
    assert!(earlier.contains("State after 1") && !earlier.contains("cents: 5"), "{earlier}");
    let none = browser.page("/aggregate?name=Account&id=bob").await;
    assert!(none.contains("No event has this id"), "{none}");
}

#[tokio::test]
async fn projection_shows_its_rows_by_key_and_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("log.db")).await.unwrap();
    let app = App::builder(store).projection::<Balance>().commands::<Open>().start().await.unwrap();
    for number in 0..60 {
        app.execute(open(&format!("a{number:02}"), "Ann")).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
    let browser = Browser::of(&app);
    let first = browser.page("/projections/balances").await;
    assert!(first.contains("a00") && first.contains("a49") && !first.contains("a50"), "{first}");
    let next = first.split_once("rel=\"next\" href=\"../projections/balances").unwrap().1;
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let second = browser.page(&format!("/projections/balances{}", next.trim_end_matches("#rows"))).await;
    assert!(second.contains("a50") && second.contains("a59") && !second.contains("a49"), "{second}");

    let found = browser.page("/projections/balances?column=account&value=a07").await;
    assert!(found.contains("a07") && !found.contains("a08"), "{found}");
    let sorted = browser.page("/projections/balances?order=account&descending=1").await;
    assert!(sorted.contains("a59") && !sorted.contains("a09"), "{sorted}");
    let wrong = browser.page("/projections/balances?column=cents&value=many").await;
    assert!(wrong.contains("whole number") && wrong.contains("All rows"), "{wrong}");
    let foreign = browser.page("/projections/balances?order=cents&cursor=%7B%7D").await;
    assert!(foreign.contains("Builds") && foreign.contains("cursor"), "{foreign}");
}

#[tokio::test]
async fn journal_shows_the_last_commands_first() {
    let app = App::builder(Memory::new()).journal(Journal::All).start().await.unwrap();
    for number in 0..60 {
        app.execute(open(&format!("a{number:02}"), "Ann")).await.unwrap();
    }
    app.execute(open("a00", "Ann")).await.unwrap_err();
    let browser = Browser::of(&app);
    let first = browser.page("/journal").await;
    assert!(first.contains("rejected") && first.contains("AlreadyOpen"), "{first}");
    assert!(first.contains("a59") && first.contains("a11") && !first.contains("a10"), "{first}");
    let older = browser.page("/journal?before=12").await;
    assert!(older.contains("a10") && older.contains("a00") && !older.contains("a11"), "{older}");
}

#[tokio::test]
async fn types_and_model_show_the_program() {
    let app = App::builder(Memory::new())
        .commands::<Open>()
        .commands::<Deposit>()
        .projection_with::<Balance>(ProjectionOptions::new())
        .policy(WelcomeBonus)
        .start()
        .await
        .unwrap();
    app.execute(open("ann", "Ann")).await.unwrap();
    let browser = Browser::of(&app);
    let types = browser.page("/types").await;
    assert!(types.contains("account.opened") && types.contains("account.deposited"), "{types}");
    let model = browser.page("/model").await;
    for part in ["event-account.opened", "command-open", "policy-welcome_bonus", "balances", "Decides on"] {
        assert!(model.contains(part), "{part}: {model}");
    }
}

#[tokio::test]
async fn live_stream_sends_new_events_as_texts() {
    let app = bank().await.unwrap();
    let router = annalist::inspector::router(&app);
    let request = axum::http::Request::get("/live/stream?after=5").body(axum::body::Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body().into_data_stream();
    let first = futures_util::StreamExt::next(&mut body).await.unwrap().unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    assert!(first.contains("id: 6") && first.contains("\"position\":6"), "{first}");
    app.execute(Deposit { account: id("a"), cents: 5 }).await.unwrap();
    let next = futures_util::StreamExt::next(&mut body).await.unwrap().unwrap();
    assert!(String::from_utf8(next.to_vec()).unwrap().contains("id: 7"));
}

#[tokio::test]
async fn health_routes_answer_for_orchestrators() {
    let app = bank().await.unwrap();
    let browser = Browser::new(health_routes(&app));
    assert_eq!(browser.page("/health/live").await, "ok\n");
    assert_eq!(browser.page("/health/ready").await, "ok\n");
    app.shut_down().await;
    let ready = browser.get("/health/ready").await;
    assert_eq!(
        (ready.status, ready.body.as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "the app is shutting down\n")
    );
    assert_eq!(browser.get("/health/live").await.status, StatusCode::OK);
}
