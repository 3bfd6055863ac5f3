//! Concurrent reads share a statement.
//!
//! The first few reads are executed directly, each on a connection of its own. Reads that come while those are running wait in a
//! queue. A statement is sent after all its reads were requested, so each of them sees what was acknowledged before.

use std::{collections::VecDeque, sync::Arc};

use annalist_core::{
    error::Error,
    record::Record,
    store::{PageLimit, Read},
};
use tokio::sync::{Semaphore, oneshot::error::RecvError};

use super::statement::{CHUNK, MAX_ROWS, OnRecords, ReadResult, all_payload_only, run_reads};
use crate::{
    batcher::{BatchError, Batcher, Execute, Job, Results, Workers},
    database::{Database, HeldConnection},
    error::{archived, failed, is_lost_event},
    values::to_i64,
};

/// Maximum number of callers whose reads are executed directly.
const MAX_DIRECT: usize = 4;
const WORKERS: Workers = Workers { eager: 2, max: 2, full_batch: MAX_BATCH };
/// Maximum number of reads of a statement, except for a single caller.
const MAX_BATCH: usize = 64;

/// The reads of one process.
pub(super) struct ReadQueue {
    database: Arc<Database>,
    direct: Semaphore,
    batcher: Batcher<Self>,
}

impl ReadQueue {
    /// Uses at most half of the connections for direct reads.
    pub(super) fn new(database: Arc<Database>) -> Self {
        let connections = database.pool.options().get_max_connections();
        let direct = usize::try_from(connections / 2).unwrap_or(MAX_DIRECT).clamp(1, MAX_DIRECT);
        let batcher = Batcher::new(WORKERS, database.timeout);
        Self { database, direct: Semaphore::new(direct), batcher }
    }

    /// Executes reads in one snapshot, which is not older than this call.
    pub(super) async fn read(
        self: &Arc<Self>,
        reads: &[Read],
        on_records: OnRecords<'_>,
    ) -> Result<Vec<ReadResult>, Error> {
        match self.direct.try_acquire() {
            Ok(_permit) => {
                let results = self.run(&mut None, reads, MAX_ROWS, on_records).await;
                results.map_err(|error| match error {
                    BatchError::NotWritten(error) | BatchError::Sent(error) => {
                        failed(self.operation(), error)
                    }
                    BatchError::Job(error) => error,
                })
            }
            Err(_) => Batcher::call(self, || reads.to_vec()).await,
        }
    }

    async fn run(
        &self,
        connection: &mut HeldConnection,
        reads: &[Read],
        max_rows: u16,
        on_records: OnRecords<'_>,
    ) -> Result<Vec<ReadResult>, BatchError> {
        let seen = self.database.seen.now();
        let result = run_reads(&self.database, connection, seen, reads, max_rows, on_records).await;
        match result {
            Err(BatchError::NotWritten(error) | BatchError::Sent(error)) if is_lost_event(&error) => {
                Err(BatchError::Job(self.database.lost_events(seen, self.operation())))
            }
            Err(error) => Err(error.refused_by(archived)),
            result => result,
        }
    }
}

impl Execute for ReadQueue {
    type Input = Vec<Read>;
    type Output = Vec<ReadResult>;
    type WorkerState = HeldConnection;

    fn batcher(&self) -> &Batcher<Self> {
        &self.batcher
    }

    fn operation(&self) -> String {
        self.database.operation("read")
    }

    /// Takes the first job and the jobs that read the same columns.
    fn take_batch(queue: &mut VecDeque<Job<Self>>) -> Vec<Job<Self>> {
        let (mut batch, mut skipped, mut reads) = (Vec::<Job<Self>>::new(), VecDeque::new(), 0);
        for job in queue.drain(..).filter(|job| !job.is_cancelled()) {
            let input = &job.input;
            let fits = |first: &Job<Self>| {
                reads + input.len() <= MAX_BATCH && all_payload_only(&first.input) == all_payload_only(input)
            };
            if batch.first().is_none_or(fits) {
                reads += input.len();
                batch.push(job);
            } else {
                skipped.push_back(job);
            }
        }
        *queue = skipped;
        batch
    }

    async fn prepare(&self, connection: &mut HeldConnection) -> Result<(), sqlx::Error> {
        self.database.connection(connection).await.map(drop)
    }

    fn not_started(&self) -> Error {
        self.database.not_started(self.operation())
    }

    async fn execute(
        &self,
        connection: &mut HeldConnection,
        jobs: &[Job<Self>],
    ) -> Result<Results<Self>, BatchError> {
        let reads: Vec<Read> = jobs.iter().flat_map(|job| &job.input).cloned().collect();
        let mut postponed = Postponed::new(reads.len());
        let mut on_records = |index: usize, records: &mut Vec<Record>| {
            postponed.add(index, records);
            Ok(())
        };
        let results = self.run(connection, &reads, CHUNK, &mut on_records).await?;
        let mut results = postponed.add_to_rest(results).into_iter();
        Ok(jobs.iter().map(|job| Ok(results.by_ref().take(job.input.len()).collect())).collect())
    }

