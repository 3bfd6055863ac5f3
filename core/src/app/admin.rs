//! What the people who run an app ask and order: how far things are, what is parked, builds anew, an orderly end.

use std::time::Duration;

use tokio::time::timeout;

use super::App;
use crate::{
    daemon::{FollowerControl, Progress, RetryReport, SHUTDOWN_TIMEOUT, State, Status},
    error::Error,
    record::Position,
    rows::{Build, Parked},
};

/// A projection or a policy, as its stores and this process see it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Overview {
    /// Its name.
    pub name: &'static str,
    /// How it does in this process.
    pub status: Status,
    /// Its builds as they stand in the store, whoever keeps them up to date.
    pub builds: Vec<Build>,
    /// How far the build that questions read is behind the log.
    pub lag: Lag,
}

impl Overview {
    /// How far the build is that is to take over, if one is being built by this process.
    pub fn building(&self) -> Option<&Progress> {
        self.status.building.as_ref()
    }
}

/// How far something is behind the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// How many settled events of its types it has not taken.
    pub events: u64,
    /// How long ago, by the app's clock, the first of them was recorded; zero if there is none.
    pub time: Duration,
}

impl App {
    /// How every projection and policy does: in this process, in its store, and behind the log. It asks the stores.
    ///
    /// # Errors
    /// [`Error`] if a store cannot answer.
    pub async fn overview(&self) -> Result<Vec<Overview>, Error> {
        let mut all = Vec::new();
        for ((name, status), control) in self.statuses().into_iter().zip(self.inner.daemon.controls()) {
            let builds = control.builds().await?;
            let lag = self.lag(control, &status, &builds).await?;
            all.push(Overview { name, status, builds, lag });
        }
        Ok(all)
    }

    /// Waits until the projection or policy with this name has passed a position, as [`Find::after`](crate::find::Find::after) does for a question.
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] if it has not after `timeout`, or stands still; [`Error::Unusable`] if there is none of this name.
    pub async fn wait_for_position(
        &self,
        name: &str,
        position: impl Into<Position>,
        timeout: Duration,
    ) -> Result<(), Error> {
        self.inner.daemon.passed(name, position.into(), timeout).await
    }

    /// Waits until a projection or policy does as `wanted` says, and gives how it does then: until a build has taken over,
    /// nothing is parked any more, it stands still. It waits as long as that takes.
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is none of this name, or the app was stopped before.
    pub async fn wait_until(
        &self,
        name: &str,
        wanted: impl FnMut(&Status) -> bool + Send,
    ) -> Result<Status, Error> {
        let mut status = self.follow(name)?.status.clone();
        let found = status.wait_for(wanted).await.map(|status| status.clone());
        found.map_err(|_| Error::unusable(format!("wait for `{name}`"), "the app was stopped"))
    }

    /// Builds a projection anew, from the first event on, beside the build that questions read: it takes over when it is
    /// complete. If a build is under way already, that goes on; one that stands still, or may not take over, is left behind.
    /// After a crash the next start goes on with it.
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is no projection of this name, it has no rows, or a newer version is live.
    pub async fn rebuild(&self, name: &str) -> Result<(), Error> {
        self.control(name)?.rebuild().await
    }

    /// Makes the newest build of a projection live as it is: also one that differs from the live one where they are compared
    /// ([`ProjectionOptions::compare`](crate::projection::ProjectionOptions::compare)).
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is no projection of this name, or a newer version is live.
    pub async fn promote(&self, name: &str) -> Result<(), Error> {
        self.control(name)?.promote().await
    }

    /// Removes the builds of a projection that are older than the live one, with their tables, and tells how many. Programs
    /// of older versions that still run lose what they read.
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is no projection of this name.
    pub async fn discard_old_builds(&self, name: &str) -> Result<usize, Error> {
        self.control(name)?.discard_old().await
    }

    /// Has a projection or policy that stands still try again from where it stands.
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is none of this name.
    pub fn resume(&self, name: &str) -> Result<(), Error> {
        self.control(name)?.restart();
        Ok(())
    }

    /// The parked events of a projection or policy, in the order of the log.
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is none of this name.
    pub async fn parked(&self, name: &str) -> Result<Vec<Parked>, Error> {
        self.control(name)?.parked().await
    }

    /// Tries the parked events of a projection or policy again, in the order of the log. Those that fail again stay
    /// parked, with those that wait behind them.
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is none of this name, or an event is no longer in the log.
    pub async fn retry_parked(&self, name: &str) -> Result<RetryReport, Error> {
        self.control(name)?.retry_parked().await
    }

    /// Gives up the parked event at a position: it will never be taken. Gives whether it was there. Those that wait
    /// behind it go on when the parked events are tried again.
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is no projection or policy of this name.
    pub async fn discard_parked(&self, name: &str, position: Position) -> Result<bool, Error> {
        self.control(name)?.discard_parked(position).await
    }

    /// Ends the app in order: projections and policies finish what they are at and write down how far they are; then
    /// commands that were begun are answered, and new ones are refused as unavailable. Each of the two is given ten seconds;
    /// what takes longer is cut off or no longer waited for, which loses nothing: the next start goes on there.
    pub async fn shut_down(&self) {
        self.inner.daemon.shut_down().await;
        if timeout(SHUTDOWN_TIMEOUT, self.inner.doors.close()).await.is_err() {
            tracing::warn!("commands did not come to an end in time; what becomes of them is in the log");
        }
    }

    fn control(&self, name: &str) -> Result<&FollowerControl, Error> {
        self.inner.daemon.control(name).map(|control| &**control)
    }

    async fn lag(&self, control: &FollowerControl, status: &Status, builds: &[Build]) -> Result<Lag, Error> {
        let Some(table) = status.reads.filter(|_| status.state != State::Inline) else {
            return Ok(Lag::default());
        };
        let stored = builds.iter().find(|build| build.order() == table.order());
        // What a process has taken and not written down yet is behind it too.
        let passed = stored.map_or(Position::START, |build| build.checkpoint.position).max(status.position);
        let filter = control.follower.batch_handler(table, control.rows.clone()).filter();
        let store = &self.inner.store;
        let next = store.feed(&filter, passed, 1).await?.records.pop();
        let Some(next) = next else { return Ok(Lag::default()) };
        let events = store.count(&filter, passed, Position::END).await?;
        let age = self.inner.clock.now().as_micros().saturating_sub(next.recorded_at.as_micros());
        Ok(Lag { events, time: Duration::from_micros(u64::try_from(age).unwrap_or_default()) })
    }
}
