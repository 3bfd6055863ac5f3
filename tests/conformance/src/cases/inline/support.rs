//! Appends with folds, and builds that are inline.

use std::{panic::Location, sync::Arc};

use annalist_core::{
    record::{Draft, Position},
    rows::{BuildId, FoldedRows, Inline, InlineOutcome, Row, RowChange},
    store::{Append, AppendOutcome, Receipt},
};

use super::notes::{folded_events, folded_rows, note_event};
use crate::{
    Failure,
    failure::{Outcome, located},
    support::{handle::Handle, rows::*},
};

/// A builder method for an append.
pub(super) trait InlineAppendExt {
    /// Sets the folds of inline builds.
    fn with_folds(self, folds: &[Arc<dyn Inline>]) -> Self;
}

impl InlineAppendExt for Append {
    fn with_folds(self, folds: &[Arc<dyn Inline>]) -> Self {
        Self { inline: folds.to_vec(), ..self }
    }
}

/// The build that a fold is for.
pub(super) fn build_id(fold: &Arc<dyn Inline>) -> BuildId {
    fold.table().into()
}

impl Handle {
    /// Appends as a program does: with the folds that it assumes, and again with the folds that the store requires.
    pub(super) async fn append_with_required_folds(
        &self,
        append: Append,
        folds: &[Arc<dyn Inline>],
    ) -> Outcome<AppendOutcome<Receipt>> {
        let mut provided = append.inline.clone();
        loop {
            match self.append_one(append.clone().with_folds(&provided)).await? {
                AppendOutcome::InlineRequired { builds: required, .. } => {
                    provided =
                        folds.iter().filter(|fold| required.contains(&build_id(fold))).cloned().collect();
                    ensure_eq!(provided.len(), required.len(), "number of known folds among {required:?}");
                }
                other => return Ok(other),
            }
        }
    }

    /// Appends with folds and expects that the append is accepted.
    #[track_caller]
    pub(super) fn expect_accepted_with(
        &self,
        append: Append,
        folds: &[Arc<dyn Inline>],
    ) -> impl Future<Output = Outcome<Receipt>> {
        self.expect_accepted(append.with_folds(folds))
    }

    /// Appends and expects that the store requires other folds. Returns the builds that it requires.
    #[track_caller]
    pub(super) fn expect_inline_required(
        &self,
        append: Append,
    ) -> impl Future<Output = Outcome<Vec<BuildId>>> {
        located(Location::caller(), async move {
            match self.append_one(append).await? {
                AppendOutcome::InlineRequired { builds: required, .. } => Ok(required),
                other => Err(Failure::new(format!(
                    "the append has the wrong folds: `append` must return `InlineRequired`, but returned {other:?}"
                ))),
            }
        })
    }

    /// Defines the table of a fold and makes it inline.
    #[track_caller]
    pub(super) fn define_inline(&self, fold: &Arc<dyn Inline>) -> impl Future<Output = Outcome> {
        located(Location::caller(), async move {
            let rows = self.rows();
            rows.define_table(fold.table()).await?;
            ensure_eq!(
                rows.make_inline(Arc::clone(fold)).await?,
                InlineOutcome::Done,
                "result of `make_inline`"
            );
            Ok(())
        })
    }

    /// Makes a build inline, catching up first where necessary.
    #[track_caller]
    pub(super) fn catch_up_and_make_inline(&self, fold: &Arc<dyn Inline>) -> impl Future<Output = Outcome> {
        located(Location::caller(), async move {
            while self.rows().make_inline(Arc::clone(fold)).await? == InlineOutcome::Behind {
                self.run_batch(&**fold, InlineOutcome::MAX_CATCH_UP).await?;
            }
            Ok(())
        })
    }

    /// Processes one page of the feed as a runner does, and returns the new checkpoint.
    pub(super) async fn run_batch(&self, fold: &dyn Inline, limit: usize) -> Outcome<Position> {
        let (rows, table) = (self.rows(), fold.table());
        let from = rows.build_of(table).await?.checkpoint.position;
        let page = self.feed_page(&folded_events(fold), from, limit).await?;
        let keys = fold.keys(&page.records)?;
        let found = rows.rows(table, &keys).await?;
        let FoldedRows { upserts, deletes } =
            fold.fold(&page.records, keys.into_iter().zip(found).collect())?;
        rows.expect_committed(RowChange { upserts, deletes, ..RowChange::new(table, from, page.up_to) })
            .await?;
        Ok(page.up_to)
    }

    /// Expects that the rows of a build equal the fold of the whole log, and returns them.
    #[track_caller]
    pub(super) fn expect_rows_equal_fold(
        &self,
        fold: &Arc<dyn Inline>,
    ) -> impl Future<Output = Outcome<Vec<Row>>> {
        located(Location::caller(), async move {
            let rows = self.rows().all_rows(fold.table()).await?;
            let expected = folded_rows(&**fold, &self.read_all().await?)?;
            ensure_eq!(
                rows,
                expected,
                "rows of `{}`, compared with the fold of the log",
                fold.table().name()
            );
            Ok(rows)
        })
    }
}

/// A row of the notes.
pub(super) fn note_row(note: &str, history: &str, last: Position) -> Row {
    vec![text(note), text(history), int(last.get().cast_signed())]
}

/// An event of a random type about up to three of five notes.
pub(super) fn random_note_event(random: &mut fastrand::Rng, number: usize) -> Draft {
    let mut notes = ["a", "b", "c", "d", "e"];
    let name = match random.u8(0..10) {
        0..6 => "written",
        6..8 => "edited",
        8 => "ignored",
        // A deletion hides what was folded wrong before it, so only two notes are ever deleted.
        _ => return note_event("deleted", &notes[3..][..random.usize(0..3)], number),
    };
    random.shuffle(&mut notes);
    note_event(name, &notes[..random.usize(0..4)], number)
}
