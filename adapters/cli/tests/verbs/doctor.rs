//! `doctor`.

use annalist::{
    App, EventStore, Tag, Timestamp,
    app::Builder,
    prelude::*,
    projection::{State, Status},
    raw::store::{ArchiveStep, RewriteStep, RewriteTarget},
    testing::ManualClock,
};
use annalist_core::keys::{Erasure, SubjectHash};
use annalist_doc_tests::{Deposit, Savings, id, open};
use expect_test::expect;

use crate::bank::{Bank, domain};

#[tokio::test]
async fn sound_log_has_no_problems() {
    Bank::new().await.call(&["doctor"]).await.prints(expect![[r#"
        ok       log: log in memory, up to position 4
        ok       events: the program reads the stored types and versions
        ok       times: no event hides later ones by a time in the future
        ok       balances: it is live
        ok       savings: it is live
        ok       welcome_bonus: it is live
    "#]]);
}

#[tokio::test]
async fn projections_that_need_attention_are_found() {
    Bank::empty().call(&["doctor"]).await.prints(expect![[r#"
        ok       log: log in memory, up to position 0
        ok       events: the program reads the stored types and versions
        ok       times: no event hides later ones by a time in the future
        warning  balances: it is not built yet; start a process that runs it
        warning  savings: it is not built yet; start a process that runs it
        warning  welcome_bonus: it is not built yet; start a process that runs it
    "#]]);

    let bank = Bank::new().await;
    let app = domain(App::builder(bank.log.clone())).start().await.unwrap();
    app.execute(Deposit { account: id("a"), cents: -5 }).await.unwrap();
    app.rebuild("balances").await.unwrap();
    app.wait_until("balances", |status| status.reads.is_some_and(|table| table.build == 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app.shut_down().await;
    bank.call(&["doctor"]).await.prints(expect![[r#"
        ok       log: log in memory, up to position 5
        ok       events: the program reads the stored types and versions
        ok       times: no event hides later ones by a time in the future
        warning  balances: 1 older build is stored; `projections discard-old balances` deletes such builds
        warning  savings: 1 event is parked; `parked list savings` shows why
        ok       welcome_bonus: it is live
    "#]]);
}

#[tokio::test]
async fn late_and_stopped_projections_are_found() {
    let clock = ManualClock::at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    let bank = Bank::of(Builder::projection::<Savings>);
    let app = App::builder(bank.log.clone()).clock(clock).projection::<Savings>();
    let app = app.start().await.unwrap();
    app.execute(open("a", "Ada")).await.unwrap();
    app.execute(Deposit { account: id("a"), cents: -5 }).await.unwrap();
    let stopped = |status: &Status| matches!(status.state, State::Stopped(_));
    app.wait_until("savings", stopped).await.unwrap();
    app.shut_down().await;
    let doctor = bank.call(&["doctor"]).await;
    assert!(
        doctor.out.contains("warning  savings: it is 1 event behind, the first of them for "),
        "{}",
        doctor.out
    );
    let doctor = bank.call(&["doctor", "--json"]).await;
    assert_eq!(doctor.code, 4);
    let is_problem = |line: &str| line.contains(r#""what":"savings","severity":"problem""#);
    assert!(doctor.out.lines().any(is_problem), "{}", doctor.out);
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event(name = "account.renamed")]
struct Renamed {
    name: String,
}

#[derive(Command, Serialize)]
#[command(decide = rename)]
struct Rename;

fn rename(_: &Rename) -> Renamed {
    Renamed { name: "other".to_owned() }
}

#[tokio::test]
async fn events_that_the_program_does_not_read_are_found() {
    let bank = Bank::new().await;
    let newer = App::builder(bank.log.clone()).start().await.unwrap();
    newer.execute(Rename).await.unwrap();
    bank.call(&["doctor"]).await.fails(4, expect![[r#"
        ok       log: log in memory, up to position 5
        PROBLEM  events: start an app on log in memory: `account.renamed` version 1 (events: 1, positions 5 to 5) is not read by any registered type, but has the prefix of `account.opened`, `annalist_doc_tests::AccountEvent::Opened`. If a type or variant was renamed in Rust, keep its stored name: `#[event(name = "…")]` or `alias = "…"`. If it is used by commands alone, register them: `Builder::commands`. Allow the events of other programs, and events that nobody reads any more: `Builder::unchecked_events`
        ok       times: no event hides later ones by a time in the future
        ok       balances: it is live
        ok       savings: it is live
        ok       welcome_bonus: it is live
        error: problems: 1
    "#]]);
    let allowed = Bank::on(bank.log.clone(), |builder| domain(builder).unchecked_events(["account.renamed"]));
    assert_eq!(allowed.call(&["doctor"]).await.code, 0);
}

#[tokio::test]
async fn events_of_the_future_and_interrupted_changes_are_found() {
    let bank = Bank::new().await;
    let clock = ManualClock::at("2999-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    let app = domain(App::builder(bank.log.clone())).clock(clock).start().await.unwrap();
    app.execute(open("c", "Cay")).await.unwrap();
    App::builder(bank.log.clone()).start().await.unwrap().execute(open("d", "Dee")).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app.shut_down().await;
    let close = ArchiveStep::Close {
        ids: vec![Tag::parse("account:b").unwrap()],
        file: "b.jsonl".to_owned(),
        actor: None,
        at: Timestamp::EPOCH,
    };
    bank.log.archive(close).await.unwrap();
    for target in [
        RewriteTarget::Tags { kind: "owner".to_owned() },
        RewriteTarget::Secrets { fields: vec!["owner".to_owned()], version: 1 },
    ] {
        let step = RewriteStep::begin("account.closed", target, None, Timestamp::EPOCH);
        bank.log.rewrite(step).await.unwrap();
    }
    bank.call(&["doctor"]).await.prints(expect![[r#"
        ok       log: log in memory, up to position 8
        ok       events: the program reads the stored types and versions
        warning  times: 1 event is hidden from reads at a time, because an earlier event has a time in the future; check the clocks of all servers
        ok       balances: it is live
        ok       savings: it is live
        ok       welcome_bonus: it is live
        warning  archives: archive 1 for the file `b.jsonl` is not complete; call `App::archive` with its ids again
        warning  retags: stored events `account.closed` have got the tags of the ids `owner` up to position 0 only, last at 1970-01-01T00:00:00Z; if no process is at work on it, run the retag again
        warning  encryptions: stored events `account.closed` have their secrets `owner` encrypted up to position 0 only, last at 1970-01-01T00:00:00Z; if no process is at work on it, call `App::encrypt_stored` with the event type of `account.closed` in a program with keys, which goes on there. Until then the events after that position have them in plain text, and programs that do not know that they are secrets are refused
    "#]]);
}

#[tokio::test]
async fn interrupted_erasure_is_a_problem_and_one_that_has_just_begun_is_not() {
    let bank = Bank::new().await;
    let keys = bank.log.key_store().unwrap();
    let begin = |number, erased_at| Erasure {
        subject: SubjectHash([number; 32]),
        actor: None,
        erased_at,
        completed_at: None,
    };
    keys.erase(begin(1, Timestamp::now())).await.unwrap();
    let doctor = bank.call(&["doctor"]).await;
    assert_eq!(doctor.code, 0, "{}", doctor.err);
    assert!(
        doctor.out.contains("\nwarning  erasures: a subject is being forgotten since 2"),
        "{}",
        doctor.out
    );
    keys.complete_erasure(SubjectHash([1; 32]), Timestamp::now()).await.unwrap();
    keys.erase(begin(2, "2026-01-01T00:00:00Z".parse().unwrap())).await.unwrap();
    bank.call(&["doctor"]).await.fails(4, expect![[r#"
        ok       log: log in memory, up to position 4
        ok       events: the program reads the stored types and versions
        ok       times: no event hides later ones by a time in the future
        ok       balances: it is live
        ok       savings: it is live
        ok       welcome_bonus: it is live
        PROBLEM  erasures: a subject was to be forgotten at 2026-01-01T00:00:00Z, and not all copies are removed; start a process that has keys and runs the projections, which completes it
        error: problems: 1
    "#]]);
}
