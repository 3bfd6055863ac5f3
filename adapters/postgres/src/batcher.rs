//! Batches concurrent calls: jobs wait in a queue, from which a few workers take a batch at a time.
//!
//! A worker takes the jobs that are waiting and never waits for more. A single job is therefore executed immediately, and
//! under load one round trip to the database serves many jobs.

use std::{
    collections::VecDeque,
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use annalist_core::error::Error;
use tokio::{
    sync::{
        Semaphore,
        oneshot::{self, error::RecvError},
    },
    task::yield_now,
    time::{Instant, timeout_at},
};

use crate::error::{append_failed, failed, is_input_error};

/// Maximum number of callers in the queue. Further callers wait until there is room.
const MAX_QUEUED: usize = 4096;

/// Executes the jobs of a [`Batcher`].
pub(crate) trait Execute: Sized + Send + Sync + 'static {
    /// What a caller asks for.
    type Input: Send + Sync + 'static;
    /// What the caller gets.
    type Output: Send + 'static;
    /// What a worker keeps from one batch to the next.
    type WorkerState: Default + Send;

    fn batcher(&self) -> &Batcher<Self>;

    /// How much work a job is, compared with a small one.
    fn weight(_input: &Self::Input) -> usize {
        1
    }

    /// The operation in error messages.
    fn operation(&self) -> String;

    /// Removes the jobs of the next batch from the queue.
    fn take_batch(queue: &mut VecDeque<Job<Self>>) -> Vec<Job<Self>>;

    /// Acquires what a worker needs to execute a batch.
    fn prepare(&self, state: &mut Self::WorkerState) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// The error of a job that no worker has started to execute in time.
    fn not_started(&self) -> Error;

    /// Executes a batch. Returns a result for each job, in the same order.
    fn execute(
        &self,
        state: &mut Self::WorkerState,
        jobs: &[Job<Self>],
    ) -> impl Future<Output = Result<Results<Self>, BatchError>> + Send;

    /// The error of a call whose worker was dropped, because its runtime was shut down.
    fn no_reply(operation: String, error: RecvError) -> Error;
}

pub(crate) type Results<E> = Vec<Result<<E as Execute>::Output, Error>>;

/// Why a whole batch failed.
pub(crate) enum BatchError {
    /// The batch was not sent, or its transaction was not committed: nothing was written.
    NotWritten(Arc<sqlx::Error>),
    /// The batch was sent. The error is the reply of the server, or says that there was none.
    Sent(Arc<sqlx::Error>),
    /// One job of the batch is invalid, and nothing was written.
    Job(Error),
}

impl BatchError {
    pub(crate) fn not_written(error: sqlx::Error) -> Self {
        Self::NotWritten(error.into())
    }

    pub(crate) fn sent(error: sqlx::Error) -> Self {
        Self::Sent(error.into())
    }

    /// The error of a single job, if the reply of the server is one.
    pub(crate) fn refused_by(self, refusal: fn(&sqlx::Error) -> Option<Error>) -> Self {
        let found = match &self {
            Self::NotWritten(error) | Self::Sent(error) => refusal(error),
            Self::Job(_) => None,
        };
        found.map_or(self, Self::Job)
    }

    /// Whether the error can be that of a single job, so that the others may succeed without it. Nothing was written then.
    fn is_of_one_job(&self) -> bool {
        match self {
            Self::NotWritten(error) | Self::Sent(error) => is_input_error(error),
            Self::Job(_) => true,
        }
    }

    fn reply_to<E: Execute>(self, jobs: Vec<Job<E>>, operation: &str) {
        match self {
            // Such a batch has only one job.
            Self::Job(error) => {
                if let Some(job) = jobs.into_iter().next() {
                    job.reply(Err(error));
                }
            }
            Self::NotWritten(error) => {
                jobs.into_iter()
                    .for_each(|job| job.reply(Err(failed(operation.to_owned(), Arc::clone(&error)))));
            }
            Self::Sent(error) => {
                jobs.into_iter()
                    .for_each(|job| job.reply(Err(append_failed(operation.to_owned(), Arc::clone(&error)))));
            }
        }
    }
}

/// The input of a caller that waits for the output.
pub(crate) struct Job<E: Execute> {
    pub(crate) input: E::Input,
    reply: oneshot::Sender<Result<E::Output, Error>>,
    claim: Claim,
}

/// Decides whether a worker executes a job or its caller gives up: the first one claims it.
#[derive(Clone, Default)]
struct Claim(Arc<AtomicBool>);

