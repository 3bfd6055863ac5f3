//! Appends that change rows of inline builds, with one fault.

use std::sync::Arc;

use annalist_core::{
    Error, Invalid,
    record::{Position, Record},
    rows::{BuildId, FoldedRows, Inline, Key, Row, RowChange, SharedRows, Table},
    store::{Append, AppendOutcome, EventStore, Receipt},
};
use annalist_memory::Memory;
use tokio::task::yield_now;

use super::row_fault::RowFault;

/// A correct log whose appends change rows with a fault.
pub(crate) struct BrokenInline<'a> {
    pub(crate) log: &'a Memory,
    pub(crate) rows: SharedRows,
    pub(crate) fault: RowFault,
}

impl BrokenInline<'_> {
    pub(crate) async fn append(&self, append: Append) -> Result<AppendOutcome<Receipt>, Error> {
        let mut request = self.with_broken_folds(append.clone()).await?;
        if self.fault == RowFault::FoldsOwnNamesOnly {
            request.successors = None;
        }
        let result = self.log.append_one(request.clone()).await;
        match (self.fault, result) {
            (RowFault::AcceptsMissingFolds, Ok(AppendOutcome::InlineRequired { builds: required, .. })) => {
                self.log
                    .append_one(Append { inline: required.iter().map(empty_fold).collect(), ..request })
                    .await
            }
            (
                RowFault::AcceptsAdditionalFolds,
                Ok(AppendOutcome::InlineRequired { builds: required, .. }),
            ) => {
                let fold_of = |id: &BuildId| {
                    request.inline.iter().find(|one| BuildId::from(one.table()) == *id).cloned()
                };
                let inline: Option<Vec<_>> = required.iter().map(fold_of).collect();
                match inline {
                    Some(inline) => self.log.append_one(Append { inline, ..request }).await,
                    None => Ok(AppendOutcome::InlineRequired { index: 0, builds: required }),
                }
            }
            (
                RowFault::ReportsFoldsInReverse,
                Ok(AppendOutcome::InlineRequired { builds: mut required, .. }),
            ) => {
                required.reverse();
                Ok(AppendOutcome::InlineRequired { index: 0, builds: required })
            }
            (RowFault::FoldsAfterAppend, Ok(AppendOutcome::Appended(receipt))) => {
                yield_now().await;
                self.fold_after(&append, &receipt).await?;
                Ok(AppendOutcome::Appended(receipt))
            }
            (RowFault::FoldsRefusedAppends, Ok(result @ AppendOutcome::Conflict { .. })) => {
                self.fold_after(&append, &Receipt::default()).await?;
                Ok(result)
            }
            (RowFault::FoldsDuplicates, Ok(AppendOutcome::Duplicate { receipt, .. })) => {
                self.fold_after(&append, &receipt).await?;
                Ok(AppendOutcome::Duplicate { index: 0, receipt })
            }
            (RowFault::WritesEventsOfFailedFolds, Err(error)) => {
                let inline = append.inline.iter().map(|one| empty_fold(&one.table().into())).collect();
                self.log.append_one(Append { inline, ..request }).await?;
                Err(error)
            }
            (_, result) => result,
        }
    }

    /// Replaces the folds of an append by the broken ones of the fault.
    async fn with_broken_folds(&self, mut append: Append) -> Result<Append, Error> {
        let behaviour = match self.fault {
            RowFault::FoldsInReverse => FoldBehaviour::Reverse,
            RowFault::FoldsWrongPositions => FoldBehaviour::WrongPositions,
            RowFault::FoldsAtMostThousandRows => FoldBehaviour::FirstThousand,
            RowFault::FoldsAfterAppend | RowFault::FoldsOnlyFirstBuild => FoldBehaviour::Nothing,
            RowFault::FoldsWithoutLocks => {
                let mut stale = vec![];
                for inline in &append.inline {
                    let keys = inline.keys(&records(&append, inline, std::iter::repeat(Position::START)))?;
                    let rows = self.rows.rows(inline.table(), &keys).await?;
                    stale.push(broken_fold(
                        inline,
                        FoldBehaviour::OnRows(keys.into_iter().zip(rows).collect()),
                    ));
                }
                append.inline = stale;
                yield_now().await;
                return Ok(append);
            }
            _ => return Ok(append),
        };
        let unchanged = usize::from(self.fault == RowFault::FoldsOnlyFirstBuild);
        for inline in append.inline.iter_mut().skip(unchanged) {
            *inline = broken_fold(inline, behaviour.clone());
        }
        Ok(append)
    }

    /// Changes the rows for an append that is already written.
    async fn fold_after(&self, append: &Append, receipt: &Receipt) -> Result<(), Error> {
        let positions = receipt.events.iter().map(|event| event.position);
        for inline in &append.inline {
            let records =
                records(append, inline, positions.clone().chain(std::iter::repeat(Position::new(1))));
            let keys = inline.keys(&records)?;
            let rows = self.rows.rows(inline.table(), &keys).await?;
            let folded = inline.fold(&records, keys.into_iter().zip(rows).collect())?;
            write(&self.rows, inline, folded).await?;
        }
        Ok(())
    }
}

