//! Reactions: each event is reacted to and each command executed once, whatever dies; what is rejected or fails stops,
//! parks or is passed over, as the policy says.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{sync::Arc, time::Duration};

use annalist::{
    App, Draft, Memory, Payload, Position, Tag, Timestamp,
    policy::MAX_HOPS,
    prelude::*,
    projection::{State, Status, Stopped},
    store::Append,
    testing::given,
};
use annalist_flow_tests::{
    domain::{Account, AccountEvent, account, deposit, transfer_of},
    faulty::{Fault, Faulty},
    faulty_rows::{FaultyRows, RowFault},
    policies::{
        Bonus, Calls, Echo, First, IgnoresRefusal, NewBonus, ParksError, ParksRefusal, Second, Slow,
        StopsAtError, StopsAtRefusal,
    },
    read_model::Balance,
};
use tokio::{sync::Semaphore, time::Instant};

type Store = Arc<dyn EventStore>;

async fn balance(app: &App, name: &str) -> u64 {
    app.load::<Account>(&account(name)).await.unwrap().balance
}

fn status(app: &App, name: &str) -> Status {
    let statuses = app.statuses();
    statuses.into_iter().find(|(other, _)| *other == name).unwrap().1
}

/// Waits until it stands still.
async fn stopped(app: &App, name: &str) -> Stopped {
    loop {
        if let State::Stopped(stopped) = status(app, name).state {
            return stopped;
        }
        tokio::task::yield_now().await;
    }
}

/// Runs cases on a store in memory and on one in a file.
macro_rules! on_stores {
    ($($case:ident;)+) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::Arc::new(super::Memory::new())).await;
            })+
        }

        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                let folder = tempfile::tempdir().unwrap();
                let store = annalist::Sqlite::open(folder.path().join("bank.db")).await.unwrap();
                super::$case(super::Arc::new(store)).await;
            })+
        }
    };
}

on_stores! {
    each_event_is_reacted_to_once_across_restarts;
    two_apps_on_one_log_react_once;
    a_policy_that_dies_before_its_place_is_written_executes_nothing_twice;
    a_place_that_cannot_be_written_is_written_later;
    from_now_and_from_the_beginning;
    from_now_on_an_empty_log_is_from_the_beginning;
    a_rejection_stops_it;
    a_rejection_parks_the_event_and_what_belongs_to_it;
    a_rejection_is_passed_over;
    parked_events_are_tried_again_in_order;
    a_slow_policy_holds_nobody_else_up;
    a_chain_hands_on_where_it_comes_from;
    a_policy_that_reacts_to_what_it_causes_is_stopped;
    names_are_shared_with_projections;
}

async fn each_event_is_reacted_to_once_across_restarts(store: Store) {
    let calls = Calls::default();
    for round in 1..=4 {
        let bonus = Bonus { calls: calls.clone() };
        let app = App::builder(store.clone()).policy(bonus).start().await.unwrap();
        for _ in 0..3 {
            app.execute(deposit("ann", 5)).await.unwrap();
        }
        app.caught_up().await.unwrap();
        assert_eq!(balance(&app, "all.bonus").await, 3 * round);
        app.shut_down().await;
    }
    assert_eq!(calls.count(), 12);
}

async fn two_apps_on_one_log_react_once(store: Store) {
    let calls = Calls::default();
    let start = || App::builder(store.clone()).policy(Bonus { calls: calls.clone() }).start();
    let (one, other) = (start().await.unwrap(), start().await.unwrap());
    for _ in 0..20 {
        one.execute(deposit("ann", 1)).await.unwrap();
        other.execute(deposit("bob", 1)).await.unwrap();
    }
    one.caught_up().await.unwrap();
    other.caught_up().await.unwrap();
    assert_eq!(balance(&one, "all.bonus").await, 40);
}

