//! A query that is answered again whenever its rows change.

use std::{
    any::type_name,
    collections::HashMap,
    future::pending,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::{Instant, timeout_at};

use super::{
    Query, answer,
    read_model::DEFAULT_TIMEOUT,
    read_models::{Dependency, ReadModelDirectory, ReadModels},
};
use crate::{
    app_runtime::AppRuntime,
    backoff::Backoff,
    daemon::{State, Stopped},
    error::Error,
    store::Included,
};

/// The pauses before a query is retried after its store was not available.
const RETRY: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(5));

/// A stream of answers to one query. Returned by [`App::watch`](crate::app::App::watch). The first call of
/// [`next`](QueryWatch::next) returns the current answer; every later call waits for an answer that differs from the one
/// before.
///
/// A watch does not keep the app alive.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let mut watch = app.watch(BalanceOf { account: id("a") });
/// assert_eq!(watch.next().await?.unwrap().cents, 10);
///
/// app.execute(Deposit { account: id("a"), cents: 5 }).await?;
/// assert_eq!(watch.next().await?.unwrap().cents, 15);
/// # Ok(())
/// # });
/// ```
#[must_use = "a watched query runs only when `next` is awaited"]
#[derive(Debug)]
pub struct QueryWatch<Q: Query> {
    directory: Weak<dyn ReadModelDirectory>,
    runtime: AppRuntime,
    query: Q,
    wanted: Included,
    timeout: Duration,
    /// The answer that was returned last.
    last: Option<Q::Answer>,
    /// What the last answer was computed from.
    dependencies: Vec<Dependency>,
    /// The stopped dependencies that `next` has already reported.
    reported: HashMap<&'static str, Stopped>,
    due: Due,
    backoff: Backoff,
}

/// When to run the query again.
#[derive(Clone, Copy, Debug)]
enum Due {
    Now,
    /// After a change of the rows.
    OnChange,
    /// At this time, or earlier after a change of the rows: the store was not available.
    At(Instant),
}

/// An answer that can be compared with the one before.
#[diagnostic::on_unimplemented(
    message = "answers of type `{Self}` cannot be watched",
    label = "answers are compared, to report only changes",
    note = "add `#[derive(Clone, PartialEq)]` to the rows, or to the answer type of a hand-written query"
)]
pub trait Watchable: Clone + PartialEq {}

#[diagnostic::do_not_recommend]
impl<A: Clone + PartialEq> Watchable for A {}

impl<Q: Query<Answer: Watchable>> QueryWatch<Q> {
    pub(crate) fn new(directory: &Arc<dyn ReadModelDirectory>, query: Q) -> Self {
        Self {
            directory: Arc::downgrade(directory),
            runtime: directory.watcher().runtime().clone(),
            query,
            wanted: Included::default(),
            timeout: DEFAULT_TIMEOUT,
            last: None,
            dependencies: Vec::new(),
            reported: HashMap::new(),
            due: Due::Now,
            backoff: RETRY,
        }
    }

    /// Waits until every read model that the query reads includes all events up to a position, such as that of a receipt:
    /// `after(&receipt)`.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// let mut watch = app.watch(BalanceOf { account: id("a") }).after(&receipt);
    /// assert_eq!(watch.next().await?.unwrap().cents, 15); // never 10
    /// # Ok(())
    /// # });
    /// ```
    pub fn after(self, position: impl Into<Included>) -> Self {
        Self { wanted: position.into(), ..self }
    }

    /// Sets how long to wait for that position at most. The default is 5 seconds.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use std::time::Duration;
    ///
    /// use annalist::Position;
    ///
    /// let watch = app.watch(BalanceOf { account: id("a") }).after(Position::new(1000)); // far beyond the end of the log
    /// let error = watch.timeout(Duration::ZERO).next().await.unwrap_err();
    /// assert!(matches!(error, Error::NotCaughtUp { .. }));
    /// # Ok(())
    /// # });
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Waits for the next answer: first the current one, then each that differs from the one before. Changes that are
    /// faster than the calls of `next` are skipped up to the latest one. The future can be dropped without losing an answer.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let mut watch = app.watch(BalanceOf { account: id("a") });
    /// watch.next().await?;
    /// app.execute(Deposit { account: id("b"), cents: 5 }).await?; // does not change the answer
    /// app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// assert_eq!(watch.next().await?.unwrap().cents, 15);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error`] if the query fails; [`Error::NotCaughtUp`], once, if a projection that the query reads is stopped;
    /// [`Error::Unusable`] if the app was stopped or the query reads no read model; [`Error::RuntimeEnded`]. After an error `next` can be called
    /// again; once the watch [`is_over`](QueryWatch::is_over), it returns the same error each time.
    pub async fn next(&mut self) -> Result<Q::Answer, Error> {
        let runtime = self.runtime.clone();
        runtime.run(|| format!("watch `{}`", type_name::<Q>()), self.next_answer()).await
    }

