//! Read models: rows by key and by index, after a receipt, in the store of the events or in another one.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::time::Duration;

use annalist::{
    App, Criteria, Error, Memory, Position,
    projection::{ProjectionOptions, State},
    testing::given,
};
use annalist_flow_tests::{
    domain::{AccountEvent, account, deposit, transfer_of},
    read_model::{Balance, EventCount},
};

fn deposited(name: &str, amount: u64) -> AccountEvent {
    AccountEvent::Deposited { account: account(name), amount }
}

fn balance(name: &str, cents: i64, events: i64) -> Balance {
    Balance { account: account(name), cents, events }
}

#[test]
fn given_events_project_to_rows() {
    let moved = AccountEvent::Moved { from: account("a"), to: account("b"), amount: 4 };
    given(([deposited("a", 10), deposited("c", 1)], moved))
        .project::<Balance>()
        .row(&account("a"))
        .eq(balance("a", 6, 2))
        .row(&account("b"))
        .eq(balance("b", 4, 1))
        .row(&account("unknown"))
        .none();
}

#[test]
#[should_panic(expected = "the row has other values\n  - Balance")]
fn unequal_row_fails_with_both_rows() {
    given(deposited("a", 10)).project::<Balance>().row(&account("a")).eq(balance("a", 9, 1));
}

#[tokio::test]
async fn find_after_a_receipt_includes_its_events() {
    let app = App::builder(Memory::new()).projection::<Balance>().start().await.unwrap();
    for round in 1..=50 {
        let receipt = app.execute(deposit("a", 2)).await.unwrap();
        let row = app.find::<Balance>(&account("a")).after(&receipt).await.unwrap();
        assert_eq!(row, Some(balance("a", 2 * round, round)));
    }
    assert_eq!(app.find::<Balance>(&account("unknown")).await.unwrap(), None);
}

