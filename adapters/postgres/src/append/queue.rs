//! Group commit: concurrent appends share a call of the database.
//!
//! Appends share a call only if none of them conflicts with a later one; whether one is accepted is decided by the database alone.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use annalist_core::{
    error::Error,
    rows::BuildId,
    store::{Append, AppendOutcome, EventRef, Seen, SeenLog},
};
use sqlx::{Row, postgres::PgRow};
use tokio::sync::oneshot::error::RecvError;

use super::{
    execute::{append, append_and_fold, stored_records},
    job::{AppendJob, MAX_ATOMIC},
    locks::AdvisoryKeys,
    outcomes::Outcomes,
};
use crate::{
    batcher::{BatchError, Batcher, Execute, Job, Workers},
    builds::tables::RowTables,
    database::{Database, HeldConnection},
    error::{is_lost_connection, is_lost_event},
    high_water::{mark::HighWater, notify::Notifier},
};

/// Workers that take whatever is waiting.
const WORKERS: u32 = 2;
/// Maximum number of workers, each with a connection.
const MAX_WORKERS: u32 = 8;
/// Maximum weight of a call, except for a single job.
const MAX_BATCH: usize = 128;
/// Maximum number of locks of a call: all workers together use a small part of the lock table of the server.
const MAX_LOCKS: usize = 400;
/// How many waiting jobs a worker examines for its call.
const SCAN_LIMIT: usize = 512;

/// The appends of one process.
pub(crate) struct AppendQueue {
    database: Arc<Database>,
    keys: Arc<AdvisoryKeys>,
    tables: Arc<RowTables>,
    high_water: Arc<HighWater>,
    notifier: Option<Arc<Notifier>>,
    batcher: Batcher<Self>,
}

impl AppendQueue {
    /// Uses at most half of the connections, so that the other half is free for reads.
    pub(crate) fn new(
        database: Arc<Database>,
        keys: Arc<AdvisoryKeys>,
        tables: Arc<RowTables>,
        high_water: Arc<HighWater>,
        notifier: Option<Arc<Notifier>>,
    ) -> Self {
        let max = (database.pool.options().get_max_connections() / 2).clamp(1, MAX_WORKERS);
        let workers = Workers { eager: WORKERS, max, full_batch: MAX_BATCH };
        let batcher = Batcher::new(workers, database.timeout);
        Self { database, keys, tables, high_water, notifier, batcher }
    }

    pub(crate) async fn append(self: &Arc<Self>, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        Append::check_batch(&appends, MAX_ATOMIC, || self.operation())?;
        if appends.is_empty() {
            return Ok(AppendOutcome::Appended(Vec::new()));
        }
        Batcher::call(self, || AppendJob::new(appends, &self.keys)).await
    }

    /// Writes jobs. If the connection was lost although certainly nothing was written, tries once more on another connection.
    async fn write(
        &self,
        connection: &mut HeldConnection,
        jobs: &[Job<Self>],
        newest: Option<EventRef>,
    ) -> Result<Outcomes, BatchError> {
        match self.try_write(connection, jobs, newest).await {
            Err(BatchError::NotWritten(error)) if is_lost_connection(&error) => {
                self.database.close_lost_connections().await;
                self.try_write(connection, jobs, newest).await
            }
            Err(BatchError::Sent(error)) if is_lost_connection(&error) => {
                self.database.close_lost_connections().await;
                Err(BatchError::Sent(error))
            }
            result => result,
        }
    }

    /// Writes a batch to the log that this process has seen, and returns what it has seen. If the log has lost events, jobs without
    /// conditions on lost events are still written.
    async fn write_to_seen_log(
        &self,
        connection: &mut HeldConnection,
        jobs: &[Job<Self>],
    ) -> (Seen, Result<Outcomes, BatchError>) {
        loop {
            let seen = self.database.seen.now();
            if !jobs.iter().all(|job| job.input.is_of_epoch(seen.epoch)) {
                return (seen, Err(BatchError::Job(SeenLog::has_gone_back(self.operation()))));
            }
            match self.write(connection, jobs, seen.newest).await {
                Err(BatchError::NotWritten(error) | BatchError::Sent(error)) if is_lost_event(&error) => {
                    drop(self.database.lost_events(seen, self.operation()));
                }
                result => return (seen, result),
            }
        }
    }

