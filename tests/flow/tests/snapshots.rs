//! Snapshots of states: results are the same with and without them.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use annalist::{App, manual::Payload, prelude::*};
use annalist_flow_tests::{
    domain::{AccountEvent, AccountId, account, deposit, transfer_of},
    faulty_store::FaultyStore,
};
use proptest::prelude::*;

/// The history of an account, with a snapshot after every three events.
#[derive(Aggregate, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[aggregate(on(AccountEvent => History::apply), snapshot(every = 3))]
struct History {
    #[id]
    id: AccountId,
    amounts: Vec<u64>,
    partners: BTreeMap<String, f64>,
}

impl History {
    fn apply(&mut self, event: &AccountEvent) {
        let (partner, amount) = match event {
            AccountEvent::Deposited { amount, .. } => ("unknown".to_owned(), *amount),
            AccountEvent::Moved { from, to, amount } => (format!("{from} \"\u{1}{to}"), *amount),
        };
        self.amounts.push(amount);
        *self.partners.entry(partner).or_default() += amount as f64 / 3.0;
    }
}

/// The same state without snapshots.
#[derive(Aggregate, Clone, Debug, PartialEq)]
#[aggregate(on(AccountEvent => Replayed::apply))]
struct Replayed {
    #[id]
    id: AccountId,
    history: Option<History>,
}

impl Replayed {
    fn apply(&mut self, event: &AccountEvent) {
        let initial = History { id: self.id.clone(), amounts: Vec::new(), partners: BTreeMap::new() };
        self.history.get_or_insert(initial).apply(event);
    }
}

/// Deposits the number of events so far.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = History::count)]
struct Count {
    #[id]
    account: AccountId,
}

impl History {
    fn count(&self, _: &Count) -> AccountEvent {
        AccountEvent::Deposited { account: self.id.clone(), amount: self.amounts.len() as u64 }
    }
}

async fn without_state_cache(store: &Arc<FaultyStore>) -> App {
    App::builder(Arc::clone(store)).state_cache_capacity(0).start().await.unwrap()
}

async fn count(app: &App) {
    app.execute(Count { account: account("a") }).await.unwrap();
    // Snapshots are saved by a background task.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn saved(store: &FaultyStore) -> usize {
    store.snapshots.lock().unwrap().len()
}

