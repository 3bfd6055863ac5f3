//! Waits for the followers of the log before stored events leave it or are rewritten.

use std::time::Duration;

use tokio::time::Instant;

use super::facade::App;
use crate::{
    criteria::Item,
    daemon::FollowerControl,
    error::Error,
    position::Position,
    rows::{Build, Table},
    store::{EventStore, Read},
};

/// The pause between two looks at the checkpoints.
const PAUSE: Duration = Duration::from_millis(20);

/// The events that followers have to handle first.
pub(super) enum Awaited<'a> {
    /// The events at these positions, which are sorted.
    Positions(&'a [Position]),
    /// The stored events with these names.
    #[cfg_attr(
        not(feature = "secrets"),
        allow(dead_code, reason = "secrets are encrypted with the feature alone")
    )]
    Named(&'a [&'static str]),
}

impl Awaited<'_> {
    /// The position of the last of them; `None` if there are none.
    async fn last(&self, store: &dyn EventStore) -> Result<Option<Position>, Error> {
        match self {
            Self::Positions(positions) => Ok(positions.last().copied()),
            Self::Named(names) => {
                let stored = store.stored_types().await?;
                let named = stored.iter().filter(|stored| names.iter().any(|name| *name == stored.name));
                Ok(named.map(|stored| stored.last).max())
            }
        }
    }

    /// Whether one of them is at a position.
    async fn contains(&self, store: &dyn EventStore, position: Position) -> Result<bool, Error> {
        match self {
            Self::Positions(positions) => Ok(positions.binary_search(&position).is_ok()),
            Self::Named(names) => {
                let before = Position::new(position.get().saturating_sub(1));
                let events = Read::all(Item::any().types(names.iter().copied()).into());
                let found = store.read(&[events.after(before).up_to(position)]).await?;
                Ok(found.iter().any(|batch| !batch.records.is_empty()))
            }
        }
    }
}

impl App {
    /// Waits until all builds of this app's followers, and the policies of other programs on this log, have handled the events.
    ///
    /// # Errors
    /// [`Error::Unusable`] if one of the events is parked; [`Error::Unavailable`] if they have not at the deadline.
    pub(super) async fn wait_for_followers(
        &self,
        operation: &str,
        awaited: &Awaited<'_>,
        deadline: Instant,
    ) -> Result<(), Error> {
        let Some(last) = awaited.last(&**self.store()).await? else { return Ok(()) };
        while let Some(behind) = self.first_behind(operation, awaited, last).await? {
            self.wait_before(operation, deadline, || {
                format!(
                    "{behind} has not handled the events up to position {last}: wait until it has, or discard it if no program needs it \
                     (`App::discard_old_builds`)"
                )
            })
            .await?;
        }
        Ok(())
    }

    /// The first follower that has not handled the events, in words.
    async fn first_behind(
        &self,
        operation: &str,
        awaited: &Awaited<'_>,
        last: Position,
    ) -> Result<Option<String>, Error> {
        let log = self.store().log_id();
        for control in self.daemon().controls() {
            let name = control.follower.table().projection;
            for build in control.builds().await?.into_iter().filter(|build| build.log == log) {
                let title = format!("build {}.{} of `{name}`", build.version, build.build);
                if !build.inline && build.checkpoint.position < last {
                    return Ok(Some(title));
                }
                let parked = parked_positions(control, &build).await?;
                self.refuse_parked(operation, parked, awaited, &title).await?;
            }
        }
        for policy in self.store().policies().await? {
            let title = format!("the policy `{}`", policy.name);
            if policy.position < last {
                return Ok(Some(title));
            }
            let parked = policy.parked.iter().map(|parked| parked.position).collect();
            self.refuse_parked(operation, parked, awaited, &title).await?;
        }
        Ok(None)
    }

    async fn refuse_parked(
        &self,
        operation: &str,
        parked: Vec<Position>,
        awaited: &Awaited<'_>,
        title: &str,
    ) -> Result<(), Error> {
        for position in parked {
            if awaited.contains(&**self.store(), position).await? {
                let reason = format!(
                    "{title} has parked the event at position {position}: retry or discard it first (`App::retry_parked`, \
                     `App::discard_parked`)"
                );
                return Err(Error::unusable(operation, reason));
            }
        }
        Ok(())
    }

    /// Waits before the next look, or fails at the deadline.
    pub(super) async fn wait_before(
        &self,
        operation: &str,
        deadline: Instant,
        reason: impl Fn() -> String,
    ) -> Result<(), Error> {
        if Instant::now() >= deadline {
            return Err(Error::unavailable(operation, reason()));
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

async fn parked_positions(control: &FollowerControl, build: &Build) -> Result<Vec<Position>, Error> {
    if build.checkpoint.parked == 0 {
        return Ok(Vec::new());
    }
    let table = Table { version: build.version, build: build.build, ..control.follower.table() };
    let parked = control.rows.parked(&table).await?;
    Ok(parked.iter().map(|parked| parked.position).collect())
}
