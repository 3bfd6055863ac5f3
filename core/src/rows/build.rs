//! Builds: the tables that hold the rows of one projection, at most one of them live.

use super::{Checkpoint, Claim, FollowerRequests, InlineOutcome, Key, Table, folded_events};
use crate::{error::Error, log_id::LogId, position::Position, time::Timestamp};

/// The state of a projection's build in a store.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let build = app.overview().await?[0].builds.remove(0);
/// assert_eq!((build.version, build.build, build.live), (1, 0, true));
/// assert_eq!(build.checkpoint.position.get(), 6);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The version of the projection.
    pub version: u32,
    /// Which build of that version, counted from 0.
    pub build: u32,
    /// The columns, as [`Table::shape`](super::Table::shape) writes them.
    pub shape: String,
    /// The events that the build folds, as [`RowStore::define`](super::RowStore::define) was given them.
    pub events: String,
    /// The log whose events are in the rows.
    pub log: LogId,
    /// Whether queries and the view read this build. At most one build of a projection is live.
    pub live: bool,
    /// Whether the rows change in the transactions of the appends.
    pub inline: bool,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The time of the last change of the checkpoint, by the clock of the store.
    pub updated_at: Timestamp,
    /// Which process runs it, if it runs in one process at a time and one does.
    pub claim: Option<Claim>,
    /// What operators have requested of the projection or policy: the same for all of its builds.
    pub requests: FollowerRequests,
}

impl Build {
    /// Returns the sort key of the builds of a projection: newer builds have greater ones.
    pub fn order(&self) -> (u32, u32) {
        (self.version, self.build)
    }

    /// For stores: checks that the build has the columns of this table, folds these events and belongs to this log.
    ///
    /// # Errors
    /// [`Error::Unusable`] if one of them differs.
    pub fn check_stored(&self, table: &Table, events: &str, log: LogId) -> Result<(), Error> {
        table.check_columns(&self.shape)?;
        if let Some(differences) = folded_events::differences(&self.events, events) {
            let reason = format!(
                "the events that it folds have changed: {differences}; the stored rows lack what the events before would have changed, so give the projection a new `version`"
            );
            return Err(Error::unusable(table.opening(), reason));
        }
        if self.log != log {
            let reason = format!(
                "the rows were made of log {}, but the program reads log {log}; use another store of rows, or rebuild them",
                self.log
            );
            return Err(Error::unusable(table.opening(), reason));
        }
        Ok(())
    }

    /// Returns which events of the rows may have been folded with other conversions than those of the program, in words; `None` if there
    /// are none. `events` describes those of the program, as in [`check_stored`](Self::check_stored).
    pub fn other_conversions(&self, events: &str) -> Option<String> {
        folded_events::other_conversions(&self.events, events)
    }

    /// For stores: checks that the build of `table`, which is not stored, may be created, given all builds of its projection. A build
    /// that is older than the live one of its version was deleted: a process that still runs it would serve an empty table.
    ///
    /// # Errors
    /// [`Error::Unusable`] if a later build of the version is live.
    pub fn check_new(builds: &[Self], table: &Table) -> Result<(), Error> {
        let later = |build: &&Self| build.live && build.version == table.version && build.build > table.build;
        let Some(live) = builds.iter().find(later) else { return Ok(()) };
        let reason = format!(
            "it was deleted, and a later one is live: build {} of version {}",
            live.build, live.version
        );
        Err(Error::unusable(format!("define `{}`", table.name()), reason))
    }

    /// For stores: decides what promoting the build of `table` requires, given all builds of its projection. With `compare` it
    /// may replace the live build only if their rows are equal.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the build is not defined or has other columns, or is to be compared with a live build of other
    /// columns.
    pub fn decide_promotion(builds: &[Self], table: &Table, compare: bool) -> Result<PromotionStep, Error> {
        let new = builds.iter().find(|build| build.order() == table.order());
        let new = new.ok_or_else(|| table.undefined_error())?;
        table.check_columns(&new.shape)?;
        let Some(live) = builds.iter().find(|build| build.live) else { return Ok(PromotionStep::MakeLive) };
        if live.order() == new.order() {
            return Ok(PromotionStep::Finish(PromoteOutcome::Done));
        }
        if live.order() > new.order() {
            return Ok(PromotionStep::Finish(PromoteOutcome::Superseded));
        }
        if !compare {
            return Ok(PromotionStep::MakeLive);
        }
        table.check_comparable(&live.shape)?;
        let parked = new.checkpoint.parked > 0 || live.checkpoint.parked > 0;
        if parked || new.comparable_position() != live.comparable_position() {
            return Ok(PromotionStep::Finish(PromoteOutcome::NotComparable));
        }
        if table.is_checkpoint_only() {
            return Ok(PromotionStep::MakeLive);
        }
        Ok(PromotionStep::Compare(Table { version: live.version, build: live.build, ..*table }))
    }

    /// The position up to which its rows include all events; `None` for inline builds, which are all at the end of the log.
    fn comparable_position(&self) -> Option<Position> {
        (!self.inline).then_some(self.checkpoint.position)
    }

