//! Appends that change rows, with one fault.

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

/// A sound log beside rows with a fault.
pub(crate) struct Beside<'a> {
    pub(crate) log: &'a Memory,
    pub(crate) rows: SharedRows,
    pub(crate) fault: RowFault,
}

impl Beside<'_> {
    pub(crate) async fn append(&self, append: Append) -> Result<AppendOutcome<Receipt>, Error> {
        let sent = self.distorted(append.clone()).await?;
        let answer = self.log.append_one(sent.clone()).await;
        match (self.fault, answer) {
            (RowFault::IsNotEnforced, Ok(AppendOutcome::InlineRequired { builds: wanted, .. })) => {
                self.log.append_one(Append { inline: wanted.iter().map(idle).collect(), ..sent }).await
            }
            (RowFault::TakesTooManyFolds, Ok(AppendOutcome::InlineRequired { builds: wanted, .. })) => {
                let of =
                    |id: &BuildId| sent.inline.iter().find(|one| BuildId::from(one.table()) == *id).cloned();
                let inline: Option<Vec<_>> = wanted.iter().map(of).collect();
                match inline {
                    Some(inline) => self.log.append_one(Append { inline, ..sent }).await,
                    None => Ok(AppendOutcome::InlineRequired { index: 0, builds: wanted }),
                }
            }
            (
                RowFault::NamesFoldsInAnyOrder,
                Ok(AppendOutcome::InlineRequired { builds: mut wanted, .. }),
            ) => {
                wanted.reverse();
                Ok(AppendOutcome::InlineRequired { index: 0, builds: wanted })
            }
            (RowFault::FoldsLater, Ok(AppendOutcome::Appended(receipt))) => {
                yield_now().await;
                self.fold_after(&append, &receipt).await?;
                Ok(AppendOutcome::Appended(receipt))
            }
            (RowFault::FoldsWhatItRefuses, Ok(answer @ AppendOutcome::Conflict { .. })) => {
                self.fold_after(&append, &Receipt::default()).await?;
                Ok(answer)
            }
            (RowFault::FoldsWhatItKnows, Ok(AppendOutcome::Duplicate { receipt, .. })) => {
                self.fold_after(&append, &receipt).await?;
                Ok(AppendOutcome::Duplicate { index: 0, receipt })
            }
            (RowFault::KeepsEventsOfFailedFolds, Err(error)) => {
                let inline = append.inline.iter().map(|one| idle(&one.table().into())).collect();
                self.log.append_one(Append { inline, ..sent }).await?;
                Err(error)
            }
            (_, answer) => answer,
        }
    }

    /// An append whose folds do something else.
    async fn distorted(&self, mut append: Append) -> Result<Append, Error> {
        let how = match self.fault {
            RowFault::FoldsBackwards => How::Backwards,
            RowFault::FoldsGuessedPositions => How::Elsewhere,
            RowFault::FoldsAThousandRows => How::FirstThousand,
            RowFault::FoldsLater | RowFault::FoldsOneBuild => How::Idle,
            RowFault::FoldsWithoutLocks => {
                let mut stale = vec![];
                for inline in &append.inline {
                    let keys = inline.keys(&records(&append, inline, std::iter::repeat(Position::START)))?;
                    let rows = self.rows.rows(inline.table(), &keys).await?;
                    stale.push(bent(inline, How::On(keys.into_iter().zip(rows).collect())));
                }
                append.inline = stale;
                yield_now().await;
                return Ok(append);
            }
            _ => return Ok(append),
        };
        let spared = usize::from(self.fault == RowFault::FoldsOneBuild);
        for inline in append.inline.iter_mut().skip(spared) {
            *inline = bent(inline, how.clone());
        }
        Ok(append)
    }

    /// Folds the events of an append when it is over.
    async fn fold_after(&self, append: &Append, receipt: &Receipt) -> Result<(), Error> {
        let places = receipt.events.iter().map(|event| event.position);
        for inline in &append.inline {
            let own = records(append, inline, places.clone().chain(std::iter::repeat(Position::new(1))));
            let keys = inline.keys(&own)?;
            let rows = self.rows.rows(inline.table(), &keys).await?;
            let folded = inline.fold(&own, keys.into_iter().zip(rows).collect())?;
            write(&self.rows, inline, folded).await?;
        }
        Ok(())
    }
}

/// The records that an append makes for a fold.
fn records(append: &Append, inline: &Arc<dyn Inline>, places: impl Iterator<Item = Position>) -> Vec<Record> {
    let drafts = append.events.iter().cloned().zip(places);
    let records = drafts.map(|(draft, at)| draft.record(at, append.recorded_at, append.metadata.clone()));
    records.filter(|one| inline.types().contains(&&*one.name)).collect()
}

/// Changes the rows of a build that takes no changes.
async fn write(rows: &SharedRows, inline: &Arc<dyn Inline>, folded: FoldedRows) -> Result<(), Error> {
    let at = rows.make_async(inline.table()).await?.position;
    let FoldedRows { upserts, deletes } = folded;
    rows.commit(RowChange { upserts, deletes, ..RowChange::new(inline.table(), at, at) }).await?;
    rows.make_inline(bent(inline, How::Idle)).await.map(drop)
}

/// What a fold does instead.
#[derive(Clone, Debug)]
pub(crate) enum How {
    Idle,
    Backwards,
    Twice,
    /// One place behind where the events stand.
    Elsewhere,
    FirstThousand,
    /// On these rows, whatever they are by now.
    On(Vec<(Key, Option<Row>)>),
}

/// A fold that does something else.
struct Bent {
    inner: Arc<dyn Inline>,
    how: How,
}

pub(crate) fn bent(inner: &Arc<dyn Inline>, how: How) -> Arc<dyn Inline> {
    Arc::new(Bent { inner: Arc::clone(inner), how })
}

impl Inline for Bent {
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
        match &self.how {
            How::Idle => return Ok(FoldedRows::default()),
            How::On(rows) => return self.inner.fold(&records, rows.clone()),
            How::Backwards => records.reverse(),
            How::Twice => records.extend(records.clone()),
            How::Elsewhere => {
                records.iter_mut().for_each(|one| one.position = Position::new(one.position.get() + 1));
            }
            How::FirstThousand => {
                let mut folded = self.inner.fold(&records, rows)?;
                folded.upserts.truncate(1_000);
                return Ok(folded);
            }
        }
        self.inner.fold(&records, rows)
    }
}

/// The fold of a build that nobody brought: it does nothing.
fn idle(id: &BuildId) -> Arc<dyn Inline> {
    struct Idle(Table);

    impl Inline for Idle {
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
    Arc::new(Idle(Table { projection: String::leak(projection), version, build, columns: &[] }))
}