    async fn try_write(
        &self,
        connection: &mut HeldConnection,
        jobs: &[Job<Self>],
        newest: Option<EventRef>,
    ) -> Result<Outcomes, BatchError> {
        // Acquired separately, to distinguish a call that was never sent from one without a reply.
        let held = self.database.connection(connection).await.map_err(BatchError::not_written)?;
        let inputs = jobs.iter().map(|job| &job.input);
        let is_one_call = inputs.clone().all(|job| job.inline.is_empty()) && !self.database.shares_sessions;
        let result = match is_one_call {
            true => append(&self.database, held, inputs, newest).await,
            false => append_and_fold(&self.database, &self.tables, held, inputs, newest).await,
        };
        if result.is_err() {
            // The pool checks whether it is still usable.
            *connection = None;
        }
        result
    }

    /// Holds the written events in memory for followers, if there are any. Events of appends that were not checked against the known list
    /// of successors are left out.
    fn add_recent(&self, epoch: u64, jobs: &[Job<Self>], outcomes: &Outcomes) {
        let recent = &self.database.recent;
        if recent.is_used() {
            let list = self.database.successors.load(Ordering::Acquire);
            let is_checked =
                |append: &Append| append.successors.as_ref().is_some_and(|known| known.version == list);
            let jobs = jobs.iter().map(|job| &job.input);
            recent.add(epoch, list, stored_records(jobs, outcomes, is_checked));
        }
    }

    /// Adds the builds to the outcomes of appends that lack inline builds.
    async fn add_required_builds(
        &self,
        connection: &mut HeldConnection,
        jobs: &[Job<Self>],
        outcomes: &mut Outcomes,
    ) {
        for (job, outcome) in jobs.iter().zip(outcomes) {
            if let Ok(AppendOutcome::InlineRequired { index, .. }) = *outcome {
                let builds = self.required_builds(connection, &job.input.appends[index]).await;
                *outcome = builds.map(|builds| AppendOutcome::InlineRequired { index, builds });
            }
        }
    }

    /// The inline builds that fold the events of an append.
    async fn required_builds(
        &self,
        connection: &mut HeldConnection,
        append: &Append,
    ) -> Result<Vec<BuildId>, Error> {
        let read_error = |error| self.database.read_error(error);
        let types: Vec<&str> = append.names_to_fold().collect();
        let connection = self.database.connection(connection).await.map_err(read_error)?;
        let query = self.database.sql.inline_builds.query().bind(types);
        let rows = self.database.fetch_all_in(connection, query).await.map_err(read_error)?;
        rows.iter().map(build_id).collect::<Result<_, _>>().map_err(read_error)
    }
}

impl Execute for AppendQueue {
    type Input = AppendJob;
    type Output = AppendOutcome;
    type WorkerState = HeldConnection;

    fn batcher(&self) -> &Batcher<Self> {
        &self.batcher
    }

    fn weight(job: &AppendJob) -> usize {
        job.weight
    }

    fn operation(&self) -> String {
        self.database.operation("append to")
    }

