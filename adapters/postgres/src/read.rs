//! What a decision reads, and what it leaves for its conditions.
//!
//! A read finds the positions of all its events in one snapshot, and gets the first of the events with them. The others are
//! fetched by their positions, whenever: an event never changes.

use std::{collections::BTreeMap, slice, sync::Arc};

use annalist_core::{
    error::Error,
    query::{Criteria, Item},
    record::{Position, Record},
    store::{Batch, CommandKey, Marker, Read, Receipt},
};
use sqlx::{
    PgExecutor, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use tokio::task::JoinSet;

use crate::{
    Store,
    error::failed,
    rows::{Items, number, receipt, record},
};

/// Events that travel in one answer.
const PART: usize = 1000;
/// Parts that are fetched side by side, each on a connection.
const AHEAD: usize = 2;

/// What the first answer to a read says.
struct Found {
    batch: Batch,
    /// Where the events stand that are not in the batch.
    rest: Vec<i64>,
}

impl Store {
    /// All reads in one statement, which is one snapshot.
    pub(crate) async fn read(store: &Arc<Self>, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        let bare = all_bare(reads);
        let mut batches = Vec::with_capacity(reads.len());
        for Found { batch: Batch { mut records, marker }, rest } in store.find(reads).await? {
            let mut add = |part| {
                records.extend::<Vec<Record>>(part);
                Ok(())
            };
            Self::fetch(store, rest, bare, &mut add).await?;
            batches.push(Batch { records, marker });
        }
        Ok(batches)
    }

    pub(crate) async fn read_in_parts(
        store: &Arc<Self>,
        read: &Read,
        each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Marker, Error> {
        let mut marker = Marker::START;
        for Found { batch, rest } in store.find(slice::from_ref(read)).await? {
            marker = batch.marker;
            each(batch.records)?;
            Self::fetch(store, rest, read.bare, each).await?;
        }
        Ok(marker)
    }

    /// The mark is the one that we knew before: whatever stands at or below it is in every later snapshot. A mark found by
    /// the statement that reads could be newer than its snapshot, and cover an event that it does not show.
    async fn find(&self, reads: &[Read]) -> Result<Vec<Found>, Error> {
        if reads.is_empty() {
            return Ok(Vec::new());
        }
        let mark = self.mark.get();
        let mut found: Vec<Found> = reads.iter().map(|read| nothing(mark.min(read.up_to))).collect();
        let items = Items::of(reads.iter().map(|read| &read.criteria));
        let after: Vec<i64> = reads.iter().map(|read| number(read.after)).collect();
        let up_to: Vec<i64> = reads.iter().map(|read| number(read.up_to)).collect();
        let query = self.sql.read.query().bind(number(mark)).bind(after).bind(up_to);
        let query = items.bind(query).bind(all_bare(reads)).bind(number(Position::new(PART as u64)));
        let rows = query.fetch_all(&self.pool).await.map_err(|error| self.unread(error))?;
        rows.iter().try_for_each(|row| self.add(&mut found, row))?;
        found.iter_mut().for_each(|found| sort(&mut found.batch.records));
        Ok(found)
    }

    /// A row with an event, or with what else there is to know about a read.
    fn add(&self, found: &mut [Found], row: &PgRow) -> Result<(), Error> {
        let unread = |error| self.unread(error);
        let of: i32 = row.try_get(8).map_err(unread)?;
        let Some(found) = usize::try_from(of - 1).ok().and_then(|index| found.get_mut(index)) else {
            return Ok(());
        };
        match row.try_get::<Option<i64>, _>(9).map_err(unread)? {
            Some(above) => {
                found.batch.marker = Marker::new(found.batch.marker.settled(), above.unsigned_abs());
                found.rest = row.try_get(10).map_err(unread)?;
            }
            None => found.batch.records.push(record(row)?),
        }
        Ok(())
    }

    /// The events at these positions, in parts and in order. While one is looked at, others are on their way.
    async fn fetch(
        store: &Arc<Self>,
        positions: Vec<i64>,
        bare: bool,
        each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<(), Error> {
        let mut parts = positions.chunks(PART).enumerate();
        let (mut coming, mut here, mut next) = (JoinSet::new(), BTreeMap::new(), 0);
        loop {
            for (index, part) in parts.by_ref().take(AHEAD.saturating_sub(coming.len() + here.len())) {
                let (store, part) = (Arc::clone(store), part.to_vec());
                coming.spawn(async move { (index, store.at(part, bare).await) });
            }
            let Some(came) = coming.join_next().await else { return Ok(()) };
            let (index, records) = came.map_err(|error| Error::unavailable(store.doing("read"), error))?;
            here.insert(index, records?);
            while let Some(records) = here.remove(&next) {
                each(records)?;
                next += 1;
            }
        }
    }

    async fn at(&self, positions: Vec<i64>, bare: bool) -> Result<Vec<Record>, Error> {
        self.records(self.sql.at.query().bind(positions).bind(bare), &self.pool).await
    }

    /// At most `limit` matching records in `(after, up_to]`, all of which must be settled.
    pub(crate) async fn page<'e>(
        &self,
        executor: impl PgExecutor<'e>,
        filter: &Criteria,
        after: Position,
        up_to: Position,
        limit: i64,
    ) -> Result<Vec<Record>, Error> {
        let query = match filter.items().contains(&Item::any()) {
            true => self.sql.page.query(),
            false => Items::of([filter]).bind(self.sql.page_of.query()),
        };
        self.records(query.bind(number(after)).bind(number(up_to)).bind(limit), executor).await
    }

    async fn records<'e>(
        &self,
        query: Query<'_, Postgres, PgArguments>,
        executor: impl PgExecutor<'e>,
    ) -> Result<Vec<Record>, Error> {
        let rows = query.fetch_all(executor).await.map_err(|error| self.unread(error))?;
        let mut records = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        sort(&mut records);
        Ok(records)
    }

    pub(crate) async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        let query = self.sql.receipt.query().bind(key.id().to_owned());
        let row = query.fetch_optional(&self.pool).await.map_err(|error| self.unread(error))?;
        let Some(row) = row else { return Ok(None) };
        let text = |column| row.try_get::<&str, _>(column).map_err(|error| self.unread(error));
        key.check(text("command")?, text("scope")?)?;
        receipt(&row).map(Some).map_err(|error| self.unread(error))
    }

    pub(crate) fn unread(&self, error: sqlx::Error) -> Error {
        failed(self.doing("read"), error)
    }
}

fn nothing(mark: Position) -> Found {
    Found { batch: Batch { records: Vec::new(), marker: Marker::new(mark, 0) }, rest: Vec::new() }
}

/// One statement leaves out what none of its reads asks for.
fn all_bare(reads: &[Read]) -> bool {
    reads.iter().all(|read| read.bare)
}

/// The database gives them in order as a rule, and promises nothing.
fn sort(records: &mut [Record]) {
    records.sort_unstable_by_key(|record| record.position);
}