    fn no_reply(operation: String, error: RecvError) -> Error {
        Error::unavailable(operation, error)
    }
}

/// The events of a shared statement that do not fit into memory: the callers read them later, each by itself and in chunks.
struct Postponed {
    /// The bytes of all payloads that have arrived.
    bytes: usize,
    /// For each read the number of records that stay in memory, and the positions of the others.
    reads: Vec<(usize, Vec<i64>)>,
}

impl Postponed {
    fn new(reads: usize) -> Self {
        Self { bytes: 0, reads: vec![(0, Vec::new()); reads] }
    }

    /// Counts the records that have arrived for a read. Removes them from the first one on that exceeds [`PageLimit::CHUNK`].
    fn add(&mut self, index: usize, records: &mut Vec<Record>) {
        let Some((in_memory, positions)) = self.reads.get_mut(index) else { return };
        self.bytes += records.iter().skip(*in_memory).map(|record| record.data.as_str().len()).sum::<usize>();
        if self.bytes > PageLimit::CHUNK.bytes {
            positions.extend(records.drain(*in_memory..).map(|record| to_i64(record.position)));
        }
        *in_memory = records.len();
    }

    /// Adds the positions to the rest of each read.
    fn add_to_rest(self, mut results: Vec<ReadResult>) -> Vec<ReadResult> {
        for (result, (_, mut positions)) in results.iter_mut().zip(self.reads) {
            positions.append(&mut result.rest);
            result.rest = positions;
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use annalist_core::{
        criteria::Criteria,
        payload::Payload,
        record::{Draft, Metadata, Position},
        store::{Batch, Marker},
        time::Timestamp,
    };
    use tokio::sync::oneshot;

    use super::*;

    type Receivers = Vec<oneshot::Receiver<Result<Vec<ReadResult>, Error>>>;

    /// Jobs with so many reads, of payloads only or not.
    fn queue(jobs: &[(usize, bool)]) -> (VecDeque<Job<ReadQueue>>, Receivers) {
        let job = |&(reads, payload_only)| {
            Job::new(vec![Read { payload_only, ..Read::all(Criteria::all()) }; reads])
        };
        jobs.iter().map(job).unzip()
    }

    fn take(queue: &mut VecDeque<Job<ReadQueue>>) -> Vec<usize> {
        ReadQueue::take_batch(queue).iter().map(|job| job.input.len()).collect()
    }

    #[test]
    fn reads_of_different_columns_are_not_batched_together() {
        let (mut queue, _receivers) = queue(&[(1, true), (2, false), (3, true), (4, false)]);
        assert_eq!(take(&mut queue), [1, 3]);
        assert_eq!(take(&mut queue), [2, 4]);
        assert!(take(&mut queue).is_empty());
    }

    #[test]
    fn job_that_does_not_fit_is_first_in_the_next_batch() {
        let (mut queue, _receivers) =
            queue(&[(MAX_BATCH - 1, true), (2, true), (1, true), (MAX_BATCH + 1, true), (1, true)]);
        assert_eq!(take(&mut queue), [MAX_BATCH - 1, 1]);
        assert_eq!(take(&mut queue), [2, 1]);
        assert_eq!(take(&mut queue), [MAX_BATCH + 1]);
    }

    #[test]
    fn events_beyond_the_limit_are_read_later_in_their_order() {
        let record = |position, bytes| {
            let data = Payload::from_stored("x".repeat(bytes));
            Draft::new("a", 1, [], data).unwrap().record(
                Position::new(position),
                Timestamp::EPOCH,
                Metadata::default(),
            )
        };
        let (half, mut postponed) = (PageLimit::CHUNK.bytes / 2, Postponed::new(3));
        let (mut first, mut second) = (vec![record(1, half), record(2, 1)], vec![record(5, 1)]);
        postponed.add(0, &mut first);
        first.push(record(3, half));
        postponed.add(0, &mut first);
        first.push(record(4, 1));
        postponed.add(0, &mut first);
        postponed.add(1, &mut second);
        let positions = |records: &[Record]| records.iter().map(|one| one.position.get()).collect::<Vec<_>>();
        assert_eq!((positions(&first), positions(&second)), (vec![1, 2], vec![]));
        let rests = [vec![9], vec![], vec![7]];
        let results = rests
            .map(|rest| ReadResult { batch: Batch { records: Vec::new(), marker: Marker::START }, rest });
        let rests: Vec<_> =
            postponed.add_to_rest(results.into()).into_iter().map(|result| result.rest).collect();
        assert_eq!(rests, [vec![3, 4, 9], vec![5], vec![7]]);
    }

    #[test]
    fn cancelled_jobs_are_not_executed() {
        let (mut queue, mut receivers) = queue(&[(1, true), (2, true), (3, true)]);
        drop(receivers.swap_remove(0));
        assert_eq!(take(&mut queue), [2, 3]);
    }
}
