//! What a decision reads, and what it leaves for its conditions.

use std::slice;

use annalist_core::{
    error::Error,
    query::Criteria,
    record::{Position, Record},
    store::{Batch, CommandKey, Marker, Read, Receipt},
};
use sqlx::{PgExecutor, Row, postgres::PgRow};

use crate::{
    Store,
    error::failed,
    rows::{Items, number, position, receipt, record},
};

impl Store {
    /// All reads in one statement, which is one snapshot.
    ///
    /// The mark is the one that we knew before: whatever stands at or below it is in every later snapshot. A mark found by
    /// the statement that reads could be newer than its snapshot, and cover an event that it does not show.
    pub(crate) async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        if reads.is_empty() {
            return Ok(Vec::new());
        }
        let mark = self.mark.get();
        let mut batches: Vec<Batch> = reads.iter().map(|read| empty(mark.min(read.up_to))).collect();
        for row in self.matching(&self.pool, mark, reads, None).await? {
            let of = row.try_get::<i32, _>("read").map_err(|error| self.unread(error))?;
            let Some(batch) = usize::try_from(of - 1).ok().and_then(|index| batches.get_mut(index)) else {
                continue;
            };
            match row.try_get::<Option<i64>, _>("above").map_err(|error| self.unread(error))? {
                Some(above) => batch.marker = Marker::new(batch.marker.settled(), above.unsigned_abs()),
                None => batch.records.push(self.record(&row)?),
            }
        }
        batches.iter_mut().for_each(|batch| sort(&mut batch.records));
        Ok(batches)
    }

    /// At most `limit` matching records in `(after, up_to]`, all of which must be settled.
    pub(crate) async fn page(
        &self,
        filter: &Criteria,
        after: Position,
        up_to: Position,
        limit: i64,
    ) -> Result<Vec<Record>, Error> {
        let read = Read { criteria: filter.clone(), after, up_to };
        self.records(&self.pool, &read, limit).await
    }

    /// The first `limit` records of a read of what is settled.
    pub(crate) async fn records<'e>(
        &self,
        executor: impl PgExecutor<'e>,
        read: &Read,
        limit: i64,
    ) -> Result<Vec<Record>, Error> {
        let rows = self.matching(executor, read.up_to, slice::from_ref(read), Some(limit)).await?;
        let mut records = rows.iter().map(|row| self.record(row)).collect::<Result<Vec<_>, _>>()?;
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

    async fn matching<'e>(
        &self,
        executor: impl PgExecutor<'e>,
        mark: Position,
        reads: &[Read],
        limit: Option<i64>,
    ) -> Result<Vec<PgRow>, Error> {
        let mut items = Items::default();
        for (index, read) in reads.iter().enumerate() {
            read.criteria.items().iter().for_each(|item| items.push(index, item));
        }
        let after: Vec<i64> = reads.iter().map(|read| number(read.after)).collect();
        let up_to: Vec<i64> = reads.iter().map(|read| number(read.up_to)).collect();
        let query = self.sql.read.query().bind(number(mark)).bind(after).bind(up_to).bind(limit);
        let query = query.bind(items.of).bind(items.types).bind(items.tags);
        query.fetch_all(executor).await.map_err(|error| self.unread(error))
    }

    fn record(&self, row: &PgRow) -> Result<Record, Error> {
        let number = row.try_get("position").map_err(|error| self.unread(error))?;
        record(row, position(number))
    }

    pub(crate) fn unread(&self, error: sqlx::Error) -> Error {
        failed(self.doing("read"), error)
    }
}

fn empty(mark: Position) -> Batch {
    Batch { records: Vec::new(), marker: Marker::new(mark, 0) }
}

/// The database gives them in order as a rule, and promises nothing.
fn sort(records: &mut [Record]) {
    records.sort_unstable_by_key(|record| record.position);
}
