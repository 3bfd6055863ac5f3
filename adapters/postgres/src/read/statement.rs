//! The statements of reads.
//!
//! The first statement finds the positions of all matching events in one snapshot, and returns the first of the events. The
//! others are read by their positions at any later time, because events never change; if one was archived meanwhile, the read fails.

use std::mem;

use annalist_core::{
    error::Error,
    record::{Position, Record},
    store::{Batch, Marker, Read, Seen},
};
use sqlx::{Row, postgres::PgRow};

use super::records::{add_packed_page, record};
use crate::{
    batcher::BatchError,
    database::{Database, HeldConnection},
    values::{ItemParams, to_i64},
};

/// Maximum number of events of a statement.
pub(super) const MAX_ROWS: u16 = 10_000;
/// The type of a tombstone.
const TOMBSTONE: &str = "$gap";
/// The approximate number of events of a chunk.
pub(super) const CHUNK: u16 = 500;

/// Called with the index of a read when more of its records have arrived. It may remove them.
pub(super) type OnRecords<'a> = &'a mut (dyn FnMut(usize, &mut Vec<Record>) -> Result<(), Error> + Send);

/// The records of several reads that are in memory.
pub(super) struct HeldRecords {
    /// The number of records of each read, and the bytes of their payloads.
    reads: Vec<(usize, usize)>,
    bytes: usize,
}

impl HeldRecords {
    /// Of this many reads, without records.
    pub(super) fn new(reads: usize) -> Self {
        Self { reads: vec![(0, 0); reads], bytes: 0 }
    }

    /// Counts those of the records of a read that were not counted yet.
    pub(super) fn add(&mut self, index: usize, records: &[Record]) {
        if let Some((counted, bytes)) = self.reads.get_mut(index) {
            let new = records.iter().skip(*counted).map(|record| record.data.as_str().len()).sum::<usize>();
            *counted = records.len();
            *bytes += new;
            self.bytes += new;
        }
    }

    /// Records that those of a read are not in memory any more.
    pub(super) fn remove(&mut self, index: usize) {
        let (_, bytes) = self.reads.get_mut(index).map(mem::take).unwrap_or_default();
        self.bytes -= bytes;
    }

    /// The number of bytes of all payloads.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The result of the first statement for one read.
pub(crate) struct ReadResult {
    pub(super) batch: Batch,
    /// The positions of the matching events that are not in the batch, which come after those in it.
    pub(super) rest: Vec<i64>,
}

/// Runs several reads in one statement, which is one snapshot. Returns at most `max_rows` events of each read.
///
/// The settled position must be known before the statement starts: then all positions up to it are in the snapshot. A position that the statement
/// itself determined could be newer than its snapshot, and include an event that the snapshot lacks.
pub(super) async fn run_reads(
    database: &Database,
    connection: &mut HeldConnection,
    Seen { epoch, settled, newest }: Seen,
    reads: &[Read],
    max_rows: u16,
    on_records: OnRecords<'_>,
) -> Result<Vec<ReadResult>, BatchError> {
    if reads.is_empty() {
        return Ok(Vec::new());
    }
    let payload_only = all_payload_only(reads);
    let mut results: Vec<ReadResult> =
        reads.iter().map(|read| empty(settled.min(read.up_to), epoch)).collect();
    let items = ItemParams::new(reads.iter().map(|read| &read.criteria));
    let after: Vec<i64> = reads.iter().map(|read| to_i64(read.after)).collect();
    let up_to: Vec<i64> = reads.iter().map(|read| to_i64(read.up_to)).collect();
    // A read from the start shows the log as it is, whatever was seen before.
    let newest = newest.filter(|_| reads.iter().any(|read| read.after > Position::START));
    let statement = if payload_only { &database.sql.read_payload } else { &database.sql.read };
    let query = || {
        let query = statement.query().bind(to_i64(settled)).bind(&after).bind(&up_to);
        let query = items.bind(query).bind(i32::from(max_rows));
        query.bind(newest.map(|event| to_i64(event.position))).bind(newest.map(|event| event.id))
    };
    let read = database.for_each_row(connection, query, |row| {
        add_row(database, &mut results, &row, payload_only, on_records)
    });
    read.await.map_err(BatchError::not_written)?.map_err(BatchError::Job)?;
    Ok(results)
}

/// Adds a row with events, or the row with the marker and the remaining positions of a read.
fn add_row(
    database: &Database,
    results: &mut [ReadResult],
    row: &PgRow,
    payload_only: bool,
    on_records: OnRecords<'_>,
) -> Result<(), Error> {
    let read_error = |error| database.read_error(error);
    let column = if payload_only { 3 } else { 8 };
    let number: i32 = row.try_get_unchecked(column).map_err(read_error)?;
    let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
    let Some(result) = results.get_mut(index) else { return Ok(()) };
    match row.try_get_unchecked::<Option<i64>, _>(column + 1).map_err(read_error)? {
        Some(seen_unsettled) => {
            let settled = result.batch.marker.settled();
            let epoch = result.batch.marker.epoch();
            result.batch.marker = Marker::new(settled, seen_unsettled.unsigned_abs()).in_epoch(epoch);
            result.rest = row.try_get_unchecked(column + 2).map_err(read_error)?;
            Ok(())
        }
        None => {
            add_events(row, payload_only, &mut result.batch.records)?;
            on_records(index, &mut result.batch.records)
        }
    }
}

/// Reads the events at the remaining positions of a read, in order, and adds them to its records. They are decoded while the next ones
/// arrive; the server waits for a slow reader.
pub(super) async fn read_rest(
    database: &Database,
    index: usize,
    ReadResult { batch: Batch { records, .. }, rest }: &mut ReadResult,
    payload_only: bool,
    on_records: OnRecords<'_>,
) -> Result<(), Error> {
    let sql = &database.sql;
    let statement = if payload_only { &sql.events_by_position_payload } else { &sql.events_by_position };
    let mut connection = None;
    for positions in rest.chunks(MAX_ROWS.into()) {
        let read = database.for_each_row(
            &mut connection,
            || statement.query().bind(positions),
            |row| {
                add_events(&row, payload_only, records)?;
                on_records(index, records)
            },
        );
        read.await.map_err(|error| database.read_error(error))??;
    }
    Ok(())
}

fn empty(settled: Position, epoch: u64) -> ReadResult {
    let marker = Marker::new(settled, 0).in_epoch(epoch);
    ReadResult { batch: Batch { records: Vec::new(), marker }, rest: Vec::new() }
}

fn add_events(row: &PgRow, payload_only: bool, records: &mut Vec<Record>) -> Result<(), Error> {
    let before = records.len();
    if payload_only {
        add_packed_page(row, records)?;
    } else {
        records.push(record(row)?);
    }
    match records[before..].iter().find(|record| record.name == TOMBSTONE) {
        // It was found by an earlier statement.
        Some(Record { position, .. }) => {
            let reason = format!("the event at position {position} was archived meanwhile; read again");
            Err(Error::unavailable("read events", reason))
        }
        None => Ok(()),
    }
}

/// Whether a statement for these reads returns payloads only.
pub(super) fn all_payload_only(reads: &[Read]) -> bool {
    reads.iter().all(|read| read.payload_only)
}

/// The database returns records in order as a rule, but does not guarantee it.
pub(super) fn sort(records: &mut [Record]) {
    records.sort_unstable_by_key(|record| record.position);
}