/// The command is executed, and the program dies before it has written down how far it is. The control forgets the ids of
/// commands in between: only they keep the second reaction from being executed.
async fn a_policy_that_dies_before_its_place_is_written_executes_nothing_twice(store: Store) {
    let mut paid = 0;
    for (forgets, executed) in [(false, 1), (true, 2)] {
        let calls = Calls::default();
        let start = |rows: Arc<FaultyRows>| {
            let bonus = Bonus { calls: calls.clone() };
            App::builder(store.clone()).rows(rows).policy(bonus).start()
        };
        let rows = Arc::new(FaultyRows::new(store.row_store().unwrap(), [RowFault::Swallowed]));
        let app = start(Arc::clone(&rows)).await.unwrap();
        app.execute(deposit("ann", 1)).await.unwrap();
        rows.swallowed.acquire().await.unwrap().forget();
        drop(app);
        if forgets {
            assert_eq!(store.forget_commands(Timestamp::MAX).await.unwrap(), 2);
        }

        let app = start(Arc::new(FaultyRows::new(store.row_store().unwrap(), []))).await.unwrap();
        app.caught_up().await.unwrap();
        paid += executed;
        assert_eq!((calls.count(), balance(&app, "all.bonus").await), (2, paid));
        app.shut_down().await;
    }
}

async fn a_place_that_cannot_be_written_is_written_later(store: Store) {
    let calls = Calls::default();
    let faults = [RowFault::Refused, RowFault::Refused];
    let rows = FaultyRows::new(store.row_store().unwrap(), faults);
    let bonus = Bonus { calls: calls.clone() };
    let app = App::builder(store).rows(rows).policy(bonus).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.caught_up().await.unwrap();
    assert_eq!((calls.count(), balance(&app, "all.bonus").await), (4, 2));
}

async fn from_now_and_from_the_beginning(store: Store) {
    let start = || {
        let bonus = Bonus { calls: Calls::default() };
        App::builder(store.clone()).policy(bonus).policy(NewBonus).start()
    };
    let plain = App::builder(store.clone()).start().await.unwrap();
    plain.execute(deposit("ann", 1)).await.unwrap();
    plain.execute(deposit("ann", 1)).await.unwrap();

    let app = start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.caught_up().await.unwrap();
    assert_eq!((balance(&app, "all.bonus").await, balance(&app, "new.bonus").await), (3, 1));
    drop(app);

    // Started again, it goes on where it was.
    plain.execute(deposit("ann", 1)).await.unwrap();
    let app = start().await.unwrap();
    app.caught_up().await.unwrap();
    assert_eq!((balance(&app, "all.bonus").await, balance(&app, "new.bonus").await), (4, 2));
}

async fn from_now_on_an_empty_log_is_from_the_beginning(store: Store) {
    let app = App::builder(store.clone()).policy(NewBonus).start().await.unwrap();
    app.caught_up().await.unwrap();
    drop(app);
    let plain = App::builder(store.clone()).start().await.unwrap();
    plain.execute(deposit("ann", 1)).await.unwrap();
    let app = App::builder(store).policy(NewBonus).start().await.unwrap();
    app.caught_up().await.unwrap();
    assert_eq!(balance(&app, "new.bonus").await, 1);
}

async fn a_rejection_stops_it(store: Store) {
    let app = App::builder(store).policy(StopsAtRefusal).start().await.unwrap();
    app.execute(deposit("ann", 5)).await.unwrap();
    let refused = app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("cat", 5)).await.unwrap();
    let stopped = stopped(&app, "stops_at_refusal").await;
    assert_eq!((stopped.position, stopped.event), (Some(refused.position()), Some(refused.events[0].id)));
    assert_eq!(stopped.error, "the command `transfer` was rejected: Insufficient { balance: 100 }");
    // Neither the command behind it nor what came later.
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (1, 5));
    let error = app.caught_up().await.unwrap_err().to_string();
    assert!(error.contains("stops_at_refusal") && error.contains("was rejected"), "{error}");
}

async fn a_rejection_parks_the_event_and_what_belongs_to_it(store: Store) {
    let app = App::builder(store).policy(ParksRefusal).start().await.unwrap();
    app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("ann", 5)).await.unwrap();
    app.execute(deposit("bob", 7)).await.unwrap();
    app.caught_up().await.unwrap();
    assert_eq!(status(&app, "parks_refusal").parked, 2);
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (1, 5));
}

