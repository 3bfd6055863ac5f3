//! A handle to a log: the store, with calls that check their own result.

use std::{ops::Deref, panic::Location, sync::Arc};

use annalist_core::{
    criteria::Criteria,
    record::{Draft, Position, Record},
    store::{Append, AppendOutcome, Batch, EventStore, FeedPage, PageLimit, Read, Receipt},
};

use super::{concurrency::pause_if, fixtures::positions};
use crate::{
    Failure,
    failure::{Outcome, located},
};

/// A handle to a log.
#[derive(Clone)]
pub(crate) struct Handle(Arc<dyn EventStore>);

impl Deref for Handle {
    type Target = dyn EventStore;

    fn deref(&self) -> &(dyn EventStore + 'static) {
        &*self.0
    }
}

impl Handle {
    pub(crate) fn new(store: Arc<dyn EventStore>) -> Self {
        Self(store)
    }

    pub(crate) fn store(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.0)
    }

    /// Appends and expects that the append is accepted.
    #[track_caller]
    pub(crate) fn expect_accepted(&self, append: Append) -> impl Future<Output = Outcome<Receipt>> {
        located(Location::caller(), async move {
            match self.append_one(append).await? {
                AppendOutcome::Appended(receipt) => Ok(receipt),
                other => {
                    Err(Failure::new(format!("`append` must return `Appended`, but returned {other:?}")))
                }
            }
        })
    }

    /// Appends and expects that the command id is a duplicate.
    #[track_caller]
    pub(crate) fn expect_duplicate(&self, append: Append) -> impl Future<Output = Outcome<Receipt>> {
        located(Location::caller(), async move {
            match self.append_one(append).await? {
                AppendOutcome::Duplicate { receipt, .. } => Ok(receipt),
                other => Err(Failure::new(format!(
                    "the command id was accepted before: `append` must return `Duplicate`, but returned {other:?}"
                ))),
            }
        })
    }

    /// Appends and expects a conflict. Returns the index of the failed condition and the conflicting position.
    #[track_caller]
    pub(crate) fn expect_conflict(&self, append: Append) -> impl Future<Output = Outcome<(usize, Position)>> {
        located(Location::caller(), async move {
            match self.append_one(append).await? {
                AppendOutcome::Conflict { condition, conflicting_position, .. } => {
                    Ok((condition, conflicting_position))
                }
                other => Err(Failure::new(format!(
                    "a condition fails: `append` must return `Conflict`, but returned {other:?}"
                ))),
            }
        })
    }

    /// Appends a batch and expects that it is accepted. Returns a receipt for each append.
    #[track_caller]
    pub(crate) fn expect_batch_accepted(
        &self,
        appends: Vec<Append>,
    ) -> impl Future<Output = Outcome<Vec<Receipt>>> {
        located(Location::caller(), async move {
            let expected: Vec<Vec<_>> =
                appends.iter().map(|append| append.events.iter().map(Draft::id).collect()).collect();
            match self.append(appends).await? {
                AppendOutcome::Appended(receipts) => {
                    let ids = receipts.iter().map(|receipt| receipt.events.iter().map(|event| event.id));
                    let ids: Vec<Vec<_>> = ids.map(Iterator::collect).collect();
                    ensure_eq!(ids, expected, "event ids in the receipts of the batch");
                    let positions = receipts.iter().flat_map(positions).collect::<Vec<_>>();
                    ensure!(
                        positions.is_sorted_by(|a, b| a < b),
                        "positions must grow over the whole batch, but are {positions:?}"
                    );
                    Ok(receipts)
                }
                other => {
                    Err(Failure::new(format!("the batch must be accepted, but the outcome is {other:?}")))
                }
            }
        })
    }

    /// Appends a batch and expects that it is refused. Returns the outcome.
    #[track_caller]
    pub(crate) fn expect_batch_refused(
        &self,
        appends: Vec<Append>,
    ) -> impl Future<Output = Outcome<AppendOutcome<Receipt>>> {
        located(Location::caller(), async move {
            let count = appends.len();
            match self.append(appends).await? {
                AppendOutcome::Conflict { index, .. }
                | AppendOutcome::Duplicate { index, .. }
                | AppendOutcome::InlineRequired { index, .. }
                | AppendOutcome::SuccessorsChanged { index }
                    if index >= count =>
                {
                    Err(Failure::new(format!("the outcome names append {index} of a batch of {count}")))
                }
                AppendOutcome::Appended(receipts) => Err(Failure::new(format!(
                    "the batch must be refused, but `append` returned `Appended` with {receipts:?}"
                ))),
                refused => Ok(refused.map(|_| Receipt::default())),
            }
        })
    }

    /// Executes a single read.
    #[track_caller]
    pub(crate) fn read_one(&self, read: Read) -> impl Future<Output = Outcome<Batch>> {
        located(Location::caller(), async move {
            let mut batches = self.read(std::slice::from_ref(&read)).await?;
            ensure_eq!(batches.len(), 1, "number of batches returned for one read");
            Ok(batches.remove(0))
        })
    }

    /// Reads every event of the log.
    pub(crate) async fn read_all(&self) -> Outcome<Vec<Record>> {
        Ok(self.read_one(Read::all(Criteria::all())).await?.records)
    }

    /// Reads a feed page by page until it has passed `end`, the position of an acknowledged append, and returns all
    /// records.
    ///
    /// Only a full page or an unfinished append may stop a feed before `end`: so this ends, or the case times out.
    #[track_caller]
    pub(crate) fn feed_until(
        &self,
        filter: &Criteria,
        mut after: Position,
        limit: usize,
        end: Position,
    ) -> impl Future<Output = Outcome<Vec<Record>>> {
        located(Location::caller(), async move {
            let mut records = Vec::new();
            loop {
                let page = self.feed_page(filter, after, limit).await?;
                records.extend(page.records);
                if page.up_to >= end {
                    return Ok(records);
                }
                pause_if(page.up_to == after).await;
                after = page.up_to;
            }
        })
    }

    /// Reads one page of a feed, whatever the size of its records, and checks what must hold for every page.
    #[track_caller]
    pub(crate) fn feed_page(
        &self,
        filter: &Criteria,
        after: Position,
        limit: usize,
    ) -> impl Future<Output = Outcome<FeedPage>> {
        self.limited_page(filter, after, PageLimit::records(limit))
    }

    /// Reads one page of a feed and checks what must hold for every page.
    #[track_caller]
    pub(crate) fn limited_page(
        &self,
        filter: &Criteria,
        after: Position,
        limit: PageLimit,
    ) -> impl Future<Output = Outcome<FeedPage>> {
        located(Location::caller(), async move {
            let page = self.feed(filter, after, limit).await?;
            let FeedPage { records, up_to, is_full, .. } = &page;
            ensure!(
                records.len() <= limit.records,
                "a page with {limit:?} must not have more records, but has {}",
                records.len()
            );
            let bytes: usize = records.iter().map(|record| record.data.as_str().len()).sum();
            ensure!(
                bytes <= limit.bytes || records.len() == 1,
                "a page with {limit:?} must not have more bytes of payloads, but has {bytes} in {} records",
                records.len()
            );
            ensure!(*up_to >= after, "the page after {after} must not end before it, but ends at {up_to}");
            let mut last = after;
            for record in records {
                ensure!(
                    record.position > last,
                    "positions in the page after {after} must grow, but {} follows {last}",
                    record.position
                );
                ensure!(
                    filter.matches(&record.name, &record.tags),
                    "the feed of {filter:?} returned {record:?}, which does not match"
                );
                last = record.position;
            }
            ensure!(last <= *up_to, "the page ends at {up_to}, but has a record at {last}");
            ensure!(
                *is_full || records.len() < limit.records,
                "a page with {limit:?} and {} records must be full",
                records.len()
            );
            if *is_full {
                ensure_eq!(*up_to, last, "end of a full page: the position of its last record");
            }
            Ok(page)
        })
    }

    /// Waits until the log is settled up to a position whose append is acknowledged.
    #[track_caller]
    pub(crate) fn wait_until_settled(&self, position: Position) -> impl Future<Output = Outcome> {
        located(Location::caller(), async move {
            while self.settled().await?.position < position {
                pause_if(true).await;
            }
            Ok(())
        })
    }
}
