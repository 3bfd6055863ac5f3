//! `projections` and `parked`.

use annalist::{App, projection::State};
use annalist_doc_tests::{Balance, Deposit, id, open};
use expect_test::expect;

use crate::bank::{Bank, domain};

#[tokio::test]
async fn projections_are_listed_without_running_them() {
    let bank = Bank::new().await;
    bank.call(&["projections", "list"]).await.prints(expect![[r#"
        name           version  position  behind  parked  state
        balances       1        4         0       0       live
        savings        1        4         0       0       live
        welcome_bonus  1        4         0       0       live
    "#]]);
    // An event that nothing has handled.
    let app = App::builder(bank.log.clone()).start().await.unwrap();
    app.execute(Deposit { account: id("a"), cents: 5 }).await.unwrap();
    for _ in 0..2 {
        let listed = bank.call(&["projections", "list", "--json"]).await;
        assert!(listed.out.contains(r#""name":"balances","behind":1,"#), "{}", listed.out);
    }
    let status = bank.call(&["projections", "status", "balances"]).await;
    assert!(status.out.starts_with("balances: events behind: 1"), "{}", status.out);
}

#[tokio::test]
async fn projection_that_was_never_run_is_listed() {
    Bank::empty().call(&["projections", "list"]).await.prints(expect![[r#"
        name           version  position  behind  parked  state
        balances                                          not built yet
        savings                                           not built yet
        welcome_bonus                                     not built yet
    "#]]);
}

#[tokio::test]
async fn requested_rebuild_is_built_by_the_process_that_runs_the_projection() {
    let bank = Bank::new().await;
    bank.call(&["projections", "rebuild", "balances"]).await.prints(expect![[r#"
        the rebuild of `balances` is requested: a process that runs the projection folds the rows and then makes them the ones that are read; `projections status balances` shows how far it is
    "#]]);
    let listed = bank.call(&["projections", "list"]).await;
    assert!(listed.out.contains("v1 build 1 is being built"), "{}", listed.out);
    let app = domain(App::builder(bank.log.clone())).start().await.unwrap();
    app.wait_until("balances", |status| status.reads.is_some_and(|table| table.build == 1)).await.unwrap();
    bank.call(&["projections", "discard-old", "balances"]).await;
    app.shut_down().await;
    let listed = bank.call(&["projections", "list"]).await;
    assert!(listed.out.contains("live") && !listed.out.contains("being built"), "{}", listed.out);
}

#[tokio::test]
async fn running_process_takes_up_a_request() {
    let bank = Bank::new().await;
    let app = domain(App::builder(bank.log.clone())).start().await.unwrap();
    assert_eq!(bank.call(&["projections", "rebuild", "balances"]).await.code, 0);
    app.wait_until("balances", |status| status.reads.is_some_and(|table| table.build == 1)).await.unwrap();
}

#[tokio::test]
async fn policy_cannot_be_rebuilt() {
    let bank = Bank::new().await;
    bank.call(&["projections", "rebuild", "welcome_bonus"]).await.fails(
        1,
        expect![[r#"
        error: rebuild `welcome_bonus`: it has no rows of its own, so there is nothing to rebuild
    "#]],
    );
}

#[tokio::test]
async fn unknown_name_is_an_error_with_a_suggestion() {
    let bank = Bank::new().await;
    bank.call(&["projections", "rebuild", "balance"]).await.fails(
        3,
        expect![[r#"
        error: the program has no projection or policy `balance`; did you mean `balances`?
    "#]],
    );
    for verb in ["status", "promote", "discard-old"] {
        assert_eq!(bank.call(&["projections", verb, "balance"]).await.code, 3, "{verb}");
    }
    for verb in [&["list"][..], &["retry"]] {
        assert_eq!(bank.call(&[&["parked"], verb, &["balance"]].concat()).await.code, 3, "{verb:?}");
    }
    assert_eq!(bank.call(&["parked", "discard", "balance", "1"]).await.code, 3);
}

#[tokio::test]
async fn parked_events_are_listed_and_retried_and_discarded() {
    let bank = Bank::new().await;
    let app = domain(App::builder(bank.log.clone())).start().await.unwrap();
    app.execute(Deposit { account: id("a"), cents: -5 }).await.unwrap();
    app.execute(open("c", "Cay")).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app.shut_down().await;
    bank.call(&["parked", "list", "balances"]).await.prints(expect![[r#"
        `balances` has no parked events
    "#]]);
    bank.call(&["parked", "list", "savings"]).await.prints(expect![[r#"
        position  attempts  keys  error
        5         1         "a"   the handler panicked: negative deposit
    "#]]);
    bank.call(&["parked", "list", "savings", "--json"]).await.prints(expect![[r#"
        {"shape":1,"parked":{"position":5,"event":"<id>","keys":["\"a\""],"attempts":1,"needs_newer":false,"error":"the handler panicked: negative deposit"}}
    "#]]);
    bank.call(&["parked", "retry", "savings", "--here"]).await.prints(expect![[r#"
        `savings`: handled: 0, still parked: 1
    "#]]);
    bank.call(&["parked", "discard", "savings", "1"]).await.fails(
        3,
        expect![[r#"
        error: `savings` has no parked event at position 1
    "#]],
    );
    bank.call(&["parked", "discard", "savings", "5"]).await.prints(expect![[r#"
        `savings` never handles event 5
    "#]]);
    bank.call(&["parked", "list", "savings"]).await.prints(expect![[r#"
        `savings` has no parked events
    "#]]);
}

#[tokio::test]
async fn pause_is_shown_and_obeyed_until_it_is_resumed() {
    let bank = Bank::new().await;
    let app = domain(App::builder(bank.log.clone())).start().await.unwrap();
    let pause = ["projections", "pause", "balances", "--reason", "full disk", "--actor", "ada"];
    bank.call(&pause).await.prints(expect![[r#"
        `balances` is paused: the processes that run it end their current batch within about a second and handle no events until `projections resume balances`
    "#]]);
    let status = app.wait_until("balances", |status| matches!(status.state, State::Paused(_))).await.unwrap();
    let State::Paused(pause) = status.state else { unreachable!() };
    assert_eq!((pause.actor.as_deref(), pause.reason.as_str()), (Some("ada"), "full disk"));
    for verb in ["list", "status"] {
        let name = (verb == "status").then_some("balances");
        let arguments: Vec<&str> = ["projections", verb].into_iter().chain(name).collect();
        assert!(bank.call(&arguments).await.out.contains("paused by ada at "), "{verb}");
    }
    let json = bank.call(&["projections", "status", "balances", "--json"]).await.out;
    assert!(json.contains(r#""paused":{"actor":"ada","at":""#), "{json}");
    assert_eq!(bank.call(&["parked", "retry", "balances"]).await.code, 1);
    bank.call(&["projections", "resume", "balances"]).await.prints(expect![[r#"
        `balances` is resumed: the processes that run it continue within about a second
    "#]]);
    app.wait_until("balances", |status| !matches!(status.state, State::Paused(_))).await.unwrap();
    let receipt = app.execute(open("c", "Cay")).await.unwrap();
    assert!(app.find::<Balance>(&id("c")).after(&receipt).await.unwrap().is_some());
    assert_eq!(bank.call(&["projections", "pause", "balance", "--reason", ""]).await.code, 3);
    assert_eq!(bank.call(&["projections", "resume", "balance"]).await.code, 3);
}

#[tokio::test]
async fn retry_is_requested_of_the_process_that_runs_the_projection() {
    let bank = Bank::new().await;
    let app = domain(App::builder(bank.log.clone())).start().await.unwrap();
    app.execute(Deposit { account: id("a"), cents: -5 }).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    bank.call(&["parked", "retry", "savings"]).await.prints(expect![[r#"
        `savings`: handled: 0, still parked: 1
    "#]]);
    bank.call(&["parked", "retry", "savings", "--no-wait", "--json"]).await.prints(expect![[r#"
        {"shape":1,"requested":2}
    "#]]);
    app.wait_for_retry("savings", 2, std::time::Duration::from_secs(30)).await.unwrap();
}
