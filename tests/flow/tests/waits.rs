//! Waits inside of a process end: with what was waited for, or with an error that names what is in the way.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use annalist::{
    Error, Memory,
    app::Retry,
    manual::Types,
    prelude::*,
    projection::{Batch, CustomProjection, State, Transactional},
    raw::error::BoxError,
};
use annalist_flow_tests::{
    domain::{Account, AccountEvent, AccountId, Refused, account, deposit, transfer_of},
    faulty_store::{Fault, FaultyStore},
    test_log::{TEST_TIMEOUT, on_each_log, wait_until},
};
use async_trait::async_trait;
use tokio::{runtime::Handle, sync::mpsc, task::JoinSet};

/// The fields of [`Error::Busy`]: command, aggregate, holder and its step.
fn busy<E: std::fmt::Debug>(result: Result<Receipt, ExecuteError<E>>) -> [String; 4] {
    match result {
        Err(ExecuteError::Unavailable(error)) => match error {
            Error::Busy { command, aggregate, holder, step, .. } => {
                [command.to_owned(), aggregate, holder.to_owned(), step.to_owned()]
            }
            error => panic!("{error}"),
        },
        other => panic!("{other:?}"),
    }
}

/// An app whose commands queue, since they are known to write, on a store that holds the next append.
async fn app_with_held_append(retry: Retry) -> (App, Arc<FaultyStore>) {
    let store = Arc::new(FaultyStore::new([]));
    let app = App::builder(Arc::clone(&store)).retry(retry).start().await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    app.execute(transfer_of("a", "b", 0)).await.unwrap();
    store.plan([Fault::Held]);
    (app, store)
}

/// The store does not answer an append: the other commands on the aggregate end after the time of `Retry`, nothing of them is
/// written, and later commands work.
#[tokio::test(start_paused = true)]
async fn commands_behind_an_append_without_an_answer_end_with_its_name() {
    for (retry, seconds) in
        [(Retry::default(), 30), (Retry::within(Duration::from_secs(5)), 5), (Retry::times(3), 30)]
    {
        let (app, store) = app_with_held_append(retry).await;
        let holder = tokio::spawn(app.execute(deposit("a", 10)).into_future());
        store.held.acquire().await.unwrap().forget();
        let (mut tasks, began) = (JoinSet::new(), tokio::time::Instant::now());
        for number in 0..40 {
            if number % 2 == 0 {
                tasks.spawn(app.execute(deposit("a", 100)).into_future());
            } else {
                tasks.spawn(app.execute(transfer_of("b", "a", 0)).into_future());
            }
        }
        // Another aggregate is not concerned.
        app.execute(deposit("c", 1)).await.unwrap();
        let results = tasks.join_all().await;
        let waited = began.elapsed();
        assert!(
            waited >= Duration::from_secs(seconds) && waited < Duration::from_secs(seconds + 1),
            "{waited:?}"
        );
        for result in results {
            assert!(matches!(&result, Err(ExecuteError::Unavailable(error)) if error.is_unavailable()));
            let [command, aggregate, holder, step] = busy(result);
            assert!(["deposit", "transfer"].contains(&command.as_str()), "{command}");
            assert!(
                aggregate.starts_with('`') && aggregate.contains("Account` with the id `"),
                "{aggregate}"
            );
            // A transfer that has one account and waits for the other is named too.
            match holder.as_str() {
                "deposit" => assert_eq!(step, "waits for the store to append its events"),
                "transfer" => assert_eq!(step, "waits for another aggregate that it changes"),
                other => panic!("{other}"),
            }
        }
        store.gate.add_permits(1);
        holder.await.unwrap().unwrap();
        app.execute(deposit("a", 1)).await.unwrap();
        app.execute(transfer_of("a", "b", 12)).await.unwrap();
        assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 0);
        assert_eq!(app.load::<Account>(&account("b")).await.unwrap().balance, 12);
    }
}