async fn a_rejection_is_passed_over(store: Store) {
    let app = App::builder(store).policy(IgnoresRefusal).start().await.unwrap();
    app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("ann", 5)).await.unwrap();
    app.caught_up().await.unwrap();
    // The command behind the rejected one was sent.
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (2, 5));
    assert_eq!(status(&app, "ignores_refusal").parked, 0);
}

async fn a_chain_hands_on_where_it_comes_from(store: Store) {
    let app = App::builder(store).policy(First).policy(Second).start().await.unwrap();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let asked = app.execute(deposit("ann", 9)).actor("ann").correlation("order-1").trace(trace);
    let asked = asked.await.unwrap();
    app.caught_up().await.unwrap();

    let history = app.history::<AccountEvent>(&account("chain.1")).await.unwrap();
    let [first] = history.as_slice() else { panic!("{history:?}") };
    let history = app.history::<AccountEvent>(&account("chain.2")).await.unwrap();
    let [second] = history.as_slice() else { panic!("{history:?}") };
    for (event, cause, policy, hops) in
        [(first, asked.events[0].id, "first", 1), (second, first.id, "second", 2)]
    {
        let metadata = &event.metadata;
        let text = |name: &Option<_>| name.as_ref().map(ToString::to_string).unwrap();
        assert_eq!(text(&metadata.actor), format!("policy:{policy}"));
        assert_eq!(text(&metadata.causation), cause.to_string());
        assert_eq!(text(&metadata.command_id), format!("policy/{policy}/{cause}/0"));
        assert_eq!((text(&metadata.correlation), text(&metadata.trace)), ("order-1".into(), trace.into()));
        assert_eq!(metadata.hops, hops);
    }
}

async fn a_policy_that_reacts_to_what_it_causes_is_stopped(store: Store) {
    let app = App::builder(store).policy(Echo).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    let stopped = stopped(&app, "echo").await;
    assert!(stopped.error.starts_with("`echo` reacts to what it causes: 32 policies"), "{stopped}");
    assert_eq!(balance(&app, "echo").await, u64::from(MAX_HOPS));
}

async fn names_are_shared_with_projections(store: Store) {
    let twice = App::builder(store.clone()).policy(NewBonus).policy(NewBonus).start().await;
    let text = twice.unwrap_err().to_string();
    assert!(text.contains("are named `new_bonus`"), "{text}");
    App::builder(store.clone()).projection::<Balance>().start().await.unwrap().shut_down().await;
    let text = App::builder(store).policy(Balances).start().await.unwrap_err().to_string();
    assert!(text.contains("`balances`") && text.contains("cents Int index"), "{text}");
}

/// A policy with the name of a projection.
#[derive(Policy)]
#[policy(name = "balances", from = now, on_reject = stop, on(AccountEvent => Balances::react))]
struct Balances;

impl Balances {
    fn react(&self, _: &AccountEvent) {}
}

async fn parked_events_are_tried_again_in_order(store: Store) {
    let app = App::builder(store).policy(ParksRefusal).start().await.unwrap();
    let first = app.execute(deposit("bob", 100)).await.unwrap();
    app.caught_up().await.unwrap();
    app.execute(deposit("bob", 7)).await.unwrap();
    app.caught_up().await.unwrap();
    let parked = app.parked("parks_refusal").await.unwrap();
    assert_eq!(parked.iter().map(|one| one.attempts).collect::<Vec<_>>(), [1, 0]);
    assert!(parked[0].error.contains("Insufficient { balance: 100 }"), "{}", parked[0].error);
    assert_eq!(parked[1].error, format!("waits for the event at position {}", first.position()));

    let again = app.retry_parked("parks_refusal").await.unwrap();
    assert_eq!((again.done, again.parked), (0, 2));
    assert_eq!(app.parked("parks_refusal").await.unwrap()[0].attempts, 2);

    // With more in the account the first two can be done. What they cause belongs to the account too, and waits.
    app.execute(deposit("bob", 300)).await.unwrap();
    app.caught_up().await.unwrap();
    assert_eq!(app.retry_parked("parks_refusal").await.unwrap().done, 2);
    app.caught_up().await.unwrap();
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (2, 207));
    let left = app.parked("parks_refusal").await.unwrap().remove(0);
    assert!(left.error.contains("Insufficient { balance: 200 }"), "{}", left.error);

    // Given up, it lets the others go on.
    assert!(app.discard_parked("parks_refusal", left.position).await.unwrap());
    assert_eq!(app.retry_parked("parks_refusal").await.unwrap().parked, 0);
    app.execute(deposit("bob", 3)).await.unwrap();
    app.caught_up().await.unwrap();
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (3, 210));
}