    /// Takes jobs that can share a call. The others stay at the front of the queue, for the next call.
    fn take_batch(queue: &mut VecDeque<Job<Self>>) -> Vec<Job<Self>> {
        let (mut batch, mut skipped) = (Vec::<Job<Self>>::new(), VecDeque::new());
        let (mut weight, mut locks) = (0, 0);
        for _ in 0..SCAN_LIMIT {
            let Some(job) = queue.pop_front() else { break };
            if job.is_cancelled() {
                continue;
            }
            let input = &job.input;
            let sums = (weight + input.weight, locks + input.locks.len());
            let fits = sums.0 <= MAX_BATCH && sums.1 <= MAX_LOCKS;
            let can_join = batch.first().is_none_or(|Job { input: first, .. }| {
                fits && first.inline == input.inline && !first.adds_successors() && !input.adds_successors()
            });
            if can_join && !batch.iter().any(|earlier| earlier.input.conflicts_with(input)) {
                (weight, locks) = sums;
                batch.push(job);
            } else {
                skipped.push_back(job);
            }
            if weight >= MAX_BATCH {
                break;
            }
        }
        skipped.append(queue);
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
    ) -> Result<Outcomes, BatchError> {
        let (seen, mut result) = self.write_to_seen_log(connection, jobs).await;
        if let Ok(outcomes) = &mut result {
            let events = outcomes.iter().flat_map(events);
            if jobs.iter().any(|job| job.input.adds_successors()) {
                // The events are settled once the list of successors is read with them.
                events.for_each(|event| self.database.seen.saw(seen.epoch, event));
            } else {
                self.add_recent(seen.epoch, jobs, outcomes);
                self.database.seen.saw_appended(seen.epoch, events.collect());
            }
            if let Some(notifier) = &self.notifier
                && outcomes.iter().any(has_written)
            {
                notifier.notify();
            }
            self.add_required_builds(connection, jobs, outcomes).await;
        }
        self.high_water.close_gaps_soon();
        result
    }

    /// The worker may have sent the appends before it was dropped.
    fn no_reply(operation: String, error: RecvError) -> Error {
        Error::unknown(operation, error)
    }
}

/// The events that were written.
fn events(outcome: &Result<AppendOutcome, Error>) -> impl Iterator<Item = EventRef> {
    let receipts = match outcome {
        Ok(AppendOutcome::Appended(receipts)) => receipts.as_slice(),
        _ => &[],
    };
    receipts.iter().flat_map(|receipt| receipt.events.iter().copied())
}

fn has_written(outcome: &Result<AppendOutcome, Error>) -> bool {
    let Ok(AppendOutcome::Appended(receipts)) = outcome else { return false };
    receipts.iter().any(|receipt| !receipt.events.is_empty())
}

fn build_id(row: &PgRow) -> Result<BuildId, sqlx::Error> {
    let number =
        |column| row.try_get::<i64, _>(column).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    Ok(BuildId { projection: row.try_get("name")?, version: number("version")?, build: number("build")? })
}

#[cfg(test)]
mod tests {
    use annalist_core::{
        criteria::{Criteria, Item},
        payload::Payload,
        record::{Draft, Name},
        store::{CommandKey, Condition, Marker},
        tag::Tag,
    };
    use tokio::sync::oneshot;

    use super::*;

    type Queue = VecDeque<Job<AppendQueue>>;
    type Receivers = Vec<oneshot::Receiver<Result<AppendOutcome, Error>>>;

    fn tag(value: usize) -> Tag {
        Tag::new("a", value).unwrap()
    }

    /// An append that writes an event with one tag, under a condition on another tag.
    fn append(written: usize, condition: Option<usize>) -> Append {
        let draft = Draft::new("noted", 1, [tag(written)], Payload::parse("{}").unwrap()).unwrap();
        let criteria = condition.map(|value| Criteria::from(Item::any().tag(tag(value))));
        let conditions = criteria.map(|criteria| Condition { criteria, marker: Marker::START });
        Append { events: vec![draft], conditions: conditions.into_iter().collect(), ..Append::default() }
    }

    fn queue(appends: Vec<Append>) -> (Queue, Receivers) {
        queue_of_batches(appends.into_iter().map(|append| vec![append]).collect())
    }

    fn queue_of_batches(batches: Vec<Vec<Append>>) -> (Queue, Receivers) {
        let keys = AdvisoryKeys::new("annalist");
        batches.into_iter().map(|appends| Job::new(AppendJob::new(appends, &keys))).unzip()
    }

    fn take(queue: &mut Queue) -> Vec<Job<AppendQueue>> {
        AppendQueue::take_batch(queue)
    }

    fn written_tags(jobs: &[Job<AppendQueue>]) -> Vec<&str> {
        let appends = jobs.iter().flat_map(|job| &job.input.appends);
        appends.map(|append| append.events[0].tags()[0].value()).collect()
    }