    async fn next_answer(&mut self) -> Result<Q::Answer, Error> {
        loop {
            self.wait_until_due().await?;
            let directory = self.directory.upgrade().ok_or_else(|| self.over_error())?;
            let models = ReadModels::new(directory, self.wanted, self.timeout);
            let answer = answer(&self.query, &models).await;
            // No `await` from here on, so that dropping the future cannot lose this answer.
            self.dependencies = models.into_dependencies();
            self.due = self.next_due(&answer);
            match answer {
                Ok(answer) if self.last.as_ref() == Some(&answer) => {}
                answer => return Ok(self.last.insert(answer?).clone()),
            }
        }
    }

    /// Returns `true` if no further answer is possible: the app was stopped, or all rows that the query reads are final.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let mut watch = app.watch(BalanceOf { account: id("a") });
    /// watch.next().await?;
    /// assert!(!watch.is_over());
    ///
    /// drop(app);
    /// assert!(watch.next().await.is_err());
    /// assert!(watch.is_over());
    /// # Ok(())
    /// # });
    /// ```
    pub fn is_over(&self) -> bool {
        let all_ended = self.dependencies.iter().all(|dependency| dependency.ended);
        self.runtime.has_ended()
            || all_ended && matches!(self.due, Due::OnChange)
            || self.directory.upgrade().is_none()
    }

    /// Unchanged rows have the same answer, so the query waits for a change, except after an error of the store, which may
    /// be over at any time.
    fn next_due(&mut self, answer: &Result<Q::Answer, Error>) -> Due {
        match answer {
            Err(error) if error.is_unavailable() || error.is_unknown() => {
                Due::At(Instant::now() + self.backoff.next_pause())
            }
            _ => {
                self.backoff.reset();
                Due::OnChange
            }
        }
    }

    async fn wait_until_due(&mut self) -> Result<(), Error> {
        loop {
            if let Some(error) = self.new_stop() {
                return Err(error);
            }
            let changed = match self.due {
                Due::Now => return Ok(()),
                Due::OnChange if self.is_over() => return Err(self.over_error()),
                Due::OnChange => any_changed(&mut self.dependencies).await,
                Due::At(time) => timeout_at(time, any_changed(&mut self.dependencies)).await.unwrap_or(true),
            };
            if changed {
                self.due = Due::Now;
            }
        }
    }

    /// The error for a dependency that is stopped, once for every time it stops.
    fn new_stop(&mut self) -> Option<Error> {
        for dependency in &self.dependencies {
            match stopped(dependency) {
                Some(stop) if self.reported.get(dependency.projection) != Some(&stop) => {
                    let error = stopped_error(dependency, &stop);
                    self.reported.insert(dependency.projection, stop);
                    return Some(error);
                }
                Some(_) => {}
                None => drop(self.reported.remove(dependency.projection)),
            }
        }
        None
    }

    /// The error that says why no further answer is possible.
    fn over_error(&self) -> Error {
        let stop = self
            .dependencies
            .iter()
            .find_map(|dependency| stopped(dependency).map(|stop| stopped_error(dependency, &stop)));
        let reason = match self.dependencies[..] {
            [] if self.directory.upgrade().is_some() => {
                "the query reads no read model of the app, so its changes cannot be detected"
            }
            _ => "the app was stopped",
        };
        stop.unwrap_or_else(|| Error::unusable(format!("watch `{}`", type_name::<Q>()), reason))
    }
}

/// Waits until a dependency has changed or ended; forever, if all have ended. Returns `true` if it has changed.
async fn any_changed(dependencies: &mut [Dependency]) -> bool {
    let open = dependencies.iter_mut().filter(|dependency| !dependency.ended);
    let mut changes: FuturesUnordered<_> = open.map(Dependency::changed).collect();
    match changes.next().await {
        Some(changed) => changed,
        None => pending().await,
    }
}

/// Why a dependency is stopped, or `None` if it is running.
fn stopped(dependency: &Dependency) -> Option<Stopped> {
    match &dependency.status.borrow().state {
        State::Stopped(stop) => Some(stop.clone()),
        _ => None,
    }
}

fn stopped_error(dependency: &Dependency, stop: &Stopped) -> Error {
    let reached = dependency.status.borrow().position;
    let (projection, wanted) = (dependency.projection, stop.position.unwrap_or(reached));
    Error::NotCaughtUp { projection, wanted, reached, reason: stop.to_string() }
}