#[tokio::test(start_paused = true)]
async fn message_names_the_command_the_aggregate_and_the_holder() {
    let (app, store) = app_with_held_append(Retry::within(Duration::from_secs(5))).await;
    let holder = tokio::spawn(app.execute(deposit("a", 10)).into_future());
    store.held.acquire().await.unwrap().forget();
    let error = app.execute(deposit("a", 1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`deposit` was not executed: it waited 5.0s for the aggregate `annalist_flow_tests::domain::Account` with the id \
         `account:a`, on which the command `deposit` has been at work for 5.0s; that command waits for the store to append its \
         events. Nothing was written; try again later"
    );
    store.gate.add_permits(1);
    holder.await.unwrap().unwrap();
}

/// A caller that goes away keeps its append, but not the commands that wait for it.
#[tokio::test(start_paused = true)]
async fn append_of_a_cancelled_caller_still_holds_the_queue() {
    let (app, store) = app_with_held_append(Retry::within(Duration::from_secs(5))).await;
    let holder = tokio::spawn(app.execute(deposit("a", 10)).into_future());
    store.held.acquire().await.unwrap().forget();
    holder.abort();
    assert!(holder.await.unwrap_err().is_cancelled());
    assert_eq!(busy(app.execute(deposit("a", 1)).await)[2], "deposit");
    store.gate.add_permits(1);
    app.execute(deposit("a", 1)).await.unwrap();
    assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 12);
}

/// The app whose decision executes a command.
static APP: OnceLock<App> = OnceLock::new();

/// A deposit whose decision executes another command on the same account, and blocks until that is done.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = nested, error = Refused)]
struct Nested {
    #[id(Account)]
    account: AccountId,
    /// Whether the inner command is awaited on this thread, or in a task of its own.
    spawns: bool,
}

fn nested(_: &Account, command: &Nested) -> Result<AccountEvent, Refused> {
    let deposit = AccountEvent::Deposited { account: command.account.clone(), amount: 1 };
    let Some(app) = APP.get() else { return Ok(deposit) };
    let inner =
        app.execute(annalist_flow_tests::domain::Deposit { account: command.account.clone(), amount: 5 });
    let result = tokio::task::block_in_place(|| {
        let runtime = Handle::current();
        match command.spawns {
            true => {
                let task = runtime.spawn(inner.into_future());
                runtime.block_on(task).unwrap()
            }
            false => runtime.block_on(inner.into_future()),
        }
    });
    let [_, _, holder, step] = busy(result);
    assert_eq!((holder.as_str(), step.contains("runs its decision")), ("nested", true), "{step}");
    Ok(deposit)
}

#[tokio::test(flavor = "multi_thread")]
async fn command_inside_of_a_decision_on_the_same_aggregate_ends() {
    let retry = Retry::within(Duration::from_millis(50));
    let app = App::builder(Memory::new()).retry(retry).start().await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    app.execute(Nested { account: account("a"), spawns: false }).await.unwrap();
    APP.set(app.clone()).unwrap();
    for spawns in [false, true] {
        app.execute(Nested { account: account("a"), spawns }).await.unwrap();
    }
    app.execute(deposit("a", 1)).await.unwrap();
    assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 5);
}

/// A policy that waits for itself in every way, and reports the errors.
#[derive(Policy)]
#[policy(name = "waits_for_itself", from = beginning, on_reject = stop, on(AccountEvent => WaitsForItself::react))]
struct WaitsForItself {
    app: Arc<OnceLock<App>>,
    errors: mpsc::UnboundedSender<String>,
}

impl WaitsForItself {
    async fn react(&self, _: &AccountEvent) -> Option<annalist_flow_tests::domain::Deposit> {
        const NAME: &str = "waits_for_itself";
        let app = self.app.wait();
        let settled = app.store().settled().await.unwrap().position;
        let waits = [
            app.wait_for_position(NAME, settled, TEST_TIMEOUT).await.unwrap_err(),
            app.wait_until(NAME, |status| status.position >= settled).await.unwrap_err(),
            app.wait_until_caught_up().await.unwrap_err(),
        ];
        waits.iter().for_each(|error| self.errors.send(error.to_string()).unwrap());
        None
    }
}

