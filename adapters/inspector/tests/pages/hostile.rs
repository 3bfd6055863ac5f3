//! Markup, control characters and large texts in everything that a page shows, and odd requests.

use annalist::{Memory, app::Journal};
use annalist_doc_tests::*;
use axum::http::StatusCode;

use crate::browser::{Browser, registered_bank};

const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

#[tokio::test]
async fn markup_is_escaped_on_every_page() {
    let app = App::builder(Memory::new())
        .commands::<Open>()
        .projection::<Balance>()
        .journal(Journal::All)
        .start()
        .await
        .unwrap();
    app.execute(open(MARKUP, MARKUP)).id(MARKUP).actor(MARKUP).correlation(MARKUP).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let browser = Browser::acting(&app);
    let encoded: String = form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect();
    let pages = [
        "/".to_owned(),
        "/events".to_owned(),
        "/events/1".to_owned(),
        "/projections/balances".to_owned(),
        "/journal".to_owned(),
        "/types".to_owned(),
        format!("/aggregate?name=Account&id={encoded}"),
        format!("/correlation?id={encoded}"),
        format!("/events?tag={encoded}&type={encoded}&actor={encoded}"),
        format!("/events?at={encoded}"),
        format!("/events?time={encoded}"),
        format!("/events/{encoded}"),
        format!("/projections/{encoded}"),
        format!("/projections/balances?column={encoded}&value={encoded}&order={encoded}&cursor={encoded}"),
        format!("/aggregate?name={encoded}&id={encoded}"),
        format!("/live?type={encoded}"),
        format!("/parked?name={encoded}&done={encoded}"),
        format!("/unknown/{encoded}"),
    ];
    for path in pages {
        let body = browser.get(&path).await.body;
        assert!(!body.contains("<script>alert") && !body.contains("<img"), "{path}: {body}");
    }
    for path in ["/", "/events/1", "/projections/balances", "/journal"] {
        assert!(browser.page(path).await.contains("&lt;script&gt;alert(1)"), "{path}");
    }
}

#[tokio::test]
async fn controls_and_marks_of_directions_are_visible() {
    let app = App::builder(Memory::new()).commands::<Open>().projection::<Balance>().start().await.unwrap();
    app.execute(open("ann", "a\u{202e}b\u{7}c\u{200b}")).actor("o\u{2066}p").await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let browser = Browser::of(&app);
    for path in ["/", "/events", "/events/1", "/projections/balances", "/aggregate?name=Account&id=ann"] {
        let page = browser.page(path).await;
        assert!(!page.contains(['\u{202e}', '\u{7}', '\u{200b}', '\u{2066}', '\0']), "{path}");
    }
    assert!(browser.page("/events/1").await.contains("a\\u{202e}b"));
}

#[tokio::test]
async fn large_payload_is_cut_until_all_of_it_is_asked_for() {
    let app = App::builder(Memory::new()).commands::<Open>().projection::<Balance>().start().await.unwrap();
    app.execute(open("ann", &"x".repeat(1 << 20))).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let browser = Browser::of(&app);
    for path in ["/", "/events", "/events/1", "/projections/balances", "/aggregate?name=Account&id=ann"] {
        let page = browser.page(path).await;
        assert!(page.len() < 200_000, "{path} has {} bytes", page.len());
    }
    assert!(browser.page("/events/1").await.contains("Show all"));
    assert!(browser.page("/events/1?full=1").await.len() > 1 << 20);
}

#[tokio::test]
async fn odd_input_gets_an_answer_that_says_what_to_do() {
    let app = registered_bank().await;
    let browser = Browser::of(&app);
    let odd = [
        ("/events?at=-1", StatusCode::BAD_REQUEST),
        ("/events?tag=x", StatusCode::BAD_REQUEST),
        ("/events?time=yesterday", StatusCode::BAD_REQUEST),
        ("/events?at=18446744073709551615", StatusCode::OK),
        ("/events?after=18446744073709551615", StatusCode::OK),
        ("/events?before=0", StatusCode::OK),
        ("/events?%ff=%ff&tag=%ff", StatusCode::BAD_REQUEST),
        ("/events/0", StatusCode::NOT_FOUND),
        ("/events/7", StatusCode::NOT_FOUND),
        ("/events/18446744073709551615", StatusCode::NOT_FOUND),
        ("/events/x", StatusCode::BAD_REQUEST),
        ("/aggregate", StatusCode::NOT_FOUND),
        ("/aggregate?name=Account&id=a&at=99999", StatusCode::OK),
        ("/correlation", StatusCode::BAD_REQUEST),
        ("/correlation?id=none&near=18446744073709551615", StatusCode::OK),
        ("/journal?before=18446744073709551615", StatusCode::OK),
        ("/projections/none", StatusCode::NOT_FOUND),
        ("/parked?name=none", StatusCode::OK),
        ("/live/stream?after=x", StatusCode::BAD_REQUEST),
        ("/nothing", StatusCode::NOT_FOUND),
    ];
    for (path, status) in odd {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains("<h1>"), "{path}: {}", answer.body);
    }
    assert!(browser.get("/events/7").await.body.contains("the log ends at 6"));
}
