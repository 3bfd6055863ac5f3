//! Whether an app is alive and ready, and what is wrong with it.

use std::{fmt, time::Duration};

use tokio::time::timeout;

use super::facade::App;
use crate::{daemon::State, panics::catch_future};

/// How long the store may take to answer.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// A projection or policy whose oldest event is older is lagging: batches take milliseconds, and a store that was restarted is back sooner.
const MAX_LAG: Duration = Duration::from_secs(60);

/// What is wrong with an app at a moment.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let health = app.health().await;
/// assert!(health.is_live() && health.is_ready() && health.problems.is_empty());
///
/// app.shut_down().await;
/// assert!(!app.health().await.is_ready());
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// All problems, those of projections and policies by their names.
    pub problems: Vec<Problem>,
}

/// A problem of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The tokio runtime of the app has ended: only a restart of the process helps.
    RuntimeEnded,
    /// The app is shutting down.
    ShuttingDown,
    /// The event store did not answer within five seconds, or with an error.
    StoreUnavailable {
        /// What went wrong.
        error: String,
    },
    /// The first build of a projection is not complete, so it cannot be queried.
    Building {
        /// The stored name.
        name: &'static str,
    },
    /// A projection or policy does not respond to new events, because a store does not respond or a reaction failed. It retries by itself.
    Waiting {
        /// The stored name.
        name: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// A projection or policy is stopped, or an operator has paused it, or its first build cannot be promoted, until a person acts.
    Stopped {
        /// The stored name.
        name: &'static str,
        /// Where and why.
        reason: String,
    },
    /// The first event that a projection or policy has read and not handled is older than a minute.
    Lagging {
        /// The stored name.
        name: &'static str,
        /// The age of the event, by the clock of the app.
        age: Duration,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RuntimeEnded => f.write_str("the tokio runtime of the app has ended: restart the process"),
            Self::ShuttingDown => f.write_str("the app is shutting down"),
            Self::StoreUnavailable { error } => write!(f, "the store does not answer: {error}"),
            Self::Building { name } => write!(f, "the first build of `{name}` is not complete"),
            Self::Waiting { name, reason } => write!(f, "`{name}` waits and retries by itself: {reason}"),
            Self::Stopped { name, reason } => write!(f, "`{name}`: {reason}"),
            Self::Lagging { name, age } => {
                write!(f, "the first event that `{name}` has not handled is {} seconds old", age.as_secs())
            }
        }
    }
}

impl Health {
    /// Returns `false` if only a restart of the process helps.
    pub fn is_live(&self) -> bool {
        !self.problems.contains(&Problem::RuntimeEnded)
    }

    /// Returns `true` if the app takes commands and its projections can be queried.
    ///
    /// A projection or policy that is stopped, waits or lags does not count: it does so in every process of the program, and without
    /// any ready process its users would have no commands and no queries at all. It is for an alert.
    pub fn is_ready(&self) -> bool {
        self.problems.iter().all(|problem| match problem {
            Problem::RuntimeEnded
            | Problem::ShuttingDown
            | Problem::StoreUnavailable { .. }
            | Problem::Building { .. } => false,
            Problem::Waiting { .. } | Problem::Stopped { .. } | Problem::Lagging { .. } => true,
        })
    }
}

impl App {
    /// Returns what is wrong with the app, for the probes of a supervisor of processes such as Kubernetes. It asks the event store for its
    /// settled position, and no row store.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{operate::Problem, projection::State};
    /// # let app = savings(Default::default()).await?;
    ///
    /// app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // stops the projection
    /// app.wait_until("savings", |status| matches!(status.state, State::Stopped(_))).await?;
    ///
    /// let health = app.health().await;
    /// assert!(matches!(&health.problems[0], Problem::Stopped { name: "savings", .. }));
    /// assert!(health.is_live() && health.is_ready()); // a restart would not help
    /// # Ok(())
    /// # });
    /// ```
    pub async fn health(&self) -> Health {
        let mut problems = Vec::new();
        if self.executor().watcher.runtime().has_ended() {
            return Health { problems: vec![Problem::RuntimeEnded] };
        }
        if self.daemon().is_stopping() {
            problems.push(Problem::ShuttingDown);
        }
        problems.extend(self.store_problem().await);
        if !self.daemon().observes() {
            self.add_follower_problems(&mut problems);
        }
        Health { problems }
    }

    async fn store_problem(&self) -> Option<Problem> {
        let settled = async {
            let settled = catch_future(self.store().settled()).await;
            settled.unwrap_or_else(|panic| Err(panic.into_error("the store")))
        };
        let settled = self.run("ask the store for its settled position", settled);
        match timeout(STORE_TIMEOUT, settled).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(Problem::StoreUnavailable { error: error.to_string() }),
            Err(_) => {
                let store = self.store().describe();
                let seconds = STORE_TIMEOUT.as_secs();
                Some(Problem::StoreUnavailable {
                    error: format!("{store} did not answer within {seconds} seconds"),
                })
            }
        }
    }

    fn add_follower_problems(&self, problems: &mut Vec<Problem>) {
        for ((name, status), control) in self.statuses().into_iter().zip(self.daemon().controls()) {
            let stop = status.stop_reason();
            // The checkpoint of a policy has no rows to query.
            if status.reads.is_none() && stop.is_none() && !control.follower.table().is_checkpoint_only() {
                problems.push(Problem::Building { name });
            }
            problems.extend(stop.map(|reason| Problem::Stopped { name, reason }));
            if let State::Waiting { reason } = status.state {
                problems.push(Problem::Waiting { name, reason });
            }
            let age = control.backlog_age();
            if age > MAX_LAG {
                problems.push(Problem::Lagging { name, age });
            }
        }
    }
}