#[tokio::test]
async fn rows_can_be_stored_in_several_other_stores() {
    let (events, first, second) = (Memory::new(), Memory::new(), Memory::new());
    let start = || {
        App::builder(events.clone())
            .rows(first.clone())
            .projection::<Balance>()
            .projection_with::<EventCount>(ProjectionOptions::new().rows(second.clone()))
    };
    let app = start().start().await.unwrap();
    app.execute(deposit("a", 10)).await.unwrap();
    app.execute(transfer_of("a", "b", 4)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(app.find::<Balance>(&account("a")).await.unwrap(), Some(balance("a", 6, 2)));
    assert_eq!(app.find::<EventCount>(&account("b")).await.unwrap().unwrap().events, 1);
    app.stop();
    drop(app);

    // After a restart it resumes at its checkpoint and counts no event twice.
    let app = start().start().await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(app.find::<Balance>(&account("a")).await.unwrap(), Some(balance("a", 7, 3)));
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let app = App::builder(Memory::new()).projection::<Balance>().start().await.unwrap();
    for (name, amount) in [("ann", 5), ("bob", 3), ("cat", 5), ("dan", 9), ("eve", 1)] {
        app.execute(deposit(name, amount)).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
    let names = |rows: &[Balance]| rows.iter().map(|row| row.account.to_string()).collect::<Vec<_>>();

    let all = app.list::<Balance>().await.unwrap();
    assert_eq!(
        (names(&all.rows), all.next),
        (["ann", "bob", "cat", "dan", "eve"].map(String::from).to_vec(), None)
    );
    let some = app.list::<Balance>().range("cents", 3i64..6).order_by("cents").descending().await.unwrap();
    assert_eq!(names(&some.rows), ["cat", "ann", "bob"]);
    let one = app.list::<Balance>().equal("cents", &9i64).await.unwrap();
    assert_eq!(names(&one.rows), ["dan"]);
    let prefixed = app.list::<Balance>().prefix("account", "c").await.unwrap();
    assert_eq!(names(&prefixed.rows), ["cat"]);

    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let list = app.list::<Balance>().order_by("cents").limit(2);
        let page = match cursor.take() {
            Some(cursor) => list.from(cursor).await.unwrap(),
            None => list.await.unwrap(),
        };
        seen.extend(names(&page.rows));
        // A client stores the cursor as text.
        let Some(next) = page.next else { break };
        cursor = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(seen, ["eve", "bob", "ann", "cat", "dan"]);
}

#[tokio::test]
async fn invalid_queries_are_refused_with_the_reason() {
    let app = App::builder(Memory::new()).projection::<Balance>().start().await.unwrap();
    let unknown = app.list::<Balance>().equal("owner", &"ann".to_owned()).await.unwrap_err().to_string();
    assert!(unknown.contains("account, cents"), "{unknown}");
    let not_indexed = app.list::<Balance>().order_by("events").await.unwrap_err().to_string();
    assert!(not_indexed.contains("#[index]"), "{not_indexed}");
    let type_error = app.list::<Balance>().equal("cents", &"ann".to_owned()).await.unwrap_err().to_string();
    assert!(type_error.contains("another type"), "{type_error}");

    for name in ["a", "b"] {
        app.execute(deposit(name, 1)).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
    let cursor = app.list::<Balance>().limit(1).await.unwrap().next.unwrap();
    let foreign = app.list::<Balance>().order_by("cents").from(cursor).await.unwrap_err().to_string();
    assert!(foreign.contains("another query"), "{foreign}");
    assert!("{}".parse::<annalist::query::Cursor>().is_err());
    let missing = app.find::<EventCount>(&account("a")).await.unwrap_err().to_string();
    assert!(missing.contains(".projection::<"), "{missing}");
}

#[tokio::test]
async fn poison_event_stops_only_the_projection_that_fails_on_it() {
    let app =
        App::builder(Memory::new()).projection::<Balance>().projection::<EventCount>().start().await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    let poison = app.execute(deposit("a", 5000)).await.unwrap();
    let error = app.find::<EventCount>(&account("a")).after(&poison).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::NotCaughtUp { .. }), "{error:?}");
    assert!(text.contains("cannot handle a deposit of 5000") && text.contains("account.deposited"), "{text}");

    let statuses = app.statuses();
    let [("balances", _), ("event_counts", counted)] = statuses.as_slice() else { panic!("{statuses:?}") };
    assert_eq!(counted.position, Position::new(1));
    let State::Stopped(stopped) = &counted.state else { panic!("{counted:?}") };
    assert_eq!((stopped.position, stopped.event), (Some(poison.position()), Some(poison.events[0].id)));
    // Earlier events are in the rows; the other projection continues.
    assert_eq!(app.find::<EventCount>(&account("a")).await.unwrap().unwrap().events, 1);
    let row = app.find::<Balance>(&account("a")).after(&poison).await.unwrap();
    assert_eq!(row, Some(balance("a", 5001, 2)));
}

mod conflicting {
    use annalist::prelude::*;
    use annalist_flow_tests::domain::{AccountEvent, AccountId};

    /// Another projection with the name `balances`.
    #[derive(Projection, Clone, Debug)]
    #[projection(name = "balances", version = 1, on(AccountEvent => Other::apply))]
    pub(crate) struct Other {
        #[key]
        account: AccountId,
        seen: bool,
    }

    impl Other {
        fn apply(&mut self, _: &AccountEvent) {
            self.seen = true;
        }
    }

    /// A policy with the name `balances`.
    #[derive(Policy)]
    #[policy(name = "balances", from = now, on_reject = stop, on(AccountEvent => Greeter::greet))]
    pub(crate) struct Greeter;

    impl Greeter {
        fn greet(&self, _: &AccountEvent) {}
    }
}

#[tokio::test]
async fn projections_with_the_same_name_are_refused_and_their_types_named() {
    let builder = App::builder(Memory::new()).projection::<Balance>().projection::<conflicting::Other>();
    let text = builder.start().await.unwrap_err().to_string();
    let types = "`balances` is used by both `annalist_flow_tests::read_model::Balance` and \
                 `read_models::conflicting::Other`; give one of them another `name`";
    assert!(text.contains(types), "{text}");
}

#[tokio::test]
async fn policy_with_the_name_of_a_projection_is_refused_and_both_types_named() {
    let builder = App::builder(Memory::new()).projection::<Balance>().policy(conflicting::Greeter);
    let text = builder.start().await.unwrap_err().to_string();
    let types = "`annalist_flow_tests::read_model::Balance` and `read_models::conflicting::Greeter`";
    assert!(text.contains(types) && text.contains("`balances`"), "{text}");
}

#[tokio::test]
async fn projection_that_is_registered_twice_is_refused() {
    let builder = App::builder(Memory::new()).projection::<Balance>().projection::<Balance>();
    let text = builder.start().await.unwrap_err().to_string();
    assert!(text.contains("read_model::Balance`; register it once"), "{text}");
}

#[tokio::test]
async fn changed_columns_without_a_new_version_are_refused() {
    let store = Memory::new();
    App::builder(store.clone()).projection::<Balance>().start().await.unwrap();
    let text = App::builder(store).projection::<conflicting::Other>().start().await.unwrap_err().to_string();
    assert!(
        text.contains("cents Int index") && text.contains("seen Bool") && text.contains("`version`"),
        "{text}"
    );
}

#[tokio::test]
async fn rows_of_another_log_are_refused() {
    let rows = Memory::new();
    App::builder(Memory::new()).rows(rows.clone()).projection::<Balance>().start().await.unwrap();
    let other = App::builder(Memory::new()).rows(rows).projection::<Balance>().start().await;
    assert!(other.unwrap_err().to_string().contains("were made of log"));
}

#[tokio::test]
async fn feed_returns_every_event_in_order() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    let mut feed = app.feed(Criteria::all()).pages_of(2);
    let reader = tokio::spawn(async move {
        let mut seen = Vec::new();
        while seen.len() < 5 {
            seen.extend(feed.next().await.unwrap().records.into_iter().map(|record| record.position.get()));
        }
        seen
    });
    for _ in 0..5 {
        app.execute(deposit("a", 1)).await.unwrap();
    }
    let seen = tokio::time::timeout(Duration::from_secs(30), reader).await.unwrap().unwrap();
    assert_eq!(seen, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn token_of_one_process_is_awaited_in_another() {
    let (events, rows) = (Memory::new(), Memory::new());
    let writer = App::builder(events.clone()).start().await.unwrap();
    let reader = App::builder(events).rows(rows).projection::<Balance>().start().await.unwrap();
    let receipt = writer.execute(deposit("a", 7)).await.unwrap();
    let token = writer.token(&receipt).to_string();

    let position = reader.position_of(token.parse().unwrap()).unwrap();
    let row = reader.find::<Balance>(&account("a")).after(position).await.unwrap();
    assert_eq!(row, Some(balance("a", 7, 1)));

    let other = App::builder(Memory::new()).start().await.unwrap();
    assert!(other.position_of(token.parse().unwrap()).unwrap_err().to_string().contains("another log"));
}
