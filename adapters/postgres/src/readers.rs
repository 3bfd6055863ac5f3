//! Reads that travel together when there are many.
//!
//! The first few leave at once, each on a connection of its own. Those who come while these are under way wait for a worker, which
//! takes whatever waits and never waits for more: one statement then serves many. It is sent after all of them were asked
//! for, so each sees what was acknowledged before.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use annalist_core::{error::Error, store::Read};
use tokio::{
    sync::{Semaphore, oneshot},
    task::yield_now,
};

use crate::{
    Store,
    error::{blames_input, failed},
    read::{Found, PART, STRETCH, Take, Unread, all_bare},
};

/// Most callers whose reads are under way by themselves.
const ALONE: usize = 4;
/// Workers that take what waits: while one of them has a statement in the database, another one is made.
const WORKERS: u32 = 2;
/// Most callers who wait. The next ones wait until they may wait.
const WAITING: usize = 4096;
/// Most reads that travel together, unless a single caller has more.
const TOGETHER: usize = 64;

/// The reads of one process that are under way or wait.
pub(crate) struct Readers {
    alone: Semaphore,
    queue: Mutex<Queue>,
    room: Semaphore,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    workers: u32,
}

/// The reads of one caller.
struct Job {
    reads: Vec<Read>,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<Vec<Found>, Error>;

impl Readers {
    /// At most half of the connections are for those who go alone.
    pub(crate) fn new(connections: u32) -> Self {
        let alone = usize::try_from(connections / 2).unwrap_or(ALONE).clamp(1, ALONE);
        Self { alone: Semaphore::new(alone), queue: Mutex::default(), room: Semaphore::new(WAITING) }
    }

    /// Nothing in here panics half way.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// What the reads find in one snapshot, which is not older than this call.
    pub(crate) async fn find(self: &Arc<Self>, reads: &[Read], take: Take<'_>) -> Result<Vec<Found>, Error> {
        match self.readers.alone.try_acquire() {
            Ok(_place) => self.ask(reads, STRETCH, take).await.map_err(|unread| self.told(unread)),
            Err(_) => self.find_together(reads.to_vec()).await,
        }
    }

    async fn find_together(self: &Arc<Self>, reads: Vec<Read>) -> Result<Vec<Found>, Error> {
        let doing = || self.doing("read");
        let _place = self.readers.room.acquire().await.map_err(|error| Error::unavailable(doing(), error))?;
        let (answer, answered) = oneshot::channel();
        self.enqueue_read(Job { reads, answer });
        answered.await.unwrap_or_else(|error| Err(Error::unavailable(doing(), error)))
    }

    fn enqueue_read(self: &Arc<Self>, job: Job) {
        let mut queue = self.readers.queue();
        queue.jobs.push_back(job);
        if queue.workers < WORKERS {
            queue.workers += 1;
            tokio::spawn(work(Worker { store: Arc::clone(self), counted: true }));
        }
    }

    async fn read_for(&self, jobs: Vec<Job>) {
        let reads: Vec<Read> = jobs.iter().flat_map(|job| &job.reads).cloned().collect();
        match self.ask(&reads, PART, &mut |_| Ok(())).await {
            Ok(found) => {
                let mut found = found.into_iter();
                for Job { reads, answer } in jobs {
                    // The caller may have gone.
                    drop(answer.send(Ok(found.by_ref().take(reads.len()).collect())));
                }
            }
            // Each may ask by itself whose fault it is.
            Err(unread) if jobs.len() > 1 && unread.blames_one() => {
                for job in jobs {
                    Box::pin(self.read_for(vec![job])).await;
                }
            }
            Err(Unread::Unanswered(error)) => {
                let told = || failed(self.doing("read"), Arc::clone(&error));
                jobs.into_iter().for_each(|job| drop(job.answer.send(Err(told()))));
            }
            Err(Unread::Damaged(error)) => {
                if let Some(job) = jobs.into_iter().next() {
                    drop(job.answer.send(Err(error)));
                }
            }
        }
    }

