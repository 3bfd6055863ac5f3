//! Administration of a running app: progress, parked events, rebuilds, graceful shutdown.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{facade::App, stored_events::check_stored_events};
use crate::{
    daemon::{FollowerControl, Progress, RetryReport, SHUTDOWN_TIMEOUT, State, Status},
    error::Error,
    record::Position,
    rows::{Build, FollowerRequests, Parked, SharedRows},
    store::{Included, PageLimit},
    verify::{VerifyReport, verify},
};

/// Status of a projection or policy in this process, and its builds in the row store.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let overview = app.overview().await?;
/// assert_eq!((overview[0].name, overview[0].lag.events), ("balances", 0));
/// assert!(overview[0].builds[0].live);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Overview {
    /// Stored name.
    pub name: &'static str,
    /// Current status in this process.
    pub status: Status,
    /// All stored builds, including builds that other programs keep up to date.
    pub builds: Vec<Build>,
    /// Which events of the rows that queries read may have been folded with other conversions (`upcast`, `from`) than those of this
    /// program, in words: "`booking.made` had version 1 and has version 2". The rows are as right as the conversions of the events
    /// say; to fold all events with the current ones, rebuild them beside the live ones: [`App::rebuild`]. The body of a function cannot be
    /// compared: when it changes, give the event a new version with a step of its own.
    pub other_conversions: Option<String>,
    /// How many events have left the log for archives ([`App::archive`]). A build that begins now lacks them.
    pub archived: u64,
    /// What operators have requested.
    pub requests: FollowerRequests,
    /// How far the build that queries read lags behind the log; before the first build is complete, how far that build does.
    pub lag: Lag,
}

impl Overview {
    /// Progress of the build that is to be promoted, if this process is building one.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// assert!(app.overview().await?[0].building().is_none()); // the only build is live
    /// # Ok(())
    /// # });
    /// ```
    pub fn building(&self) -> Option<&Progress> {
        self.status.building.as_ref()
    }
}

/// How far a projection or policy lags behind the log.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use std::time::Duration;
///
/// use annalist::{Memory, projection::State, testing::ManualClock};
///
/// let clock = ManualClock::default();
/// let app = App::builder(Memory::new()).clock(clock.clone()).projection::<Savings>().start().await?;
/// # app.execute(open("ann", "Ann")).await?;
/// app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // stops the projection
/// app.wait_until("savings", |status| matches!(status.state, State::Stopped(_))).await?;
///
/// clock.advance(Duration::from_secs(60));
/// let lag = app.overview().await?[0].lag;
/// assert_eq!((lag.events, lag.time), (1, Duration::from_secs(60)));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// How many settled events of its types are not processed yet.
    pub events: u64,
    /// The age of the first of these events by the app's clock; zero if there are none, or if it is damaged.
    pub time: Duration,
}

impl App {
    /// Returns status, builds and lag of every projection and policy. Queries the stores.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let names: Vec<_> = app.overview().await?.into_iter().map(|overview| overview.name).collect();
    /// assert_eq!(names, ["balances"]);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error`] if a store cannot be read.
    pub async fn overview(&self) -> Result<Vec<Overview>, Error> {
        self.run("read the overview", self.read_overview()).await
    }

    async fn read_overview(&self) -> Result<Vec<Overview>, Error> {
        let mut all = Vec::new();
        let settled = self.store().settled().await?.position;
        let archived = self.archived_events().await?;
        for ((name, status), control) in self.statuses().into_iter().zip(self.daemon().controls()) {
            let status = status.with_inline_position(settled);
            let builds = control.builds().await?;
            let lag = self.lag(control, &status, &builds).await?;
            let is_read = |build: &&Build| status.reads.is_some_and(|read| read.order() == build.order());
            let read = builds.iter().find(is_read);
            let other_conversions =
                read.and_then(|build| build.other_conversions(&control.follower.events()));
            let requests = builds.last().map(|build| build.requests.clone()).unwrap_or_default();
            all.push(Overview { name, status, builds, other_conversions, archived, requests, lag });
        }
        Ok(all)
    }

    /// Checks the whole log, page by page, and what depends on it: tags, payloads, positions, command ids, the journal, snapshots, successors of event names, and the
    /// checkpoints and parked events of all builds in the store of the events and in the row stores of the app. Finds what was
    /// changed in the database by hand or damaged, and reports what to do.
    ///
    /// The app and other processes may append meanwhile: events up to the high-water mark at the start are checked.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let report = app.verify().await?;
    /// assert!(report.is_sound(), "{report}");
    /// assert_eq!(report.events, 6);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error`] if a store cannot answer. Damaged data is a finding, never an error.
    pub async fn verify(&self) -> Result<VerifyReport, Error> {
        let own = self.daemon().log_rows().cloned().or_else(|| self.store().row_store());
        let mut rows: Vec<SharedRows> = own.into_iter().collect();
        for control in self.daemon().controls() {
            let stored = control.rows.as_stored().unwrap_or(&control.rows);
            if rows.iter().all(|known| !Arc::ptr_eq(known, stored)) {
                rows.push(SharedRows::clone(stored));
            }
        }
        self.run("verify the log", verify(&**self.store(), &rows)).await
    }

