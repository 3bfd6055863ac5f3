//! The app.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::keys::RunningKeys;
use crate::{
    command::Command,
    criteria::Criteria,
    daemon::{ProjectionDaemon, Status},
    dispatch::DeclaredAggregate,
    error::Error,
    execute::{Execute, Executor},
    feed::Feed,
    model::Declared,
    position::Position,
    store::{Entry, EventStore, PageLimit, Receipt, Token},
    time::Timestamp,
};

/// How long [`App::wait_until_caught_up`] waits.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(30);

/// An application on an event store. Cheap to clone; all clones are the same app.
///
/// An app belongs to the tokio runtime in which it was started, which runs its projections and policies. After the end of that
/// runtime every call returns [`Error::RuntimeEnded`]. So an app that several tests share needs a runtime that they share too:
///
/// ```
/// # use annalist_doc_tests::*;
/// use std::sync::LazyLock;
///
/// use annalist::Memory;
/// use tokio::runtime::Runtime;
///
/// static SHARED: LazyLock<(Runtime, App)> = LazyLock::new(|| {
///     let runtime = Runtime::new().unwrap();
///     let app = runtime.block_on(App::builder(Memory::new()).projection::<Balance>().start());
///     (runtime, app.unwrap())
/// });
///
/// // with #[test] instead of #[tokio::test]
/// fn ann_opens_an_account() {
///     let (runtime, app) = &*SHARED;
///     runtime.block_on(async {
///         let receipt = app.execute(open("ann", "Ann")).await.unwrap();
///         assert!(app.find::<Balance>(&id("ann")).after(&receipt).await.unwrap().is_some());
///     });
/// }
/// # ann_opens_an_account();
/// ```
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::Memory;
///
/// let app = App::builder(Memory::new()).projection::<Balance>().start().await?;
/// app.execute(open("ann", "Ann")).await?;
/// let receipt = app.execute(Deposit { account: id("ann"), cents: 40 }).actor("teller").await?;
///
/// assert_eq!(app.load::<Account>(&id("ann")).await?.cents, 40);
/// let balance = app.find::<Balance>(&id("ann")).after(&receipt).await?;
/// assert_eq!(balance.unwrap().owner, "Ann");
/// # Ok(())
/// # });
/// ```
#[derive(Clone)]
pub struct App {
    pub(super) inner: Arc<Inner>,
    /// The name of the operator that makes requests through this clone, if known.
    pub(super) operator: Option<Arc<str>>,
}

pub(super) struct Inner {
    pub(super) executor: Arc<Executor>,
    pub(super) daemon: ProjectionDaemon,
    /// The aggregates of the program by their names in the model.
    pub(super) aggregates: BTreeMap<String, DeclaredAggregate>,
    /// What was registered, from which the model is made.
    pub(super) declared: Declared,
    /// The stored names that the program need not read.
    pub(super) unchecked_events: Vec<String>,
    pub(super) keys: RunningKeys,
}

impl Inner {
    pub(super) async fn purge_command_ids(&self) -> Result<u64, Error> {
        let handled = self.daemon.handled_by_policies().await;
        self.executor.purge_command_ids(&handled).await
    }
}

