//! The task that appends: jobs that wait at the same time share one transaction and its sync to disk (group commit).

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use annalist_core::{
    error::Error,
    store::{Append, AppendOutcome, EventRef},
};
use sqlx::{Sqlite, SqliteConnection, pool::PoolConnection};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

use crate::{
    append::{AppendResult, Claim, Job, Target, append},
    connections::{Connections, Durability},
    error::{LOCK_HELD, failed, failed_commit},
    settings::Settings,
};

/// The largest number of queued jobs; further callers wait until one is taken.
const MAX_QUEUED: usize = 1024;
/// The largest number of jobs in a transaction.
const MAX_BATCH: usize = 128;

pub(crate) struct Writer {
    connections: Connections,
    target: Target,
    /// The settings that the connections of the user's pool must have, checked before every transaction; `None` if the pool
    /// belongs to the store.
    required_settings: Option<Settings>,
    /// Whether it waits for the write lock.
    waits_for_lock: Arc<AtomicBool>,
}

/// The queue of the task that appends.
#[derive(Clone)]
pub(crate) struct AppendQueue {
    jobs: mpsc::Sender<Job>,
    connections: Connections,
    waits_for_lock: Arc<AtomicBool>,
}

/// Why a transaction was rolled back. Creates an error for each of its jobs.
struct Failure {
    /// Whether one of the jobs may be the cause, so that the others would succeed without it.
    may_be_one_job: bool,
    error: Box<dyn Fn() -> Error + Send>,
}

impl AppendQueue {
    /// Writes appends together, or none of them. A job whose transaction has not begun in time is given up; one that is being
    /// written is waited for.
    pub(crate) async fn append(
        &self,
        appends: Vec<Append>,
        operation: impl Fn() -> String,
    ) -> Result<AppendOutcome, Error> {
        let deadline = Instant::now() + self.connections.limit();
        let (reply, result) = oneshot::channel();
        let claim = Claim::default();
        match timeout_at(deadline, self.jobs.send(Job { appends, reply, claim: claim.clone() })).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                let reason = "the runtime that opened it has ended, and its writer with it; open the store again in this one";
                return Err(Error::unusable(operation(), reason));
            }
            Err(_) => return Err(self.not_started(operation())),
        }
        let mut result = pin!(result);
        let result = match timeout_at(deadline, &mut result).await {
            Ok(result) => result,
            Err(_) if claim.claim() => return Err(self.not_started(operation())),
            Err(_) => result.await,
        };
        result.unwrap_or_else(|dropped| Err(Error::unknown(operation(), dropped)))
    }

    /// The error of a job whose transaction has not begun in time.
    fn not_started(&self, operation: String) -> Error {
        if self.waits_for_lock.load(Ordering::Acquire) {
            return Error::unavailable(operation, LOCK_HELD);
        }
        failed(operation, self.connections.exhausted())
    }
}

impl Writer {
    pub(crate) fn new(connections: Connections, target: Target, required_settings: Option<Settings>) -> Self {
        Self { connections, target, required_settings, waits_for_lock: Arc::default() }
    }

    /// Starts the task and returns its queue. It ends when the last sender is dropped and the queue is empty.
    ///
    /// Because it is a task of its own, a transaction completes even if its callers drop their futures.
    pub(crate) fn start(self) -> AppendQueue {
        let (jobs, receiver) = mpsc::channel(MAX_QUEUED);
        let (connections, waits_for_lock) = (self.connections.clone(), Arc::clone(&self.waits_for_lock));
        tokio::spawn(self.run(receiver));
        AppendQueue { jobs, connections, waits_for_lock }
    }

    async fn run(self, mut queue: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(MAX_BATCH);
        while queue.recv_many(&mut jobs, MAX_BATCH).await > 0 {
            match self.commit(&mut jobs, Some(&mut queue)).await {
                Ok(results) => reply(jobs.drain(..), results),
                Err(failure) => self.retry_or_fail(std::mem::take(&mut jobs), failure).await,
            }
        }
    }