    /// Checks whether the program reads the events that the log has, as [`Builder::start`](super::Builder::start) does.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// let log = Memory::new();
    /// App::builder(log.clone()).start().await?.execute(open("ann", "Ann")).await?;
    /// let tool = App::builder(log).commands::<Open>().observe().await?;
    /// tool.check_stored_events().await?;
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::UnreadEvents`] if the log has events of later versions than the registered types, or events that no registered type
    /// reads, although they have a prefix or ids of the program;
    /// [`Invalid::SealedWithoutKeys`](crate::error::Invalid::SealedWithoutKeys) if it has secrets, and the app no keys; another [`Error`]
    /// if the store cannot answer.
    pub async fn check_stored_events(&self) -> Result<(), Error> {
        let registered = self.executor().registry.registrations();
        let check = check_stored_events(&**self.store(), &registered, &self.inner.unchecked_events);
        self.run("check the stored events", check).await
    }

    /// Waits until a projection or policy has processed all events up to a position, as
    /// [`Find::after`](crate::query::Find::after) does for a query.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use std::time::Duration;
    ///
    /// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// app.wait_for_position("balances", &receipt, Duration::from_secs(5)).await?;
    /// assert_eq!(app.find::<Balance>(&id("a")).await?.unwrap().cents, 15);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] if it has not within `timeout`, or is stopped; [`Error::Building`] if its first build is not complete
    /// within `timeout`; [`Error::Unusable`] if there is none of this name.
    pub async fn wait_for_position(
        &self,
        name: &str,
        position: impl Into<Included>,
        timeout: Duration,
    ) -> Result<(), Error> {
        self.daemon().passed(name, position.into(), timeout).await
    }

    /// Waits until the status of a projection or policy satisfies `wanted`, and returns that status. There is no timeout, except
    /// inside of a handler of a policy or projection: 30 seconds, and none for its own status.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::projection::State;
    ///
    /// let status = app.wait_until("balances", |status| status.state == State::CaughtUp).await?;
    /// assert_eq!(status.position.get(), 6);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is none of this name, the app is stopped first, or a handler waits for itself or for too long.
    pub async fn wait_until(
        &self,
        name: &str,
        wanted: impl FnMut(&Status) -> bool + Send,
    ) -> Result<Status, Error> {
        self.daemon().follow(name)?.wait_until(wanted).await
    }

    /// Starts a rebuild of a projection from the first event, next to the live build, and promotes it when it is complete. A
    /// running rebuild continues; a stopped or blocked one is abandoned. A rebuild survives restarts of the program. The new rows lack the
    /// events that have left the log for archives ([`Overview::archived`]); a warning says how many.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// app.rebuild("balances").await?;
    /// app.wait_until("balances", |status| status.reads.is_some_and(|table| table.build == 1)).await?;
    /// assert_eq!(app.find::<Balance>(&id("a")).await?.unwrap().cents, 10);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is no projection of this name, it has no rows, or a newer version is live.
    pub async fn rebuild(&self, name: &str) -> Result<(), Error> {
        let archived = self.archived_events().await?;
        self.run_on("rebuild", name, self.control(name)?.rebuild()).await?;
        if archived > 0 {
            tracing::warn!(name, archived, "the new rows lack the events of archived ids");
        }
        Ok(())
    }

    /// Makes the newest build of a projection live as it is, without comparing it to the live one
    /// ([`ProjectionOptions::compare`](crate::projection::ProjectionOptions::compare)).
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::projection::ProjectionOptions;
    ///
    /// // Version 2 of the projection has other rows than the live version 1.
    /// # let store = std::sync::Arc::clone(app.store());
    /// # app.shut_down().await;
    /// let options = ProjectionOptions::new().compare();
    /// let app = App::builder(store).projection_with::<BalanceV2>(options).start().await?;
    /// app.wait_until("balances", |status| status.promotion_blocked.is_some()).await?;
    ///
    /// app.promote("balances").await?;
    /// app.wait_until("balances", |status| status.reads.is_some_and(|table| table.version == 2)).await?;
    /// assert_eq!(app.find::<BalanceV2>(&id("a")).await?.unwrap().owner, "ADA");
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is no projection of this name, or a newer version is live.
    pub async fn promote(&self, name: &str) -> Result<(), Error> {
        self.run_on("promote", name, self.control(name)?.promote()).await
    }

    /// Deletes the builds of a projection that are older than the live one, with their tables, and returns how many. Queries of other
    /// processes that are on their way to such a build read the live one. Programs of older versions that still run lose the rows that
    /// they read.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// app.rebuild("balances").await?;
    /// app.wait_until("balances", |status| status.reads.is_some_and(|table| table.build == 1)).await?;
    /// assert_eq!(app.discard_old_builds("balances").await?, 1);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is no projection of this name.
    pub async fn discard_old_builds(&self, name: &str) -> Result<usize, Error> {
        self.run_on("discard old builds of", name, self.control(name)?.discard_old()).await
    }

    /// Returns the parked events of a projection or policy, in the order of the log.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::projection::ProjectionOptions;
    ///
    /// let app = savings(ProjectionOptions::new().park()).await?;
    /// let receipt = app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // fails in the projection
    /// app.wait_until_caught_up().await?;
    ///
    /// let parked = app.parked("savings").await?;
    /// assert_eq!(parked[0].position, receipt.position());
    /// assert!(parked[0].error.contains("negative deposit"));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is none of this name.
    pub async fn parked(&self, name: &str) -> Result<Vec<Parked>, Error> {
        self.run_on("read the parked events of", name, self.control(name)?.parked()).await
    }

    /// Retries the parked events of a projection or policy, in the order of the log, and the events that are parked meanwhile
    /// because they wait for these, such as events of a policy's own commands. Events that fail again stay parked, with the
    /// events that wait for them. Afterwards the status has the new number of parked events.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # use annalist::projection::ProjectionOptions;
    /// # let app = savings(ProjectionOptions::new().park()).await?;
    /// app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // fails in the projection
    /// app.wait_until_caught_up().await?;
    ///
    /// repair(); // removes the cause
    /// let report = app.retry_parked("savings").await?;
    /// assert_eq!((report.done, report.parked), (1, 0));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is none of this name, it is paused, or an event is no longer in the log.
    pub async fn retry_parked(&self, name: &str) -> Result<RetryReport, Error> {
        let control = self.control(name)?;
        let retry = async {
            control.check_not_paused("retry the parked events of").await?;
            control.retry_parked().await
        };
        self.run_on("retry the parked events of", name, retry).await
    }

    /// Deletes the parked event at a position without processing it. Returns `true` if there was one. Events that wait for
    /// it are processed by the next [`retry_parked`](App::retry_parked).
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # use annalist::projection::ProjectionOptions;
    /// # let app = savings(ProjectionOptions::new().park()).await?;
    /// let receipt = app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // fails in the projection
    /// app.wait_until_caught_up().await?;
    ///
    /// assert!(app.discard_parked("savings", receipt.position()).await?);
    /// assert!(app.parked("savings").await?.is_empty());
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is no projection or policy of this name.
    pub async fn discard_parked(&self, name: &str, position: Position) -> Result<bool, Error> {
        self.run_on("discard a parked event of", name, self.control(name)?.discard_parked(position)).await
    }

    /// Shuts down gracefully: projections and policies finish their current batch and save their checkpoints; then commands in
    /// flight finish, and new ones are refused as unavailable. Each of the two steps takes at most ten seconds; followers that
    /// take longer are aborted, and commands are no longer waited for. No event is lost: the next start continues from the
    /// checkpoints.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// app.shut_down().await;
    /// let error = app.execute(Deposit { account: id("a"), cents: 5 }).await.unwrap_err();
    /// assert!(matches!(error, ExecuteError::Unavailable(_)));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn shut_down(&self) {
        tracing::info!(log = self.store().describe(), "the app is shutting down");
        self.daemon().shut_down().await;
        if timeout(SHUTDOWN_TIMEOUT, self.executor().shut_down()).await.is_err() {
            tracing::warn!("commands in flight did not finish in time; the log has their outcome");
        }
    }

    /// Runs a call about a projection or policy, unless the runtime of the app has ended.
    async fn run_on<T>(
        &self,
        verb: &str,
        name: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.run(&format!("{verb} `{name}`"), call).await
    }

    pub(super) fn control(&self, name: &str) -> Result<&FollowerControl, Error> {
        self.daemon().control(name).map(|control| &**control)
    }

    async fn lag(&self, control: &FollowerControl, status: &Status, builds: &[Build]) -> Result<Lag, Error> {
        if status.state == State::Inline {
            return Ok(Lag::default());
        }
        let own = control.follower.table();
        let newest = || {
            let mut builds = builds.iter().filter(|build| build.version == own.version);
            builds.clone().find(|build| build.live).or_else(|| builds.next_back())
        };
        let (table, stored) = match status.reads {
            Some(table) => (table, builds.iter().find(|build| build.order() == table.order())),
            None => (own, newest()),
        };
        // This process may have processed events after the stored checkpoint without saving it yet.
        let passed = stored.map_or(Position::START, |build| build.checkpoint.position).max(status.position);
        let filter = control.follower.batch_handler(table, control.rows.clone()).filter();
        let store = self.store();
        let next = match store.feed(&filter, passed, PageLimit::records(1)).await {
            Ok(mut page) => page.records.pop(),
            // A damaged record has no age, but it is counted.
            Err(Error::Invalid(_)) => {
                let events = store.count(&filter, passed, Position::END).await?;
                return Ok(Lag { events, time: Duration::ZERO });
            }
            Err(error) => return Err(error),
        };
        let Some(next) = next else { return Ok(Lag::default()) };
        let events = store.count(&filter, passed, Position::END).await?;
        let age = self.executor().clock.now().as_micros().saturating_sub(next.recorded_at.as_micros());
        Ok(Lag { events, time: Duration::from_micros(u64::try_from(age).unwrap_or_default()) })
    }
}