impl App {
    pub(super) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner), operator: None }
    }

    /// Executes a command: loads the states that its decision needs, decides, and appends the events if no event that matches
    /// what the decision read was appended in the meantime; otherwise it decides again. Nothing runs before the returned value is
    /// awaited; [`Execute`] has the options and the errors.
    ///
    /// If the future is dropped, either all events of the command are appended or none.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// assert_eq!(receipt.events.len(), 1);
    ///
    /// let error = app.execute(Deposit { account: id("unknown"), cents: 5 }).await.unwrap_err();
    /// assert_eq!(error.rejection(), Some(&AccountError::NotOpen));
    /// # Ok(())
    /// # });
    /// ```
    pub fn execute<C: Command>(&self, command: C) -> Execute<C> {
        Execute::new(Arc::clone(&self.inner.executor), command)
    }

    /// Returns the position of a receipt as a token, a text for another process or a browser: see [`App::position_of`].
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// let text = app.token(&receipt).to_string(); // for a header of a response, for example
    /// assert_eq!(app.position_of(text.parse()?)?, receipt.position());
    /// # Ok(())
    /// # });
    /// ```
    pub fn token(&self, receipt: &Receipt) -> Token {
        Token::new(self.store().log_id(), receipt.position())
    }

    /// Returns the position of a token, to wait for: `app.find::<Balance>(&id).after(app.position_of(token)?)`.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// # let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// # let token = app.token(&receipt);
    /// let balance = app.find::<Balance>(&id("a")).after(app.position_of(token)?).await?;
    /// assert_eq!(balance.unwrap().cents, 15);
    ///
    /// let app_of_another_log = bank().await?;
    /// assert!(app_of_another_log.position_of(token).is_err());
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`] if the token is of another log.
    pub fn position_of(&self, token: Token) -> Result<Position, Error> {
        token.position_in(self.store().log_id())
    }

    /// Reads the matching events of the log in order, from the beginning or after any position: first the existing events, then
    /// new ones as they are appended.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::Item;
    ///
    /// let mut feed = app.feed(Item::any().types(["account.opened"]).into());
    /// assert_eq!(feed.next().await?.records.len(), 3);
    /// # Ok(())
    /// # });
    /// ```
    pub fn feed(&self, filter: Criteria) -> Feed {
        Feed::new(Arc::clone(&self.inner.executor.watcher), filter)
    }

    /// Waits until every projection and policy has processed all events appended so far, including events that policies append
    /// during the wait, and reports that it has caught up. For tests, and before a new version of the program takes over.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// app.wait_until_caught_up().await?;
    /// assert_eq!(app.find::<Balance>(&id("a")).await?.unwrap().cents, 15);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] if one is stopped or has not caught up within 30 seconds; another [`Error`] if the log cannot answer.
    pub async fn wait_until_caught_up(&self) -> Result<(), Error> {
        self.run("wait until the app has caught up", self.catch_up()).await
    }

    async fn catch_up(&self) -> Result<(), Error> {
        let settled = self.store().settled().await?.position;
        let end = Instant::now() + CATCH_UP_TIMEOUT;
        let mut target = settled.max(self.inner.executor.watcher.acknowledged());
        // Also in an empty log: the first builds may not be complete.
        for round in 0_u32.. {
            let left = end.saturating_duration_since(Instant::now());
            self.inner.daemon.reached(target, left).await?;
            let reached = target;
            target = self.inner.executor.watcher.acknowledged();
            // The events that policies in another process append are known only from the log. Each round includes the events that
            // the events of the round before led to.
            if round < self.inner.executor.settings.max_hops && self.inner.daemon.has_standby() {
                target = target.max(self.store().settled().await?.position);
            }
            if target <= reached {
                break;
            }
        }
        Ok(())
    }

    /// Returns the status of each projection and policy, sorted by name.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// for (name, status) in app.statuses() {
    ///     assert_eq!((name, status.position.get(), status.parked), ("balances", 6, 0));
    /// }
    /// # Ok(())
    /// # });
    /// ```
    pub fn statuses(&self) -> Vec<(&'static str, Status)> {
        self.inner.daemon.statuses()
    }

    /// Signals all projections and policies to stop after their current batch, and returns at once. [`App::shut_down`] also waits
    /// for them and refuses new commands.
    ///
    /// Dropping the last clone of the app aborts projections and policies: a batch in progress is committed completely or not at
    /// all, a command that a policy is executing completes, and the next start continues from the checkpoints.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// app.stop();
    /// let error = app.wait_until("balances", |status| status.parked > 0).await.unwrap_err();
    /// assert!(error.to_string().contains("the app was stopped"));
    /// # Ok(())
    /// # });
    /// ```
    pub fn stop(&self) {
        self.inner.daemon.stop();
    }

    /// Returns the next entries of the command journal with numbers above `after` (0 for all), oldest first: at most `limit`, and fewer
    /// if their commands have more bytes than [`Builder::max_read_bytes`](super::Builder::max_read_bytes). Only an empty result is the
    /// end of the journal.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, app::Journal};
    ///
    /// let app = App::builder(Memory::new()).journal(Journal::Accepted).start().await?;
    /// app.execute(open("ann", "Ann")).actor("teller").await?;
    ///
    /// let entries = app.journal(0, 100).await?;
    /// assert_eq!(entries[0].body.as_str(), r#"{"account":"ann","owner":"Ann"}"#);
    /// assert_eq!(entries[0].metadata.actor.as_ref().unwrap().as_str(), "teller");
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or an entry is damaged.
    pub async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        let limit = PageLimit { records: limit, bytes: self.executor().watcher.max_read_bytes() };
        self.run("read the journal", self.store().journal(after, limit)).await
    }

    /// Removes the [journal](App::journal) entries of commands that were recorded before a time, and returns their number. Events and command ids
    /// stay.
    ///
    /// The journal has commands as they were executed: the values of a field that became a `Secret` later stay in plain text
    /// in it, also after `App::encrypt_stored`. No decision depends on the journal, so its entries up to the
    /// deploy of the newer program can be removed. On SQLite their bytes are overwritten; on PostgreSQL `VACUUM FULL journal` does that.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, app::Journal, testing::ManualClock};
    ///
    /// let clock = ManualClock::default();
    /// let app = App::builder(Memory::new()).clock(clock.clone()).journal(Journal::All).start().await?;
    /// app.execute(open("ann", "Ann")).await?;
    /// clock.advance(std::time::Duration::from_secs(60));
    /// app.execute(open("bob", "Bob")).await?;
    ///
    /// let deploy = app.journal(0, 2).await?[1].recorded_at;
    /// assert_eq!(app.purge_journal(deploy).await?, 1);
    /// assert_eq!(app.journal(0, 2).await?.len(), 1);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if the store cannot remove entries, or the role of the database must not; [`Error::Unavailable`] if the store does not answer,
    /// or, on SQLite, if a transaction that reads an older state prevents that the bytes are overwritten: call it again.
    pub async fn purge_journal(&self, before: Timestamp) -> Result<u64, Error> {
        let purge = async {
            let purged = self.store().purge_journal(before).await?;
            // Also after a call that has removed them and failed here.
            self.store().overwrite_replaced().await?;
            Ok(purged)
        };
        self.run("purge the journal", purge).await
    }

    /// Removes the command ids that are older than the retention time, and returns their number. The app does this when it starts
    /// and every hour. Without a [retention time](crate::app::Builder::command_id_retention), command ids are never removed.
    ///
    /// The ids of a policy's commands stay until the policy has handled their event, even if that was parked. Those of policies
    /// that this app does not run stay.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use std::time::Duration;
    ///
    /// use annalist::{Memory, testing::ManualClock};
    ///
    /// let clock = ManualClock::default();
    /// let builder = App::builder(Memory::new()).clock(clock.clone());
    /// let app = builder.command_id_retention(Duration::from_secs(3600)).start().await?;
    /// app.execute(open("ann", "Ann")).id("request-1").await?;
    ///
    /// clock.advance(Duration::from_secs(7200));
    /// assert_eq!(app.purge_command_ids().await?, 1);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error`] if a store cannot answer.
    pub async fn purge_command_ids(&self) -> Result<u64, Error> {
        self.run("purge command ids", self.inner.purge_command_ids()).await
    }

    /// Returns the event store of the app.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// assert_eq!(app.store().settled().await?.position.get(), 6);
    /// # Ok(())
    /// # });
    /// ```
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.inner.executor.store
    }

    /// Runs a call, unless the runtime of the app has ended.
    pub(super) async fn run<T>(
        &self,
        operation: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.executor().watcher.runtime().run(|| operation.to_owned(), call).await
    }

    pub(super) fn executor(&self) -> &Arc<Executor> {
        &self.inner.executor
    }

    pub(super) fn daemon(&self) -> &ProjectionDaemon {
        &self.inner.daemon
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Executor { store, settings, .. } = &*self.inner.executor;
        f.debug_struct("App")
            .field("store", &store.describe())
            .field("settings", settings)
            .finish_non_exhaustive()
    }
}
