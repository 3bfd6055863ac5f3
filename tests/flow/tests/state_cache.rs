//! The state cache, and batches of decisions, each on the state that the one before it left.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use annalist::{
    App, EventStore, ExecuteError, Memory, Receipt, Sqlite, prelude::*, store::IntoEventStore, testing::given,
};
use annalist_flow_tests::{
    domain::{Account, AccountEvent, AccountId, DepositIfEmpty, Refused, account, deposit, transfer_of},
    faulty_store::{Fault, FaultyStore},
};
use proptest::{prelude::*, test_runner::TestCaseResult};
use tokio::task::JoinSet;

async fn app(store: impl IntoEventStore) -> App {
    App::builder(store).start().await.unwrap()
}

/// Two programs on one log.
async fn two_apps(store: Arc<dyn EventStore>) -> (App, App) {
    (app(Arc::clone(&store)).await, app(store).await)
}

fn reads(store: &FaultyStore) -> usize {
    store.reads.load(Ordering::SeqCst)
}

fn batch_sizes(store: &FaultyStore) -> Vec<usize> {
    store.batch_sizes.lock().unwrap().clone()
}

async fn balance(app: &App, name: &str) -> u64 {
    app.load::<Account>(&account(name)).await.unwrap().balance
}

async fn all(
    tasks: JoinSet<Result<Receipt, ExecuteError<Refused>>>,
) -> Vec<Result<Receipt, ExecuteError<Refused>>> {
    tasks.join_all().await
}

#[tokio::test]
async fn state_is_read_once_and_then_cached() {
    let store = Arc::new(FaultyStore::new([]));
    let app = app(Arc::clone(&store)).await;
    app.execute(deposit("a", 1)).await.unwrap();
    assert_eq!(reads(&store), 1);
    for _ in 0..10 {
        app.execute(deposit("a", 1)).await.unwrap();
    }
    assert_eq!(reads(&store), 1);
    app.execute(transfer_of("a", "b", 11)).await.unwrap();
    assert_eq!(reads(&store), 2);
    app.execute(transfer_of("b", "a", 11)).await.unwrap();
    assert_eq!(reads(&store), 2);
    assert_eq!((balance(&app, "a").await, balance(&app, "b").await), (11, 0));
}

#[tokio::test]
async fn state_is_read_for_each_command_without_a_cache() {
    let store = Arc::new(FaultyStore::new([]));
    let app = App::builder(Arc::clone(&store)).state_cache_capacity(0).start().await.unwrap();
    app.execute(deposit("z", 1)).await.unwrap();
    for round in 1..10 {
        app.execute(deposit("z", 1)).await.unwrap();
        assert_eq!(reads(&store), 1 + round);
    }
}

#[tokio::test]
async fn commands_that_create_skip_the_read() {
    let store = Arc::new(FaultyStore::new([]));
    let app = app(Arc::clone(&store)).await;
    for number in 0..20 {
        app.execute(deposit(&number.to_string(), 1)).await.unwrap();
    }
    let read = reads(&store);
    assert!(read < 5, "{read}");
    // The next account exists already, unknown to this program.
    store.inner.append_one(foreign_deposit("old", 5)).await.unwrap();
    app.execute(deposit("old", 1)).await.unwrap();
    assert_eq!(balance(&app, "old").await, 6);
    store.inner.append_one(foreign_deposit("older", 5)).await.unwrap();
    app.execute(transfer_of("older", "b", 5)).await.unwrap();
    assert_eq!(balance(&app, "b").await, 5);
}

/// The control: decided on the cached state only, the same command is rejected.
#[tokio::test]
async fn rejection_is_not_based_on_a_stale_cached_state() {
    let (one, other) = two_apps(Arc::new(Memory::new())).await;
    one.execute(deposit("a", 1)).await.unwrap();
    one.execute(deposit("a", 1)).await.unwrap();
    other.execute(deposit("a", 10)).await.unwrap();
    one.execute(transfer_of("a", "b", 12)).await.unwrap();

    let stale = [1, 1].map(|amount| AccountEvent::Deposited { account: account("a"), amount });
    given(stale).when(transfer_of("a", "b", 12)).then_err(Refused::Insufficient { balance: 2 });
}

#[tokio::test]
async fn decision_without_events_is_not_based_on_a_stale_cached_state() {
    let (one, other) = two_apps(Arc::new(Memory::new())).await;
    one.execute(deposit("a", 1)).await.unwrap();
    other.execute(transfer_of("a", "b", 1)).await.unwrap();
    let receipt = one.execute(DepositIfEmpty { account: account("a") }).await.unwrap();
    assert_eq!(receipt.events.len(), 1);
    assert!(one.execute(DepositIfEmpty { account: account("a") }).await.unwrap().events.is_empty());
}

