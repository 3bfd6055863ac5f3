//! What a decision reads, and what it leaves for its conditions.
//!
//! A read finds the positions of all its events in one snapshot, and the events with them. Of a past that is longer
//! than one statement should be, the others are fetched by their positions, whenever: an event never changes.

use std::{mem, slice, sync::Arc};

use annalist_core::{
    criteria::{Criteria, Item},
    error::Error,
    record::{Position, Record},
    store::{Batch, CommandKey, Marker, Read, Receipt},
};
use futures_util::TryStreamExt;
use sqlx::{
    PgExecutor, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use crate::{
    Store,
    error::failed,
    rows::{Items, number, receipt, record, sheet},
};

/// Most events of one statement.
pub(crate) const STRETCH: u16 = 10_000;
/// Events that are handed over together, about.
pub(crate) const PART: u16 = 500;

/// Takes what has come so far.
pub(crate) type Take<'a> = &'a mut (dyn FnMut(&mut Vec<Record>) -> Result<(), Error> + Send);

/// What is known of a read.
pub(crate) struct Found {
    batch: Batch,
    /// Where the events stand that do not come with it.
    rest: Vec<i64>,
}

/// Why a read has no answer.
pub(crate) enum Unread {
    /// What the database said instead.
    Unanswered(Arc<sqlx::Error>),
    /// What it said cannot be right.
    Damaged(Error),
}

impl Store {
    /// All reads in one statement, which is one snapshot.
    pub(crate) async fn read(self: &Arc<Self>, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        let payload_only = all_bare(reads);
        let mut batches = Vec::with_capacity(reads.len());
        for Found { mut batch, rest } in self.find(reads, &mut |_| Ok(())).await? {
            self.fetch(&rest, payload_only, &mut batch.records, &mut |_| Ok(())).await?;
            sort(&mut batch.records);
            batches.push(batch);
        }
        Ok(batches)
    }

    pub(crate) async fn read_chunked(
        self: &Arc<Self>,
        read: &Read,
        each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Marker, Error> {
        let mut take = |records: &mut Vec<Record>| match records.len() < PART.into() {
            true => Ok(()),
            false => each(mem::take(records)),
        };
        let mut marker = Marker::START;
        let mut left = Vec::new();
        for Found { mut batch, rest } in self.find(slice::from_ref(read), &mut take).await? {
            self.fetch(&rest, read.payload_only, &mut batch.records, &mut take).await?;
            (marker, left) = (batch.marker, batch.records);
        }
        each(left)?;
        Ok(marker)
    }

    /// One statement, with the first so many events of each read.
    ///
    /// The mark is the one that we knew before: whatever stands at or below it is in every later snapshot. A mark found by
    /// the statement that reads could be newer than its snapshot, and cover an event that it does not show.
    pub(crate) async fn ask(&self, reads: &[Read], most: u16, take: Take<'_>) -> Result<Vec<Found>, Unread> {
        if reads.is_empty() {
            return Ok(Vec::new());
        }
        let (mark, payload_only) = (self.mark.get(), all_bare(reads));
        let mut found: Vec<Found> = reads.iter().map(|read| nothing(mark.min(read.up_to))).collect();
        let items = Items::of(reads.iter().map(|read| &read.criteria));
        let after: Vec<i64> = reads.iter().map(|read| number(read.after)).collect();
        let up_to: Vec<i64> = reads.iter().map(|read| number(read.up_to)).collect();
        let statement = if payload_only { &self.sql.read_payload } else { &self.sql.read };
        let query = items.bind(statement.query().bind(number(mark)).bind(after).bind(up_to));
        let mut rows = query.bind(i32::from(most)).fetch(&self.pool);
        while let Some(row) = rows.try_next().await.map_err(|error| Unread::Unanswered(error.into()))? {
            self.add(&mut found, &row, payload_only, take).map_err(Unread::Damaged)?;
        }
        Ok(found)
    }

    /// A row with events, or with what else there is to know about a read.
    fn add(&self, found: &mut [Found], row: &PgRow, payload_only: bool, take: Take<'_>) -> Result<(), Error> {
        let unread = |error| self.unread(error);
        let of = if payload_only { 3 } else { 8 };
        let read: i32 = row.try_get_unchecked(of).map_err(unread)?;
        let Some(found) = usize::try_from(read - 1).ok().and_then(|index| found.get_mut(index)) else {
            return Ok(());
        };
        match row.try_get_unchecked::<Option<i64>, _>(of + 1).map_err(unread)? {
            Some(above) => {
                found.batch.marker = Marker::new(found.batch.marker.settled(), above.unsigned_abs());
                found.rest = row.try_get_unchecked(of + 2).map_err(unread)?;
                Ok(())
            }
            None => {
                add_events(row, payload_only, &mut found.batch.records)?;
                take(&mut found.batch.records)
            }
        }
    }

    /// The events at these positions, in order. They are looked at while the next ones arrive; the server waits for those who
    /// are slow.
    async fn fetch(
        &self,
        positions: &[i64],
        payload_only: bool,
        records: &mut Vec<Record>,
        take: Take<'_>,
    ) -> Result<(), Error> {
        let statement =
            if payload_only { &self.sql.events_by_position_payload } else { &self.sql.events_by_position };
        for stretch in positions.chunks(STRETCH.into()) {
            let mut rows = statement.query().bind(stretch).fetch(&self.pool);
            while let Some(row) = rows.try_next().await.map_err(|error| self.unread(error))? {
                add_events(&row, payload_only, records)?;
                take(records)?;
            }
        }
        Ok(())
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
            true => self.sql.feed_page.query(),
            false => Items::of([filter]).bind(self.sql.filtered_feed_page.query()),
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

fn add_events(row: &PgRow, payload_only: bool, records: &mut Vec<Record>) -> Result<(), Error> {
    if payload_only {
        return sheet(row, records);
    }
    records.push(record(row)?);
    Ok(())
}

/// One statement leaves out what none of its reads asks for.
pub(crate) fn all_bare(reads: &[Read]) -> bool {
    reads.iter().all(|read| read.payload_only)
}

/// The database gives them in order as a rule, and promises nothing.
fn sort(records: &mut [Record]) {
    records.sort_unstable_by_key(|record| record.position);
}
