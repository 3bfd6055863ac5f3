//! Reads of histories, for decisions and folds.

use std::{mem, sync::Arc};

use annalist_core::{
    error::Error,
    record::Record,
    store::{Batch, CommandKey, Marker, PageLimit, Read, Receipt},
};
use sqlx::Row;

use super::{
    queue::ReadQueue,
    records::receipt,
    statement::{CHUNK, HeldRecords, ReadResult, all_payload_only, read_rest, sort},
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
        for mut result in self.queue.read(reads, &mut |_, _| Ok(())).await? {
            read_rest(&self.database, 0, &mut result, payload_only, &mut |_, _| Ok(())).await?;
            let mut batch = result.batch;
            sort(&mut batch.records);
            batches.push(batch);
        }
        Ok(batches)
    }

    /// Reads several histories in one snapshot, and calls `each` with the index of a read and its records in chunks.
    pub(crate) async fn read_all_chunked(
        &self,
        reads: &[Read],
        each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Vec<Marker>, Error> {
        let payload_only = all_payload_only(reads);
        let mut held = HeldRecords::new(reads.len());
        let mut on_records = |index: usize, records: &mut Vec<Record>| {
            held.add(index, records);
            if records.len() < CHUNK.into() && held.bytes() < PageLimit::CHUNK.bytes {
                return Ok(());
            }
            held.remove(index);
            each(index, mem::take(records))
        };
        let mut results = self.queue.read(reads, &mut on_records).await?;
        for (index, result) in results.iter_mut().enumerate() {
            read_rest(&self.database, index, result, payload_only, &mut on_records).await?;
        }
        for (index, ReadResult { batch, .. }) in results.iter_mut().enumerate() {
            each(index, mem::take(&mut batch.records))?;
        }
        Ok(results.iter().map(|result| result.batch.marker).collect())
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