    /// For stores: decides whether this build, whose table is `table`, can be made inline with the appends to `log`. Returns the
    /// outcome if nothing has to be done. Otherwise the store reads the events after the checkpoint: if they fill a page with
    /// [`PageLimit::CATCH_UP`](crate::store::PageLimit::CATCH_UP), the outcome is [`InlineOutcome::Behind`]; else it folds them and makes the build inline.
    ///
    /// # Errors
    /// [`Error::Unusable`] if its rows are made of the events of another log.
    pub fn decide_inline(&self, table: &Table, log: LogId) -> Result<Option<InlineOutcome>, Error> {
        if self.inline {
            return Ok(Some(InlineOutcome::Done));
        }
        if self.log != log {
            return Err(table.other_log_error());
        }
        Ok((self.checkpoint.parked > 0).then_some(InlineOutcome::Behind))
    }
}

/// What a store does next to promote a build: see [`Build::decide_promotion`].
#[derive(Clone, Debug, PartialEq)]
pub enum PromotionStep {
    /// Nothing: this is the outcome.
    Finish(PromoteOutcome),
    /// Makes the build live.
    MakeLive,
    /// Compares the rows of the build with those of the live build, which has this table. Makes the build live if they are
    /// equal.
    Compare(Table),
}

/// The result of promoting a build to live.
#[derive(Clone, Debug, PartialEq)]
pub enum PromoteOutcome {
    /// The build is live now, or was live already.
    Done,
    /// A newer build is live. Nothing was changed.
    Superseded,
    /// The builds cannot be compared now: they are at different positions, one of them has parked events, or only one of
    /// them is inline. Nothing was changed.
    NotComparable,
    /// The rows of the builds differ. Nothing was changed.
    Differs(Difference),
}

/// The differences between the rows of a new build and those of the live build.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// The number of rows that only the live build has.
    pub missing: u64,
    /// The number of rows that only the new build has.
    pub added: u64,
    /// The number of rows that both builds have, with different values.
    pub changed: u64,
    /// The smallest key of all those rows.
    pub example: Option<Key>,
}

impl Difference {
    /// Returns `true` if the builds have equal rows.
    pub fn is_none(&self) -> bool {
        self.missing == 0 && self.added == 0 && self.changed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table { projection: "mailer", version: 1, build: 1, columns: &[] };

    fn build(table: &Table, position: u64) -> Build {
        Build {
            version: table.version,
            build: table.build,
            shape: table.shape(),
            events: String::new(),
            log: LogId::from_uuid(uuid::Uuid::nil()),
            live: false,
            inline: false,
            checkpoint: Checkpoint { position: Position::new(position), ..Checkpoint::default() },
            updated_at: Timestamp::EPOCH,
            claim: None,
            requests: FollowerRequests::default(),
        }
    }

    fn step(new: &Build, live: &Build, compare: bool) -> PromotionStep {
        Build::decide_promotion(&[live.clone(), new.clone()], &TABLE, compare).unwrap()
    }

    #[test]
    fn promotion_compares_only_builds_at_the_same_position_without_parked_events() {
        let live = Build { live: true, ..build(&TABLE.built(0), 7) };
        let new = build(&TABLE, 7);
        let not_comparable = PromotionStep::Finish(PromoteOutcome::NotComparable);
        assert_eq!(step(&new, &live, true), PromotionStep::MakeLive);
        assert_eq!(step(&build(&TABLE, 6), &live, true), not_comparable);
        assert_eq!(step(&build(&TABLE, 6), &live, false), PromotionStep::MakeLive);
        assert_eq!(step(&Build { inline: true, ..new.clone() }, &live, true), not_comparable);
        let inline = Build { inline: true, ..live.clone() };
        assert_eq!(step(&Build { inline: true, ..build(&TABLE, 6) }, &inline, true), PromotionStep::MakeLive);
        let mut parked = new.clone();
        parked.checkpoint.parked = 1;
        assert_eq!(step(&parked, &live, true), not_comparable);
        assert_eq!(
            step(&new, &Build { build: 2, ..live.clone() }, false),
            PromotionStep::Finish(PromoteOutcome::Superseded)
        );
        let other_columns = Build { shape: "id Int key".to_owned(), ..live };
        assert!(Build::decide_promotion(&[other_columns, new.clone()], &TABLE, true).is_err());
        let live = Build { live: true, ..new };
        let step = Build::decide_promotion(&[live], &TABLE, true).unwrap();
        assert_eq!(step, PromotionStep::Finish(PromoteOutcome::Done));
        assert!(Build::decide_promotion(&[], &TABLE, true).is_err());
    }

    #[test]
    fn build_of_another_log_or_with_parked_events_is_not_made_inline() {
        let mut build = build(&TABLE, 7);
        assert_eq!(build.decide_inline(&TABLE, build.log).unwrap(), None);
        assert!(build.decide_inline(&TABLE, LogId::fresh()).is_err());
        build.checkpoint.parked = 1;
        assert_eq!(build.decide_inline(&TABLE, build.log).unwrap(), Some(InlineOutcome::Behind));
        build.inline = true;
        assert_eq!(build.decide_inline(&TABLE, build.log).unwrap(), Some(InlineOutcome::Done));
    }
}
