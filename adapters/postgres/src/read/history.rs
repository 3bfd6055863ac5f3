//! Reads of histories, for decisions and folds.

use std::{mem, slice, sync::Arc};

use annalist_core::{
    error::Error,
    record::Record,
    store::{Batch, CommandKey, Marker, PageLimit, Read, Receipt},
};
use sqlx::Row;

use super::{
    queue::ReadQueue,
    records::receipt,
    statement::{CHUNK, ReadResult, all_payload_only, read_by_position, sort},
};
use crate::database::Database;

pub(crate) struct HistoryReader {
    database: Arc<Database>,
    queue: Arc<ReadQueue>,
}

impl HistoryReader {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { queue: Arc::new(ReadQueue::new(Arc::clone(&database))), database }
    }

    /// Reads several histories in one snapshot.
    pub(crate) async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        let payload_only = all_payload_only(reads);
        let mut batches = Vec::with_capacity(reads.len());
        for ReadResult { mut batch, rest } in self.queue.read(reads, &mut |_| Ok(())).await? {
            read_by_position(&self.database, &rest, payload_only, &mut batch.records, &mut |_| Ok(()))
                .await?;
            sort(&mut batch.records);
            batches.push(batch);
        }
        Ok(batches)
    }

    /// Reads one history, and calls `each` with its records in chunks.
    pub(crate) async fn read_chunked(
        &self,
        read: &Read,
        each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Marker, Error> {
        let (mut counted, mut bytes) = (0, 0);
        let mut on_records = |records: &mut Vec<Record>| {
            bytes += records[counted..].iter().map(|record| record.data.as_str().len()).sum::<usize>();
            counted = records.len();
            if counted < CHUNK.into() && bytes < PageLimit::CHUNK.bytes {
                return Ok(());
            }
            (counted, bytes) = (0, 0);
            each(mem::take(records))
        };
        let mut marker = Marker::START;
        let mut left = Vec::new();
        for ReadResult { mut batch, rest } in self.queue.read(slice::from_ref(read), &mut on_records).await? {
            read_by_position(&self.database, &rest, read.payload_only, &mut batch.records, &mut on_records)
                .await?;
            (marker, left) = (batch.marker, batch.records);
        }
        each(left)?;
        Ok(marker)
    }

    /// The receipt of an accepted command.
    pub(crate) async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        let read_error = |error| self.database.read_error(error);
        let database = &self.database;
        let query = || database.sql.receipt.query().bind(key.id().to_owned());
        let Some(row) = database.fetch_optional(query).await.map_err(read_error)? else {
            return Ok(None);
        };
        let text = |column| row.try_get::<&str, _>(column).map_err(read_error);
        key.check(text("command")?, text("scope")?)?;
        receipt(&row).map(Some).map_err(read_error)
    }
}