    fn told(&self, unread: Unread) -> Error {
        match unread {
            Unread::Unanswered(error) => failed(self.doing("read"), error),
            Unread::Damaged(error) => error,
        }
    }
}

impl Unread {
    /// Whether the others may fare better without one of them.
    fn blames_one(&self) -> bool {
        match self {
            Self::Unanswered(error) => blames_input(error),
            Self::Damaged(_) => true,
        }
    }
}

/// Lives as long as there is something to take.
struct Worker {
    store: Arc<Store>,
    /// Whether the queue counts it. It does when a worker ends because its runtime does.
    counted: bool,
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.counted {
            self.store.readers.queue().workers -= 1;
        }
    }
}

async fn work(mut worker: Worker) {
    loop {
        // Those who are about to ask come along.
        yield_now().await;
        let jobs = worker.take();
        if jobs.is_empty() {
            break;
        }
        worker.store.read_for(jobs).await;
    }
}

impl Worker {
    /// What waits. If nothing does, the worker is not counted any more, so that whoever comes next starts another.
    fn take(&mut self) -> Vec<Job> {
        let mut queue = self.store.readers.queue();
        let jobs = queue.take();
        if jobs.is_empty() {
            queue.workers -= 1;
            self.counted = false;
        }
        jobs
    }
}

impl Queue {
    /// Those who wait for the same parts of events as the first.
    fn take(&mut self) -> Vec<Job> {
        let (mut taken, mut left, mut reads) = (Vec::<Job>::new(), VecDeque::new(), 0);
        for job in self.jobs.drain(..).filter(|job| !job.answer.is_closed()) {
            let fits = |first: &Job| {
                reads + job.reads.len() <= TOGETHER && all_bare(&first.reads) == all_bare(&job.reads)
            };
            if taken.first().is_none_or(fits) {
                reads += job.reads.len();
                taken.push(job);
            } else {
                left.push_back(job);
            }
        }
        self.jobs = left;
        taken
    }
}

#[cfg(test)]
mod tests {
    use annalist_core::criteria::Criteria;

    use super::*;

    /// So many reads, each waited for by one who is still there unless it is the third.
    fn queue(callers: &[(usize, bool)]) -> (Queue, Vec<oneshot::Receiver<Answer>>) {
        let mut waiting = Vec::new();
        let jobs = callers.iter().map(|&(reads, payload_only)| {
            let (answer, answered) = oneshot::channel();
            waiting.push(answered);
            Job { reads: vec![Read { payload_only, ..Read::all(Criteria::all()) }; reads], answer }
        });
        (Queue { jobs: jobs.collect(), workers: 0 }, waiting)
    }

    fn sizes(jobs: &[Job]) -> Vec<usize> {
        jobs.iter().map(|job| job.reads.len()).collect()
    }

    #[test]
    fn only_those_travel_together_that_ask_for_the_same_parts() {
        let (mut queue, _waiting) = queue(&[(1, true), (2, false), (3, true), (4, false)]);
        assert_eq!(sizes(&queue.take()), [1, 3]);
        assert_eq!(sizes(&queue.take()), [2, 4]);
        assert!(queue.take().is_empty());
    }

    #[test]
    fn who_does_not_fit_goes_next() {
        let (mut queue, _waiting) =
            queue(&[(TOGETHER - 1, true), (2, true), (1, true), (TOGETHER + 1, true), (1, true)]);
        assert_eq!(sizes(&queue.take()), [TOGETHER - 1, 1]);
        assert_eq!(sizes(&queue.take()), [2, 1]);
        assert_eq!(sizes(&queue.take()), [TOGETHER + 1]);
    }

    #[test]
    fn who_has_gone_is_not_read_for() {
        let (mut queue, mut waiting) = queue(&[(1, true), (2, true), (3, true)]);
        drop(waiting.swap_remove(0));
        assert_eq!(sizes(&queue.take()), [2, 3]);
    }
}
