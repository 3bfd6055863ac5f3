//! The app.

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    command::Command,
    criteria::Criteria,
    daemon::{ProjectionDaemon, Status},
    error::Error,
    execute::{Execute, Executor},
    feed::Feed,
    position::Position,
    store::{Entry, EventStore, Receipt, Token},
};

/// How long [`App::wait_until_caught_up`] waits.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(30);

/// An application on an event store. Cheap to clone; all clones are the same app.
///
/// ```text
/// let app = App::builder(Memory::new()).start().await?;
/// let receipt = app.execute(Deposit { account, amount: 40 }).actor("ann").await?;
/// let account = app.load::<Account>(&account).await?;
/// ```
#[derive(Clone)]
pub struct App {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) executor: Arc<Executor>,
    pub(super) daemon: ProjectionDaemon,
}

impl App {
    pub(super) fn new(executor: Arc<Executor>, daemon: ProjectionDaemon) -> Self {
        Self { inner: Arc::new(Inner { executor, daemon }) }
    }

    /// Executes a command: loads the states that its decision needs, decides, and appends the events if nothing the decision read
    /// has changed since; otherwise retries. Lazy: nothing runs until the future is awaited.
    ///
    /// If the future is dropped, all events of the command are appended or none.
    pub fn execute<C: Command>(&self, command: C) -> Execute<C> {
        Execute::new(Arc::clone(&self.inner.executor), command)
    }

    /// A receipt as a text for another process or a browser: see [`App::position_of`].
    pub fn token(&self, receipt: &Receipt) -> Token {
        Token::new(self.store().log_id(), receipt.position())
    }

    /// The position of a token, to wait for: `app.find::<Balance>(&id).after(app.position_of(token)?)`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the token is of another log.
    pub fn position_of(&self, token: Token) -> Result<Position, Error> {
        token.position_in(self.store().log_id())
    }

    /// Follows the events of the log that match, in order, from the beginning or from any position on: first the existing events, then new
    /// ones.
    pub fn feed(&self, filter: Criteria) -> Feed {
        Feed::new(Arc::clone(&self.inner.executor.watcher), filter)
    }

    /// Waits until every projection and policy has processed all events appended so far, including events appended by policies
    /// while waiting. For tests, and before a switch to another version.
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] if one is stopped or has not caught up within 30 seconds; another [`Error`] if the log cannot answer.
    pub async fn wait_until_caught_up(&self) -> Result<(), Error> {
        let settled = self.store().settled().await?.position;
        let end = Instant::now() + CATCH_UP_TIMEOUT;
        let (mut reached, mut target) =
            (Position::START, settled.max(self.inner.executor.watcher.acknowledged()));
        while target > reached {
            let left = end.saturating_duration_since(Instant::now());
            self.inner.daemon.reached(target, left).await?;
            (reached, target) = (target, self.inner.executor.watcher.acknowledged());
        }
        Ok(())
    }

    /// The status of each projection and policy, sorted by name.
    pub fn statuses(&self) -> Vec<(&'static str, Status)> {
        self.inner.daemon.statuses()
    }

    /// Signals all projections and policies to stop after their current batch and returns at once; see also [`App::shut_down`].
    /// Dropping the last clone of the app aborts them: a batch in progress is committed completely or not at all, a command that a
    /// policy is executing completes, and the next start continues there.
    pub fn stop(&self) {
        self.inner.daemon.stop();
    }

    /// The entries of the command journal with numbers above `after` (0 for all), oldest first.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or an entry is damaged.
    pub async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        self.store().journal(after, limit).await
    }

    /// Removes the command ids that were accepted before the retention time ([`Builder::command_id_retention`](crate::app::Builder::command_id_retention)), and returns their
    /// number. The app does this when it starts and every hour; without a retention time, command ids are never removed.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    pub async fn purge_command_ids(&self) -> Result<u64, Error> {
        self.inner.executor.purge_command_ids().await
    }

    /// The event store of the app.
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.inner.executor.store
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