/// Events of other programs are folded into the cached state: an account that two programs change is not read from its
/// beginning.
#[tokio::test]
async fn stale_cached_state_reads_only_new_events() {
    let store = Arc::new(FaultyStore::new([]));
    let app = app(Arc::clone(&store)).await;
    for _ in 0..3 {
        app.execute(deposit("a", 1)).await.unwrap();
        store.inner.append_one(foreign_deposit("a", 10)).await.unwrap();
    }
    app.execute(transfer_of("a", "b", 33)).await.unwrap();
    assert_eq!(balance(&app, "b").await, 33);
}

/// Two aggregates fold the same events, so an append of one makes the cached state of the other stale. That costs a read,
/// but no failed append.
#[tokio::test]
async fn append_of_another_aggregate_invalidates_the_cached_state() {
    let store = Arc::new(FaultyStore::new([]));
    let app = app(Arc::clone(&store)).await;
    for round in 1..10 {
        app.execute(deposit("a", 2)).await.unwrap();
        app.execute(Halve { account: account("a") }).await.unwrap();
        assert_eq!((balance(&app, "a").await, batch_sizes(&store).len()), (round, 2 * round as usize));
    }
    let records = store.records.load(Ordering::SeqCst);
    app.execute(Halve { account: account("a") }).await.unwrap();
    app.execute(deposit("a", 2)).await.unwrap();
    assert!(store.records.load(Ordering::SeqCst) - records <= 3);
}

/// Another aggregate of the same events.
#[derive(Aggregate)]
#[aggregate(on(AccountEvent => LastDeposit::apply))]
struct LastDeposit {
    #[id]
    id: AccountId,
    amount: u64,
}

/// Moves half of the last deposit away.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = LastDeposit::halve)]
struct Halve {
    #[id]
    account: AccountId,
}

impl LastDeposit {
    fn apply(&mut self, event: &AccountEvent) {
        if let AccountEvent::Deposited { amount, .. } = event {
            self.amount = *amount;
        }
    }

    fn halve(&self, _: &Halve) -> AccountEvent {
        AccountEvent::Moved { from: self.id.clone(), to: account("void"), amount: self.amount / 2 }
    }
}

/// One command borrows a state, another one owns it: the owned state is folded again, even if a state is cached.
#[tokio::test]
async fn owned_state_is_not_taken_from_the_cache() {
    let (one, other) = two_apps(Arc::new(Memory::new())).await;
    for round in 1..5 {
        one.execute(deposit("a", 10)).await.unwrap();
        other.execute(deposit("b", 1)).await.unwrap();
        one.execute(Collect { from: vec![account("a"), account("b"), account("a")] }).await.unwrap();
        assert_eq!((balance(&one, "a").await, balance(&one, "c").await), (0, 11 * round));
    }
    let unchanged = one.execute(Collect { from: vec![account("a")] }).await.unwrap();
    assert!(unchanged.events.is_empty());
}

/// Moves the balances of several accounts to one.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = collect)]
struct Collect {
    #[id(Account)]
    from: Vec<AccountId>,
}

fn collect(from: &[Arc<Account>], _: &Collect) -> Result<Vec<AccountEvent>, Refused> {
    let full = from.iter().filter(|account| account.balance > 0);
    let moved = |from: &Arc<Account>| AccountEvent::Moved {
        from: from.id.clone(),
        to: account("c"),
        amount: from.balance,
    };
    Ok(full.map(moved).collect())
}

/// A batch is written before it is too large for a store.
#[tokio::test]
async fn batch_ends_after_a_large_payload() {
    let store = Arc::new(FaultyStore::new([]));
    let app = app(Arc::clone(&store)).await;
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let note = Note { account: account("a"), text: "x".repeat(600_000) };
        tasks.spawn(app.execute(note).into_future());
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!(batch_sizes(&store).iter().max(), Some(&2));
}

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "noted")]
struct Noted {
    #[id]
    account: AccountId,
    text: String,
}

#[derive(Aggregate)]
#[aggregate(on(Noted => Notes::apply))]
struct Notes {
    #[id]
    id: AccountId,
    number: usize,
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Notes::note)]
struct Note {
    #[id]
    account: AccountId,
    text: String,
}