    /// Replies to jobs whose transaction failed. If one of them may be the cause, retries halves of them until that one is
    /// alone.
    async fn retry_or_fail(&self, jobs: Vec<Job>, failure: Failure) {
        let mut failed = vec![(jobs, failure)];
        while let Some((mut jobs, failure)) = failed.pop() {
            if !failure.may_be_one_job || jobs.len() < 2 {
                reply(jobs.drain(..), std::iter::repeat_with(|| Err((failure.error)())));
                continue;
            }
            let second = jobs.split_off(jobs.len() / 2);
            for mut half in [jobs, second] {
                match self.commit(&mut half, None).await {
                    Ok(results) => reply(half.drain(..), results),
                    Err(failure) => failed.push((half, failure)),
                }
            }
        }
    }

    /// Writes all jobs in one transaction. Refusals too are valid only if it commits: they may be caused by events of other
    /// jobs in it.
    async fn commit(
        &self,
        jobs: &mut Vec<Job>,
        queue: Option<&mut mpsc::Receiver<Job>>,
    ) -> Result<Vec<AppendResult>, Failure> {
        let connection = self.connections.acquire().await;
        let mut connection = connection.map_err(|error| self.failure(false, error))?;
        let results = self.transact(&mut connection, jobs, queue).await;
        if results.is_err() {
            // Some errors end a transaction without the driver noticing.
            connection.close_on_drop();
        }
        results
    }

    async fn transact(
        &self,
        connection: &mut PoolConnection<Sqlite>,
        jobs: &mut Vec<Job>,
        queue: Option<&mut mpsc::Receiver<Job>>,
    ) -> Result<Vec<AppendResult>, Failure> {
        self.check_settings(connection).await?;
        self.check_file()?;
        self.waits_for_lock.store(true, Ordering::Release);
        let transaction = self.connections.begin(connection, Durability::Synced).await;
        self.waits_for_lock.store(false, Ordering::Release);
        let mut transaction = transaction.map_err(|error| self.failure(false, error))?;
        if let Some(queue) = queue {
            // Jobs that arrived while this waited for the lock.
            let room = MAX_BATCH.saturating_sub(jobs.len());
            jobs.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(room));
            jobs.retain(|job| job.claim.claim());
        }
        jobs.retain(|job| !job.reply.is_closed());
        let epoch = self.target.seen.now().epoch;
        let results = append(&mut transaction, &self.target, jobs).await;
        let results = results.map_err(|error| self.failure(true, error))?;
        transaction.commit().await.map_err(|error| self.commit_failure(error))?;
        if let Some(newest) = results.iter().filter_map(last_event).max_by_key(|event| event.position) {
            self.target.seen.saw(epoch, newest);
        }
        Ok(results)
    }

    async fn check_settings(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        let Some(required) = self.required_settings else { return Ok(()) };
        let violation = required.violation(connection).await.map_err(|error| self.failure(false, error))?;
        let Some(violation) = violation else { return Ok(()) };
        let operation = self.target.operation.clone();
        let error = Box::new(move || Error::unusable(&operation, &violation));
        Err(Failure { may_be_one_job: false, error })
    }

    /// Refuses to append to a file that is not at its path any more.
    fn check_file(&self) -> Result<(), Failure> {
        let Some(defect) = self.target.file.defect() else { return Ok(()) };
        let operation = self.target.operation.clone();
        let error = Box::new(move || Error::unusable(&operation, &defect));
        Err(Failure { may_be_one_job: false, error })
    }

    fn failure(&self, may_be_one_job: bool, error: sqlx::Error) -> Failure {
        let (operation, error) = (self.target.operation.clone(), Arc::new(error));
        Failure { may_be_one_job, error: Box::new(move || failed(&operation, error.clone())) }
    }

    fn commit_failure(&self, error: sqlx::Error) -> Failure {
        let (operation, error) = (self.target.operation.clone(), Arc::new(error));
        let error = Box::new(move || failed_commit(&operation, error.clone()));
        Failure { may_be_one_job: false, error }
    }
}

/// The last event of what an append has written.
fn last_event(result: &AppendResult) -> Option<EventRef> {
    let Ok(AppendOutcome::Appended(receipts)) = result else { return None };
    receipts.iter().rev().find_map(|receipt| receipt.events.last().copied())
}

/// Sends each result to its caller; one that dropped its future is ignored.
fn reply(jobs: impl Iterator<Item = Job>, results: impl IntoIterator<Item = AppendResult>) {
    for (job, result) in jobs.zip(results) {
        let _ = job.reply.send(result);
    }
}