/// The records of an append that a fold processes.
fn records(
    append: &Append,
    inline: &Arc<dyn Inline>,
    positions: impl Iterator<Item = Position>,
) -> Vec<Record> {
    let drafts = append.events.iter().cloned().zip(positions);
    let records = drafts.map(|(draft, at)| draft.record(at, append.recorded_at, append.metadata.clone()));
    records.filter(|one| inline.types().contains(&&*one.name)).collect()
}

/// Changes the rows of an inline build. The build is asynchronous meanwhile, because an inline build accepts no changes.
async fn write(rows: &SharedRows, inline: &Arc<dyn Inline>, folded: FoldedRows) -> Result<(), Error> {
    let at = rows.make_async(inline.table()).await?.position;
    let FoldedRows { upserts, deletes } = folded;
    rows.commit(RowChange { upserts, deletes, ..RowChange::new(inline.table(), at, at) }).await?;
    rows.make_inline(broken_fold(inline, FoldBehaviour::Nothing)).await.map(drop)
}

/// How a broken fold processes its records.
#[derive(Clone, Debug)]
pub(crate) enum FoldBehaviour {
    /// Changes no rows.
    Nothing,
    /// In reverse order.
    Reverse,
    /// Each record twice.
    Twice,
    /// With positions that are too high by one.
    WrongPositions,
    /// Changes at most a thousand rows.
    FirstThousand,
    /// On these rows instead of the current ones.
    OnRows(Vec<(Key, Option<Row>)>),
}

/// A fold with another behaviour.
struct BrokenFold {
    inner: Arc<dyn Inline>,
    behaviour: FoldBehaviour,
}

pub(crate) fn broken_fold(inner: &Arc<dyn Inline>, behaviour: FoldBehaviour) -> Arc<dyn Inline> {
    Arc::new(BrokenFold { inner: Arc::clone(inner), behaviour })
}

impl Inline for BrokenFold {
    fn table(&self) -> &Table {
        self.inner.table()
    }

    fn types(&self) -> &[&'static str] {
        self.inner.types()
    }

    fn keys(&self, records: &[Record]) -> Result<Vec<Key>, Invalid> {
        self.inner.keys(records)
    }

    fn fold(&self, records: &[Record], rows: Vec<(Key, Option<Row>)>) -> Result<FoldedRows, Invalid> {
        let mut records = records.to_vec();
        match &self.behaviour {
            FoldBehaviour::Nothing => return Ok(FoldedRows::default()),
            FoldBehaviour::OnRows(rows) => return self.inner.fold(&records, rows.clone()),
            FoldBehaviour::Reverse => records.reverse(),
            FoldBehaviour::Twice => records.extend(records.clone()),
            FoldBehaviour::WrongPositions => {
                records.iter_mut().for_each(|one| one.position = Position::new(one.position.get() + 1));
            }
            FoldBehaviour::FirstThousand => {
                let mut folded = self.inner.fold(&records, rows)?;
                folded.upserts.truncate(1_000);
                return Ok(folded);
            }
        }
        self.inner.fold(&records, rows)
    }
}

/// A fold of a build that changes no rows, for a build whose fold is missing.
fn empty_fold(id: &BuildId) -> Arc<dyn Inline> {
    struct EmptyFold(Table);

    impl Inline for EmptyFold {
        fn table(&self) -> &Table {
            &self.0
        }

        fn types(&self) -> &[&'static str] {
            &[]
        }

        fn keys(&self, _: &[Record]) -> Result<Vec<Key>, Invalid> {
            Ok(vec![])
        }

        fn fold(&self, _: &[Record], _: Vec<(Key, Option<Row>)>) -> Result<FoldedRows, Invalid> {
            Ok(FoldedRows::default())
        }
    }

    let BuildId { projection, version, build } = id.clone();
    Arc::new(EmptyFold(Table { projection: String::leak(projection), version, build, columns: &[] }))
}
