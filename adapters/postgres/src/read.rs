//! What a decision reads, and what it leaves for its conditions.

use annalist_core::{
    error::Error,
    query::Criteria,
    record::{Position, Record},
    store::{Batch, CommandKey, Marker, Read, Receipt},
};
use sqlx::{Row, postgres::PgRow};

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
        for row in self.matching(mark, reads, None).await? {
            let of = row.try_get::<i32, _>("read").map_err(|error| self.unread(error))?;
            let Some(batch) = usize::try_from(of - 1).ok().and_then(|index| batches.get_mut(index)) else {
                continue;
            };
            let above: i64 = row.try_get("above").map_err(|error| self.unread(error))?;
            batch.marker = Marker::new(batch.marker.settled(), u64::try_from(above).unwrap_or(0));
            batch.records.extend(self.record(&row)?);
        }
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
        let rows = self.matching(up_to, &[read], Some(limit)).await?;
        rows.iter().filter_map(|row| self.record(row).transpose()).collect()
    }

    pub(crate) async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        let query = self.sql.receipt.query().bind(key.id().to_owned());
        let row = query.fetch_optional(&self.pool).await.map_err(|error| self.unread(error))?;
        let Some(row) = row else { return Ok(None) };
        let text = |column| row.try_get::<&str, _>(column).map_err(|error| self.unread(error));
        key.check(text("command")?, text("scope")?)?;
        receipt(&row).map(Some).map_err(|error| self.unread(error))
    }

    async fn matching(
        &self,
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
        query.fetch_all(&self.pool).await.map_err(|error| self.unread(error))
    }

    /// The record in a row, unless the row only says that there is none.
    fn record(&self, row: &PgRow) -> Result<Option<Record>, Error> {
        let number: Option<i64> = row.try_get("position").map_err(|error| self.unread(error))?;
        number.map(|number| record(row, position(number))).transpose()
    }

    pub(crate) fn unread(&self, error: sqlx::Error) -> Error {
        failed(self.doing("read"), error)
    }
}

fn empty(mark: Position) -> Batch {
    Batch { records: Vec::new(), marker: Marker::new(mark, 0) }
}