async fn a_slow_policy_holds_nobody_else_up(store: Store) {
    let (here, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = Slow { here: Arc::clone(&here), gate: Arc::clone(&gate) };
    let bonus = Bonus { calls: Calls::default() };
    let app = App::builder(store).policy(slow).policy(bonus).projection::<Balance>().start().await.unwrap();
    for round in 1..=5 {
        let receipt = app.execute(deposit("ann", 1)).await.unwrap();
        let row = app.find::<Balance>(&account("ann")).after(&receipt).await.unwrap();
        assert_eq!(row.unwrap().cents, round);
        app.passed("bonus", &receipt, Duration::from_secs(30)).await.unwrap();
    }
    here.acquire().await.unwrap().forget();
    assert_eq!((here.available_permits(), balance(&app, "slow.bonus").await), (0, 0));
    gate.add_permits(5);
    app.caught_up().await.unwrap();
    assert_eq!((balance(&app, "slow.bonus").await, balance(&app, "all.bonus").await), (5, 5));
}

#[tokio::test]
async fn a_policy_does_not_keep_its_app_alive() {
    let (here, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = Slow { here: Arc::clone(&here), gate };
    let store = Arc::new(Memory::new());
    let app = App::builder(Arc::clone(&store)).policy(slow).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    here.acquire().await.unwrap().forget();
    drop(app);
    while Arc::strong_count(&store) > 1 || Arc::strong_count(&here) > 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_in_order_waits_ten_seconds_for_the_world_outside() {
    let (here, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = || Slow { here: Arc::clone(&here), gate: Arc::clone(&gate) };
    let store = Memory::new();
    let app = App::builder(store.clone()).policy(slow()).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    here.acquire().await.unwrap().forget();
    let asked = Instant::now();
    app.shut_down().await;
    assert!(asked.elapsed() <= Duration::from_secs(10), "{:?}", asked.elapsed());

    // What it had come to is reacted to again.
    gate.add_permits(1);
    let app = App::builder(store).policy(slow()).start().await.unwrap();
    app.caught_up().await.unwrap();
    assert_eq!(balance(&app, "slow.bonus").await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_in_order_does_not_wait_for_the_next_try() {
    let calls = Calls::default();
    let policy = ParksError { calls: calls.clone(), failures: usize::MAX };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("ann", 100)).await.unwrap();
    let waits = |status: Status| matches!(status.state, State::Waiting { reason } if reason.contains("try 1 of 4 failed"));
    while !waits(status(&app, "parks_error")) {
        tokio::task::yield_now().await;
    }
    let asked = Instant::now();
    app.shut_down().await;
    assert_eq!((asked.elapsed(), calls.count()), (Duration::ZERO, 1));
}

/// Time stands still until everybody waits: what passes is the sum of the pauses.
#[tokio::test(start_paused = true)]
async fn a_failing_reaction_is_tried_again_with_growing_pauses() {
    let calls = Calls::default();
    let policy = StopsAtError { calls: calls.clone(), failures: 3 };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    let asked = Instant::now();
    app.execute(deposit("ann", 100)).await.unwrap();
    app.caught_up().await.unwrap();
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (4, 1));
    assert!(asked.elapsed() >= Duration::from_millis(40 + 80 + 160), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_reaction_that_keeps_failing_stops_it_until_it_is_told_to_go_on() {
    let calls = Calls::default();
    let policy = StopsAtError { calls: calls.clone(), failures: 5 };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    let failing = app.execute(deposit("ann", 100)).await.unwrap();
    app.caught_up().await.unwrap_err();
    let stopped = stopped(&app, "stops_at_error").await;
    assert_eq!((stopped.position, calls.count()), (Some(failing.position()), 4));
    assert_eq!(stopped.error, "the mail server does not answer");
    assert_eq!(balance(&app, "after.failure").await, 1);

    app.resume("stops_at_error").unwrap();
    while matches!(status(&app, "stops_at_error").state, State::Stopped(_)) {
        tokio::task::yield_now().await;
    }
    app.passed("stops_at_error", &failing, Duration::from_secs(30)).await.unwrap();
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (6, 2));
}

#[tokio::test(start_paused = true)]
async fn a_reaction_that_keeps_failing_parks_its_event() {
    let calls = Calls::default();
    let policy = ParksError { calls: calls.clone(), failures: 5 };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.execute(deposit("bob", 1)).await.unwrap();
    app.caught_up().await.unwrap();
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (4, 1));
    let parked = app.parked("parks_error").await.unwrap();
    let told: Vec<_> = parked.iter().map(|one| (one.attempts, one.error.as_str())).collect();
    assert_eq!(told, [(4, "the mail server does not answer"), (0, "waits for the event at position 1")]);

    // By hand it is tried once.
    assert_eq!(app.retry_parked("parks_error").await.unwrap().done, 0);
    assert_eq!((calls.count(), app.parked("parks_error").await.unwrap()[0].attempts), (5, 5));
    assert_eq!(app.retry_parked("parks_error").await.unwrap().done, 2);
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (6, 3));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failed_reaction() {
    let calls = Calls::default();
    let policy = StopsAtError { calls: calls.clone(), failures: usize::MAX };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("ann", 1000)).await.unwrap();
    app.caught_up().await.unwrap_err();
    let stopped = stopped(&app, "stops_at_error").await;
    assert_eq!((stopped.error.as_str(), calls.count()), ("the handler panicked: nobody deposits 1000", 4));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_is_a_failed_reaction() {
    let store = Memory::new();
    let tag = Tag::of(&account("ann")).unwrap();
    let unreadable = Draft::new("account.deposited", 1, [tag], Payload::parse("{}").unwrap()).unwrap();
    let events = vec![unreadable, ann_deposited()];
    store.append(Append { events, ..Append::default() }).await.unwrap();
    let policy = ParksError { calls: Calls::default(), failures: 0 };
    let app = App::builder(store).policy(policy).start().await.unwrap();
    app.execute(deposit("bob", 1)).await.unwrap();
    app.caught_up().await.unwrap();
    let parked = app.parked("parks_error").await.unwrap();
    assert!(parked[0].error.contains("cannot be decoded"), "{}", parked[0].error);
    assert_eq!((parked.len(), balance(&app, "after.failure").await), (2, 1));
}

/// What the handler did is not done again while a store is waited for: its commands are kept.
#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_waited_for() {
    for fault in [|| Fault::Refused, || Fault::RequestLost, || Fault::AnswerLost] {
        let store = Arc::new(Faulty::new((0..100).map(|_| fault())));
        let deposited = Append { events: vec![ann_deposited()], ..Append::default() };
        store.inner.append(deposited).await.unwrap();
        let calls = Calls::default();
        let bonus = Bonus { calls: calls.clone() };
        let app = App::builder(Arc::clone(&store)).rows(Memory::new()).policy(bonus).start().await.unwrap();
        app.passed("bonus", Position::new(1), Duration::from_secs(3600)).await.unwrap();
        assert_eq!((calls.count(), balance(&app, "all.bonus").await), (1, 1));
    }
}

fn ann_deposited() -> Draft {
    let data = Payload::parse(r#"{"account":"ann","amount":1}"#).unwrap();
    Draft::new("account.deposited", 1, [Tag::of(&account("ann")).unwrap()], data).unwrap()
}

#[tokio::test]
async fn given_an_event_the_commands() {
    let deposited = AccountEvent::Deposited { account: account("ann"), amount: 5 };
    let expected = (transfer_of("ann", "out.of", 5), deposit("after.refusal", 1));
    given(()).react(StopsAtRefusal, deposited.clone()).await.sends(expected);
    given(())
        .react(ParksError { calls: Calls::default(), failures: 1 }, deposited)
        .await
        .sends(deposit("after.failure", 1));
    let moved = AccountEvent::Moved { from: account("ann"), to: account("bob"), amount: 1 };
    given(()).react(StopsAtRefusal, moved).await.sends_nothing();
}