#[tokio::test]
async fn policy_that_waits_for_itself_gets_an_error() {
    on_each_log(async |log| {
        let (errors, mut received) = mpsc::unbounded_channel();
        let own_app = Arc::new(OnceLock::new());
        let policy = WaitsForItself { app: Arc::clone(&own_app), errors };
        let app = log.app().await.policy(policy).start().await.unwrap();
        own_app.set(app.clone()).unwrap();
        app.execute(deposit("a", 1)).await.unwrap();
        for _ in 0..3 {
            let error = tokio::time::timeout(TEST_TIMEOUT, received.recv()).await.unwrap().unwrap();
            assert!(
                error.contains("the handler of `waits_for_itself` waits for `waits_for_itself` itself"),
                "{error}"
            );
        }
        // Outside of the handler the same waits end with the position.
        app.wait_until_caught_up().await.unwrap();
        app.shut_down().await;
    })
    .await;
}

/// A policy that waits until another one has caught up. Two of them wait for each other.
macro_rules! waits_for {
    ($($policy:ident $name:literal $other:literal)+) => {
        $(#[derive(Policy)]
        #[policy(name = $name, from = beginning, on_reject = stop, on(AccountEvent => $policy::react))]
        struct $policy {
            app: Arc<OnceLock<App>>,
            errors: mpsc::UnboundedSender<String>,
        }

        impl $policy {
            async fn react(&self, _: &AccountEvent) -> Option<annalist_flow_tests::domain::Deposit> {
                let app = self.app.wait();
                let settled = app.store().settled().await.unwrap().position;
                let result = app.wait_until($other, |status| status.position >= settled).await;
                self.errors.send(result.unwrap_err().to_string()).unwrap();
                None
            }
        })+
    };
}

waits_for! {
    WaitsForLater "waits_for_later" "waits_for_earlier"
    WaitsForEarlier "waits_for_earlier" "waits_for_later"
}

#[tokio::test(start_paused = true)]
async fn policies_that_wait_for_each_other_get_an_error() {
    let (errors, mut received) = mpsc::unbounded_channel();
    let own_app = Arc::new(OnceLock::new());
    let (app, later) = (Arc::clone(&own_app), errors.clone());
    let builder = App::builder(Memory::new()).policy(WaitsForLater { app, errors: later });
    let policy = WaitsForEarlier { app: Arc::clone(&own_app), errors };
    let app = builder.policy(policy).start().await.unwrap();
    own_app.set(app.clone()).unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    let error = received.recv().await.unwrap();
    assert!(error.contains("a handler waits for it at most 30s"), "{error}");
    app.wait_until_caught_up().await.unwrap();
}

/// A custom projection that waits for its own rows.
struct OwnRows {
    app: Arc<OnceLock<App>>,
    errors: mpsc::UnboundedSender<String>,
}

#[async_trait]
impl<S: Transactional> CustomProjection<S> for OwnRows {
    const NAME: &'static str = "own_rows";
    const EVENTS: &'static [Types] = &[<AccountEvent as Event>::TYPES];

    async fn set_up(&self, _: &mut S::Connection) -> Result<(), BoxError> {
        Ok(())
    }

    async fn handle(&self, batch: Batch<'_>, _: &mut S::Connection) -> Result<(), BoxError> {
        let last = batch.records().last().unwrap().position;
        let error = self.app.wait().wait_for_position("own_rows", last, TEST_TIMEOUT).await.unwrap_err();
        self.errors.send(error.to_string())?;
        Ok(())
    }
}

#[tokio::test]
async fn custom_projection_that_waits_for_itself_gets_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = annalist::Sqlite::open(folder.path().join("log.db")).await.unwrap();
    let (errors, mut received) = mpsc::unbounded_channel();
    let own_app = Arc::new(OnceLock::new());
    let projection = OwnRows { app: Arc::clone(&own_app), errors };
    let app = App::builder(store.clone()).custom_projection(projection, store).start().await.unwrap();
    own_app.set(app.clone()).unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    let error = tokio::time::timeout(TEST_TIMEOUT, received.recv()).await.unwrap().unwrap();
    assert!(error.contains("the handler of `own_rows` waits for `own_rows` itself"), "{error}");
    wait_until(&app, "own_rows", |status| status.state == State::CaughtUp && status.position.get() == 1)
        .await;
}