impl Notes {
    fn apply(&mut self, _: &Noted) {
        self.number += 1;
    }

    fn note(&self, command: &Note) -> Noted {
        Noted { account: self.id.clone(), text: command.text.clone() }
    }
}

/// A rejection in a batch waits for the commands before it, because the state that it was decided on may never be
/// committed.
#[tokio::test]
async fn rejection_in_a_batch_is_returned_only_if_still_valid() {
    // A deposit of 50 by another process conflicts with the first command of the second batch.
    let store = Arc::new(FaultyStore::new([]));
    let app = app(Arc::clone(&store)).await;
    app.execute(deposit("a", 10)).await.unwrap();
    app.execute(withdraw(7)).await.unwrap();
    store.plan([Fault::Overtaken(Box::new(foreign_deposit("a", 50)))]);
    let mut tasks = JoinSet::new();
    for amount in [1, 40, 2, 10] {
        tasks.spawn(app.execute(withdraw(amount)).into_future());
    }
    assert!(all(tasks).await.into_iter().all(|result| result.is_ok()));
    assert_eq!(balance(&app, "a").await, 0);
}

#[tokio::test]
async fn every_command_of_a_failed_batch_completes() {
    for fault in [
        Fault::AnswerLost,
        Fault::RequestLost,
        Fault::Refused,
        Fault::Overtaken(Box::new(foreign_deposit("b", 1))),
    ] {
        let store = Arc::new(FaultyStore::new([]));
        let app = app(Arc::clone(&store)).await;
        app.execute(deposit("a", 1)).await.unwrap();
        store.plan([Fault::Held, fault]);
        let first = tokio::spawn(app.execute(deposit("a", 1)).into_future());
        store.held.acquire().await.unwrap().forget();
        let mut tasks = JoinSet::new();
        for number in 0..10 {
            tasks.spawn(app.execute(deposit("a", 1)).id(format!("c-{number}")).into_future());
        }
        // All of them are queued before the first one is released.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        store.gate.add_permits(1);
        first.await.unwrap().unwrap();
        assert!(all(tasks).await.iter().all(Result::is_ok));
        assert_eq!((balance(&app, "a").await, store.remaining()), (12, 0));
        assert!(batch_sizes(&store).iter().any(|number| *number > 5));
    }
}

#[tokio::test]
async fn repeated_command_id_in_one_batch_is_executed_once() {
    let store = Arc::new(FaultyStore::new([]));
    let app = app(Arc::clone(&store)).await;
    app.execute(deposit("a", 1)).id("before").await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..60 {
        let id = if number % 4 == 0 { "before".to_owned() } else { format!("c-{}", number % 10) };
        tasks.spawn(app.execute(deposit("a", 1)).id(id).into_future());
    }
    assert!(all(tasks).await.iter().all(Result::is_ok));
    let ids: std::collections::HashSet<_> =
        (0..60).filter(|number| number % 4 != 0).map(|number| number % 10).collect();
    assert_eq!(balance(&app, "a").await, 1 + ids.len() as u64);
}

/// Cancelled commands affect no others: written events are in the log, every other command returns, and the queue
/// continues.
#[tokio::test]
async fn cancelled_commands_do_not_affect_the_batch() {
    for seed in 0..40_u64 {
        let store = Arc::new(FaultyStore::new([Fault::Held]));
        let app = app(Arc::clone(&store)).await;
        let first = tokio::spawn(app.execute(deposit("a", 1)).into_future());
        store.held.acquire().await.unwrap().forget();
        store.gate.add_permits(1);
        let tasks: Vec<_> =
            (0..30).map(|_| tokio::spawn(app.execute(deposit("a", 1)).into_future())).collect();
        let mut accepted = 1;
        first.await.unwrap().unwrap();
        for (number, task) in tasks.into_iter().enumerate() {
            if (number as u64 * 7 + seed).is_multiple_of(3) {
                task.abort();
            }
            match task.await {
                Ok(result) => {
                    result.unwrap();
                    accepted += 1;
                }
                Err(error) => assert!(error.is_cancelled()),
            }
        }
        app.execute(deposit("a", 1)).await.unwrap();
        let events = app.history::<AccountEvent>(&account("a")).await.unwrap().len() as u64;
        assert!(events > accepted && events <= 32, "{accepted} {events}");
        app.execute(withdraw(events)).await.unwrap();
        assert_eq!(balance(&app, "a").await, 0);
    }
}

