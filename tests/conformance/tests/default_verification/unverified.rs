//! A store without a verification of its own, whose records can be damaged.

use std::{collections::BTreeSet, ops::Range};

use annalist_core::{
    Error, Invalid,
    criteria::Criteria,
    record::{Position, Record},
    store::{
        Append, AppendOutcome, Batch, CommandKey, Entry, EventStore, FeedPage, LogId, PageLimit, Prefix,
        Read, Receipt, Settled, StoredType, Successors,
    },
    time::Timestamp,
};
use annalist_memory::Memory;

/// A log in memory that cannot read the records at some positions. It has the default verification.
#[derive(Default)]
pub(crate) struct Unverified {
    pub(crate) inner: Memory,
    pub(crate) damaged: BTreeSet<u64>,
}

impl Unverified {
    /// The error of the last damaged record: a store may read records in any order.
    fn check(&self, records: &[Record]) -> Result<(), Error> {
        let damaged = records.iter().rfind(|record| self.damaged.contains(&record.position.get()));
        damaged.map_or(Ok(()), |record| {
            Err(Invalid::Damaged { position: record.position, reason: "torn".to_owned() }.into())
        })
    }
}

#[async_trait::async_trait]
impl EventStore for Unverified {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn log_id(&self) -> LogId {
        self.inner.log_id()
    }

    fn epoch(&self) -> u64 {
        self.inner.epoch()
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        let batches = self.inner.read(reads).await?;
        batches.iter().try_for_each(|batch| self.check(&batch.records))?;
        Ok(batches)
    }

    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        self.inner.append(appends).await
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        self.inner.receipt(key).await
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> {
        let page = self.inner.feed(filter, after, limit).await?;
        self.check(&page.records)?;
        Ok(page)
    }

    async fn settled(&self) -> Result<Settled, Error> {
        self.inner.settled().await
    }

    async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        self.inner.prefix_at(time).await
    }

    async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
        self.inner.journal(after, limit).await
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        self.inner.count(criteria, after, up_to).await
    }

    async fn stored_types(&self) -> Result<Vec<StoredType>, Error> {
        self.inner.stored_types().await
    }

    async fn successors(&self) -> Result<Successors, Error> {
        self.inner.successors().await
    }

    async fn purge_command_ids(&self, before: Timestamp, ids: Range<&str>) -> Result<u64, Error> {
        self.inner.purge_command_ids(before, ids).await
    }
}