impl Claim {
    /// Returns `true` for the first call.
    fn claim(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

impl<E: Execute> Job<E> {
    pub(crate) fn new(input: E::Input) -> (Self, oneshot::Receiver<Result<E::Output, Error>>) {
        let (reply, receiver) = oneshot::channel();
        (Self { input, reply, claim: Claim::default() }, receiver)
    }

    /// Whether the caller has dropped its call.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }

    fn reply(self, result: Result<E::Output, Error>) {
        // An error means that the caller has dropped its call. What was done remains.
        drop(self.reply.send(result));
    }
}

/// The number of workers.
#[derive(Clone, Copy)]
pub(crate) struct Workers {
    /// Workers that take whatever is waiting: while the batch of one is in the database, the other prepares the next. More of
    /// them would only make smaller batches.
    pub(crate) eager: u32,
    /// Maximum number of workers. Those beyond the eager ones take full batches only.
    pub(crate) max: u32,
    /// The weight of the waiting jobs that are a full batch.
    pub(crate) full_batch: usize,
}

impl Workers {
    /// Whether so many workers have enough to do.
    fn are_needed(self, workers: u32, waiting: usize) -> bool {
        workers <= self.eager || waiting >= self.full_batch
    }
}

/// The queue and the workers of one process.
pub(crate) struct Batcher<E: Execute> {
    queue: Mutex<Queue<E>>,
    permits: Semaphore,
    workers: Workers,
    /// How long a job may wait until a worker executes it.
    limit: Duration,
}

struct Queue<E: Execute> {
    jobs: VecDeque<Job<E>>,
    /// The weight of the jobs.
    waiting: usize,
    /// How many workers are running.
    workers: u32,
}

impl<E: Execute> Queue<E> {
    fn take_batch(&mut self) -> Vec<Job<E>> {
        let jobs = E::take_batch(&mut self.jobs);
        // Cancelled jobs were removed too.
        self.waiting = self.jobs.iter().map(|job| E::weight(&job.input)).sum();
        jobs
    }
}

impl<E: Execute> Batcher<E> {
    pub(crate) fn new(workers: Workers, limit: Duration) -> Self {
        let queue = Mutex::new(Queue { jobs: VecDeque::new(), waiting: 0, workers: 0 });
        Self { queue, permits: Semaphore::new(MAX_QUEUED), workers, limit }
    }

    /// Queues a job and waits for its output. `input` is called when there is room in the queue.
    ///
    /// A job that no worker has started to execute within the limit is given up; one that was started is waited for.
    pub(crate) async fn call(
        executor: &Arc<E>,
        input: impl FnOnce() -> E::Input,
    ) -> Result<E::Output, Error> {
        let Self { permits, limit, .. } = executor.batcher();
        let deadline = Instant::now() + *limit;
        let Ok(permit) = timeout_at(deadline, permits.acquire()).await else {
            return Err(executor.not_started());
        };
        let _permit = permit.map_err(|error| Error::unavailable(executor.operation(), error))?;
        let (job, receiver) = Job::new(input());
        let claim = job.claim.clone();
        Self::enqueue(executor, job);
        let mut receiver = pin!(receiver);
        let reply = match timeout_at(deadline, &mut receiver).await {
            Ok(reply) => reply,
            Err(_) if claim.claim() => return Err(executor.not_started()),
            Err(_) => receiver.await,
        };
        reply.unwrap_or_else(|error| Err(E::no_reply(executor.operation(), error)))
    }

    fn enqueue(executor: &Arc<E>, job: Job<E>) {
        let Self { workers, .. } = executor.batcher();
        let mut queue = executor.batcher().queue();
        queue.waiting += E::weight(&job.input);
        queue.jobs.push_back(job);
        let next = queue.workers + 1;
        if next <= workers.max && workers.are_needed(next, queue.waiting) {
            queue.workers = next;
            let worker = Worker { executor: Arc::clone(executor), is_registered: true };
            tokio::spawn(worker.run());
        }
    }

    /// No code panics while it holds this lock.
    fn queue(&self) -> MutexGuard<'_, Queue<E>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs while there are jobs.
struct Worker<E: Execute> {
    executor: Arc<E>,
    /// Whether the queue counts this worker, which is still so if it is dropped with its runtime.
    is_registered: bool,
}

impl<E: Execute> Drop for Worker<E> {
    fn drop(&mut self) {
        if self.is_registered {
            self.executor.batcher().queue().workers -= 1;
        }
    }
}

impl<E: Execute> Worker<E> {
    async fn run(mut self) {
        let mut state = E::WorkerState::default();
        loop {
            // Yield once, so that concurrent callers can join this batch.
            yield_now().await;
            let jobs = self.next_batch();
            if jobs.is_empty() {
                break;
            }
            self.execute(&mut state, jobs).await;
        }
    }

    /// The next batch. If there is none, or the other workers are enough, this worker is unregistered under the same lock, so that
    /// the next job starts another one.
    fn next_batch(&mut self) -> Vec<Job<E>> {
        let batcher = self.executor.batcher();
        let mut queue = batcher.queue();
        let is_needed = batcher.workers.are_needed(queue.workers, queue.waiting);
        let jobs = if is_needed { queue.take_batch() } else { Vec::new() };
        if jobs.is_empty() {
            queue.workers -= 1;
            self.is_registered = false;
        }
        jobs
    }

    /// Executes a batch, without the jobs whose callers have given up meanwhile.
    async fn execute(&self, state: &mut E::WorkerState, mut jobs: Vec<Job<E>>) {
        let prepared = self.executor.prepare(state).await;
        jobs.retain(|job| job.claim.claim());
        if let Err(error) = prepared {
            return self.reply(jobs, Err(BatchError::not_written(error)));
        }
        if jobs.is_empty() {
            return;
        }
        match self.executor.execute(state, &jobs).await {
            // One invalid job must not fail the others.
            Err(error) if jobs.len() > 1 && error.is_of_one_job() => {
                for job in jobs {
                    let jobs = vec![job];
                    let results = self.executor.execute(state, &jobs).await;
                    self.reply(jobs, results);
                }
            }
            results => self.reply(jobs, results),
        }
    }

    fn reply(&self, jobs: Vec<Job<E>>, results: Result<Results<E>, BatchError>) {
        match results {
            Ok(results) => jobs.into_iter().zip(results).for_each(|(job, result)| job.reply(result)),
            Err(error) => error.reply_to(jobs, &self.executor.operation()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_workers_are_needed_only_for_full_batches() {
        let workers = Workers { eager: 2, max: 8, full_batch: 128 };
        assert!(workers.are_needed(2, 0) && workers.are_needed(2, 127));
        assert!(!workers.are_needed(3, 127) && workers.are_needed(3, 128));
    }
}