/// Withdraws money by moving it to the account `void`, which no command reads.
fn withdraw(amount: u64) -> Withdraw {
    Withdraw { account: account("a"), amount }
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = decide_withdraw, error = Refused)]
struct Withdraw {
    #[id(Account)]
    account: AccountId,
    amount: u64,
}

fn decide_withdraw(from: &Account, command: &Withdraw) -> Result<AccountEvent, Refused> {
    if from.balance < command.amount {
        return Err(Refused::Insufficient { balance: from.balance });
    }
    Ok(AccountEvent::Moved { from: from.id.clone(), to: account("void"), amount: command.amount })
}

/// A deposit that another process appends, as the store receives it.
fn foreign_deposit(name: &str, amount: u64) -> annalist::store::Append {
    use annalist::{Tag, manual::Payload, store::Draft};
    let data = Payload::parse(format!(r#"{{"account":"{name}","amount":{amount}}}"#)).unwrap();
    let tag = Tag::of(&account(name)).unwrap();
    let events = vec![Draft::new("account.deposited", 1, [tag], data).unwrap()];
    annalist::store::Append { events, ..Default::default() }
}

#[derive(Clone, Debug)]
enum Step {
    Deposit(u8, u64),
    Transfer(u8, u8, u64),
    IfEmpty(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..4_u8;
    prop_oneof![
        (name.clone(), 1..5_u64).prop_map(|(name, amount)| Step::Deposit(name, amount)),
        (name.clone(), name.clone(), 1..8_u64)
            .prop_map(|(from, to, amount)| Step::Transfer(from, to, amount)),
        name.prop_map(Step::IfEmpty),
    ]
}

/// Several programs, one of which caches two states only, alternate on one log. Each outcome is the same as without a
/// cache.
async fn outcomes_equal_uncached_ones(
    stores: [Arc<dyn EventStore>; 3],
    steps: Vec<(usize, Step)>,
) -> TestCaseResult {
    let [one, two, three] = stores;
    let few = App::builder(two).state_cache_capacity(2).start().await.unwrap();
    let apps = [app(one).await, few, app(three).await];
    let mut balances: HashMap<String, u64> = HashMap::new();
    for (number, step) in steps {
        let app = &apps[number % 3];
        let name = |number: u8| number.to_string();
        let of = |balances: &HashMap<String, u64>, name: &str| balances.get(name).copied().unwrap_or(0);
        let (result, expected) = match step {
            Step::Deposit(into, amount) => {
                *balances.entry(name(into)).or_default() += amount;
                (app.execute(deposit(&name(into), amount)).await, Ok(1))
            }
            Step::Transfer(from, to, amount) => {
                let (from, to) = (name(from), name(to));
                let result = app.execute(transfer_of(&from, &to, amount)).await;
                let balance = of(&balances, &from);
                let expected = if from == to {
                    Err(Refused::SameAccount)
                } else if balance < amount {
                    Err(Refused::Insufficient { balance })
                } else {
                    *balances.entry(from).or_default() -= amount;
                    *balances.entry(to).or_default() += amount;
                    Ok(1)
                };
                (result, expected)
            }
            Step::IfEmpty(into) => {
                let balance = balances.entry(name(into)).or_default();
                let expected = usize::from(*balance == 0);
                *balance += expected as u64;
                (app.execute(DepositIfEmpty { account: account(&name(into)) }).await, Ok(expected))
            }
        };
        let result =
            result.map(|receipt| receipt.events.len()).map_err(|error| error.rejection().unwrap().clone());
        prop_assert_eq!(result, expected);
    }
    for (name, balance) in balances {
        prop_assert_eq!(apps[0].load::<Account>(&account(&name)).await.unwrap().balance, balance);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn outcomes_equal_uncached_ones_in_memory(steps in prop::collection::vec((0..3_usize, step()), 1..60)) {
        run(async {
            let store: Arc<dyn EventStore> = Arc::new(Memory::new());
            let stores = [Arc::clone(&store), Arc::clone(&store), store];
            outcomes_equal_uncached_ones(stores, steps).await
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]

    #[test]
    fn outcomes_equal_uncached_ones_in_a_file(steps in prop::collection::vec((0..3_usize, step()), 1..60)) {
        run(async {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("log.db");
            let mut stores = Vec::new();
            for _ in 0..3 {
                stores.push(Arc::new(Sqlite::open(&path).await.unwrap()) as Arc<dyn EventStore>);
            }
            outcomes_equal_uncached_ones(stores.try_into().unwrap(), steps).await
        })?;
    }
}

fn run(test: impl Future<Output = TestCaseResult>) -> TestCaseResult {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}