#[tokio::test]
async fn snapshot_is_saved_when_due_and_later_events_are_read() {
    let store = Arc::new(FaultyStore::new([]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    for number in 1..=10 {
        count(&app).await;
        assert_eq!(saved(&store), number / 3);
    }
    let before = store.records.load(Ordering::SeqCst);
    count(&without_state_cache(&store).await).await;
    assert_eq!(store.records.load(Ordering::SeqCst) - before, 1);
    let history = without_state_cache(&store).await.load::<History>(&account("a")).await.unwrap();
    assert_eq!(history.amounts, (0..11).collect::<Vec<_>>());
}

/// The control: a state read from a snapshot that lacks events differs.
#[tokio::test]
async fn falsified_snapshot_changes_the_loaded_state() {
    let store = Arc::new(FaultyStore::new([]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    for _ in 0..6 {
        count(&app).await;
    }
    {
        let mut snapshots = store.snapshots.lock().unwrap();
        snapshots[1].1.state = snapshots[0].1.state.clone();
    }
    count(&without_state_cache(&store).await).await;
    let amounts = app.load::<Replayed>(&account("a")).await.unwrap().history.unwrap().amounts;
    assert_eq!(amounts, [0, 1, 2, 3, 4, 5, 3]);
}

#[tokio::test]
async fn unreadable_and_foreign_snapshots_are_ignored() {
    let store = Arc::new(FaultyStore::new([]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    for _ in 0..3 {
        count(&app).await;
    }
    for state in ["null", "{}", r#"{"id":"a","amounts":"many","partners":{}}"#] {
        store.snapshots.lock().unwrap()[0].1.state = Payload::parse(state).unwrap();
        let history = without_state_cache(&store).await.load::<History>(&account("a")).await.unwrap();
        assert_eq!(history.amounts, [0, 1, 2]);
    }
    let falsified = Payload::parse(r#"{"id":"a","amounts":[9],"partners":{}}"#).unwrap();
    let mut other = store.snapshots.lock().unwrap()[0].clone();
    other.0.fingerprint ^= 1;
    other.1.state = falsified;
    *store.snapshots.lock().unwrap() = vec![other];
    assert_eq!(
        without_state_cache(&store).await.load::<History>(&account("a")).await.unwrap().amounts,
        [0, 1, 2]
    );
}

#[tokio::test]
async fn load_at_an_earlier_position_ignores_later_snapshots() {
    let store = Arc::new(FaultyStore::new([]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    let mut receipts = Vec::new();
    for amount in 0..8 {
        receipts.push(app.execute(deposit("a", amount)).await.unwrap());
        count(&app).await;
    }
    assert!(saved(&store) > 0);
    for (number, receipt) in receipts.iter().enumerate() {
        let then =
            without_state_cache(&store).await.load::<History>(&account("a")).at(receipt).await.unwrap();
        assert_eq!(then.amounts.len(), number * 2 + 1);
    }
}

/// The shape of a state is part of its fingerprint, and so are its version and the events that it folds.
#[test]
fn changed_aggregate_has_another_fingerprint() {
    mod other {
        use super::*;

        macro_rules! past {
            ($name:ident, $attribute:meta, $($field:tt)*) => {
                #[derive(Aggregate, Serialize, Deserialize)]
                #[$attribute]
                pub(super) struct $name { #[id] id: AccountId, $($field)* }

                impl $name {
                    #[allow(clippy::trivially_copy_pass_by_ref)]
                    fn apply<E>(&mut self, _: &E) {
                        let _ = &self.id;
                    }
                }
            };
        }

        #[derive(Event, Serialize, Deserialize)]
        #[event(name = "account.deposited")]
        pub(super) struct Deposited {
            #[id]
            account: AccountId,
            amount: u64,
        }

        past!(One, aggregate(on(AccountEvent => One::apply), snapshot(every = 3)), sum: u64);
        past!(Same, aggregate(on(AccountEvent => Same::apply), snapshot(every = 9)), sum: u64);
        past!(Field, aggregate(on(AccountEvent => Field::apply), snapshot(every = 3)), sum: u32);
        past!(Version, aggregate(on(AccountEvent => Version::apply), snapshot(every = 3, version = 2)), sum: u64);
        past!(Fewer, aggregate(on(Deposited => Fewer::apply), snapshot(every = 3)), sum: u64);
    }
    let one = other::One::SNAPSHOTS.unwrap().fingerprint();
    assert_eq!(one, other::Same::SNAPSHOTS.unwrap().fingerprint());
    assert_ne!(one, other::Field::SNAPSHOTS.unwrap().fingerprint());
    assert_ne!(one, other::Version::SNAPSHOTS.unwrap().fingerprint());
    assert_ne!(one, other::Fewer::SNAPSHOTS.unwrap().fingerprint());
}

#[derive(Clone, Debug)]
enum Step {
    Count,
    Deposit(u8, u64),
    Transfer(u8, u8),
    /// Removes the last snapshot.
    RemoveSnapshot,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Count),
        (0..3_u8, any::<u64>()).prop_map(|(name, amount)| Step::Deposit(name, amount >> 12)),
        (0..3_u8, 0..3_u8).prop_map(|(from, to)| Step::Transfer(from, to)),
        Just(Step::RemoveSnapshot),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Programs with and without a state cache, on one log.
    #[test]
    fn snapshot_and_later_events_equal_the_full_history(steps in prop::collection::vec((any::<bool>(), step()), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Arc::new(FaultyStore::new([]));
            let apps = [without_state_cache(&store).await, App::builder(Arc::clone(&store)).start().await.unwrap()];
            let name = |number: u8| ["a", "b", "c"][number as usize];
            for (which, step) in steps {
                let app = &apps[usize::from(which)];
                match step {
                    Step::Count => count(app).await,
                    Step::Deposit(into, amount) => drop(app.execute(deposit(name(into), amount)).await.unwrap()),
                    Step::Transfer(from, to) => drop(app.execute(transfer_of(name(from), name(to), 1)).await),
                    Step::RemoveSnapshot => drop(store.snapshots.lock().unwrap().pop()),
                }
            }
            for name in ["a", "b", "c"] {
                let replayed = apps[0].load::<Replayed>(&account(name)).await.unwrap();
                let history = apps[0].load::<History>(&account(name)).await.unwrap();
                let counted = replayed.history.map_or(0, |history| history.amounts.len());
                prop_assert_eq!(history.amounts.len(), counted);
                for app in &apps {
                    app.execute(Count { account: account(name) }).await.unwrap();
                }
                let replayed = apps[0].load::<Replayed>(&account(name)).await.unwrap().history.unwrap();
                prop_assert_eq!(&replayed, &apps[0].load::<History>(&account(name)).await.unwrap());
                prop_assert_eq!(&replayed.amounts[counted..], &[counted as u64, counted as u64 + 1]);
            }
            Ok(())
        })?;
    }
}