    #[test]
    fn conflicting_appends_are_not_batched_together() {
        let (mut queue, _receivers) = queue(vec![
            append(1, None),
            append(2, Some(1)),
            append(3, Some(4)),
            append(4, Some(9)),
            append(5, Some(2)),
        ]);
        assert_eq!(written_tags(&take(&mut queue)), ["1", "3", "4", "5"]);
        assert_eq!(written_tags(&take(&mut queue)), ["2"]);
        assert!(take(&mut queue).is_empty());
    }

    #[test]
    fn appends_with_different_inline_builds_are_not_batched_together() {
        let (mut queue, _receivers) = queue((1..6).map(|value| append(value, None)).collect());
        for (job, builds) in queue.iter_mut().zip(["a 1 0", "", "a 1 0", "b 1 0", ""]) {
            job.input.inline = builds.split_terminator(',').map(str::to_owned).collect();
        }
        assert_eq!(written_tags(&take(&mut queue)), ["1", "3"]);
        assert_eq!(written_tags(&take(&mut queue)), ["2", "5"]);
        assert_eq!(written_tags(&take(&mut queue)), ["4"]);
    }

    #[test]
    fn atomic_batches_stay_whole_whatever_their_conditions() {
        let (mut queue, _receivers) = queue_of_batches(vec![
            vec![append(1, Some(1)), append(1, Some(1))],
            vec![append(2, Some(3)), append(3, Some(2))],
            vec![append(4, None), append(5, Some(3))],
            (6..MAX_ATOMIC + 6).map(|value| append(value, None)).collect(),
            (100..MAX_ATOMIC + 100).map(|value| append(value, None)).collect(),
        ]);
        let first = take(&mut queue);
        assert_eq!(written_tags(&first[..2]), ["1", "1", "2", "3"]);
        assert_eq!(first[2].input.appends.len(), MAX_ATOMIC);
        let second = take(&mut queue);
        assert_eq!(written_tags(&second[..1]), ["4", "5"]);
        assert_eq!(second[1].input.appends.len(), MAX_ATOMIC);
        assert!(take(&mut queue).is_empty());
    }

    #[test]
    fn same_command_id_is_not_batched_twice() {
        let name = |text: &'static str| Name::new("name", text).unwrap();
        let twice: Vec<Append> = (1..3)
            .map(|value| Append {
                key: Some(CommandKey::new(name("c"), name("note"), [])),
                ..append(value, None)
            })
            .collect();
        let (mut queue, _receivers) = queue(twice);
        assert_eq!(written_tags(&take(&mut queue)), ["1"]);
        assert_eq!(written_tags(&take(&mut queue)), ["2"]);
    }

    #[test]
    fn calls_are_full_with_a_megabyte() {
        let large = |bytes: usize| {
            let data = Payload::parse(format!("{:?}", "x".repeat(bytes))).unwrap();
            let draft = Draft::new("noted", 1, [tag(0)], data).unwrap();
            Append { events: vec![draft], ..Append::default() }
        };
        let (mut queue, _receivers) =
            queue([100_000; 15].into_iter().chain([3_000_000, 10]).map(large).collect());
        assert_eq!(
            std::iter::from_fn(|| Some(take(&mut queue).len()).filter(|n| *n > 0)).collect::<Vec<_>>(),
            [10, 6, 1]
        );
    }

    #[test]
    fn batches_are_limited_and_cancelled_jobs_are_dropped() {
        let (mut queue, mut receivers) = queue((0..1000).map(|value| append(value, None)).collect());
        receivers.drain(..10);
        let mut written = Vec::new();
        loop {
            let jobs = take(&mut queue);
            let locks: usize = jobs.iter().map(|job| job.input.locks.len()).sum();
            assert!(jobs.len() <= MAX_BATCH && locks <= MAX_LOCKS);
            if jobs.is_empty() {
                break;
            }
            written.extend(written_tags(&jobs).into_iter().map(str::to_owned));
        }
        assert!(written.iter().map(|value| value.parse::<usize>().unwrap()).eq(10..1000));
    }
}
