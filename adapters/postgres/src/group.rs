//! Group commit: appends that are asked for at the same time travel together.
//!
//! A few workers, each with one connection, take whatever is waiting and never wait for more. So an append that comes alone
//! leaves at once, and under load one round trip and one flush to the disk serve many. Only the database decides:
//! appends travel together if none of them can stand in the way of a later one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use annalist_core::{
    error::Error,
    store::{Append, AppendOutcome},
};
use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use tokio::{
    sync::{Semaphore, oneshot},
    task::yield_now,
};

use crate::{
    Store,
    error::{append_failed, blames_input, failed},
    inline::brought,
    keys::Locks,
};

/// Most appends that stand or fall together.
pub(crate) const AT_ONCE: usize = 64;
/// Workers that take whatever waits: while one of their calls is in the database, the other is made. More of them would
/// only cut what waits into smaller calls.
const WORKERS: u32 = 2;
/// Most workers of one process, each with a connection. Those beyond the first two take full calls only.
const MOST_WORKERS: u32 = 8;
/// Most callers whose appends wait. The next ones wait until they may wait.
const WAITING: usize = 4096;
/// Most appends that travel together.
const TOGETHER: usize = 128;
/// Most locks of one call: all workers together take a small part of the server's lock table.
const KEYS: usize = 400;
/// Most bytes of payload of one call, unless a single job has more.
const BYTES: usize = 1 << 20;
/// How many waiting jobs a worker looks at to fill its call.
const SEARCHED: usize = 512;

/// An answer for each job of a call, in their order.
pub(crate) type Answers = Vec<Result<AppendOutcome, Error>>;

/// The appends of one process that wait, and those who take them.
pub(crate) struct Group {
    queue: Mutex<Queue>,
    room: Semaphore,
    most_workers: u32,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    workers: u32,
}

/// Appends that stand or fall together, with their caller; mostly one.
pub(crate) struct Job {
    pub(crate) appends: Vec<Append>,
    pub(crate) locks: Locks,
    /// The inline builds that it folds. Only such travel together as fold the same.
    pub(crate) inline: Vec<String>,
    answer: oneshot::Sender<Result<AppendOutcome, Error>>,
}

impl Group {
    /// At most half of the connections: the other half is for those who read.
    pub(crate) fn new(connections: u32) -> Self {
        Self {
            queue: Mutex::default(),
            room: Semaphore::new(WAITING),
            most_workers: (connections / 2).clamp(1, MOST_WORKERS),
        }
    }

    /// Nothing in here panics half way.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    pub(crate) async fn append(self: &Arc<Self>, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        let doing = || self.doing("append to");
        Append::check_batch(&appends, AT_ONCE, doing)?;
        if appends.is_empty() {
            return Ok(AppendOutcome::Appended(Vec::new()));
        }
        let _place = self.group.room.acquire().await.map_err(|error| Error::unavailable(doing(), error))?;
        let (answer, answered) = oneshot::channel();
        let locks = self.keys.locks(&appends);
        self.enqueue(Job::new(appends, locks, answer));
        // A worker that ends without an answer may have sent the appends.
        answered.await.unwrap_or_else(|error| Err(Error::unknown(doing(), error)))
    }

    fn enqueue(self: &Arc<Self>, job: Job) {
        let mut queue = self.group.queue();
        queue.jobs.push_back(job);
        if queue.workers < self.group.most_workers && queue.has_work_for(queue.workers + 1) {
            queue.workers += 1;
            tokio::spawn(work(Worker { store: Arc::clone(self), connection: None, counted: true }));
        }
    }

    async fn answer(self: &Arc<Self>, jobs: Vec<Job>, answers: Answers) {
        if answers.iter().any(has_written) {
            Self::tell(self);
        }
        for (job, answer) in jobs.into_iter().zip(answers) {
            let answer = match answer {
                Ok(AppendOutcome::InlineRequired { index, .. }) => {
                    let builds = self.inline_of(&job.appends[index]).await;
                    builds.map(|builds| AppendOutcome::InlineRequired { index, builds })
                }
                answer => answer,
            };
            job.answer(answer);
        }
    }
}

fn has_written(answer: &Result<AppendOutcome, Error>) -> bool {
    let Ok(AppendOutcome::Appended(receipts)) = answer else { return false };
    receipts.iter().any(|receipt| !receipt.events.is_empty())
}

/// Why a call gave no answers.
pub(crate) enum Failed {
    /// It was not sent, or its transaction did not come to its end: nothing was written.
    Unsent(Arc<sqlx::Error>),
    /// It was sent; the error is the answer, or stands for the lack of one.
    Answered(Arc<sqlx::Error>),
    /// Its rows could not be folded, and nothing was written.
    Unfolded(Error),
}

impl Failed {
    /// Whether the others may fare better without one of them. Nothing was written then.
    fn blames_one(&self) -> bool {
        match self {
            Self::Unsent(error) | Self::Answered(error) => blames_input(error),
            Self::Unfolded(_) => true,
        }
    }

    /// Tells all of them, or the one whose rows it was.
    fn tell(self, jobs: Vec<Job>, operation: &str) {
        let mut jobs = jobs.into_iter();
        match self {
            Self::Unfolded(error) => {
                if let Some(job) = jobs.next() {
                    job.answer(Err(error));
                }
            }
            Self::Unsent(error) => {
                jobs.for_each(|job| job.answer(Err(failed(operation.to_owned(), Arc::clone(&error)))));
            }
            Self::Answered(error) => {
                jobs.for_each(|job| job.answer(Err(append_failed(operation.to_owned(), Arc::clone(&error)))));
            }
        }
    }
}

/// Lives as long as there is something to take, and keeps its connection so long.
struct Worker {
    store: Arc<Store>,
    connection: Option<PoolConnection<Postgres>>,
    /// Whether the queue counts it. It does when a worker ends because its runtime does.
    counted: bool,
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.counted {
            self.store.group.queue().workers -= 1;
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
        worker.carry(jobs).await;
    }
}

impl Worker {
    /// The next call; if there is none, or others are enough, the worker is not counted any more, so that whoever comes next
    /// starts another.
    fn take(&mut self) -> Vec<Job> {
        let mut queue = self.store.group.queue();
        let jobs = if queue.has_work_for(queue.workers) { queue.take() } else { Vec::new() };
        if jobs.is_empty() {
            queue.workers -= 1;
            self.counted = false;
        }
        jobs
    }

    async fn carry(&mut self, jobs: Vec<Job>) {
        match self.send(&jobs).await {
            Ok(answers) => self.store.answer(jobs, answers).await,
            // One of them asks for what cannot be kept or folded, and must not spoil it for the others.
            Err(failed) if jobs.len() > 1 && failed.blames_one() => {
                for job in jobs {
                    Box::pin(self.carry(vec![job])).await;
                }
            }
            Err(failed) => failed.tell(jobs, &self.store.doing("append to")),
        }
        Store::close_holes(&self.store);
    }

    async fn send(&mut self, jobs: &[Job]) -> Result<Answers, Failed> {
        let connection = connected(&self.store, &mut self.connection).await?;
        let sent = match jobs.iter().all(|job| job.inline.is_empty()) {
            true => self.store.send(connection, jobs).await,
            false => self.store.send_and_fold(connection, jobs).await,
        };
        if sent.is_err() {
            // Its pool finds out whether it is still good.
            self.connection = None;
        }
        sent
    }
}

/// The connection of a worker. One of its own, to tell a call that was never sent from one whose answer is missing.
async fn connected<'a>(
    store: &Store,
    held: &'a mut Option<PoolConnection<Postgres>>,
) -> Result<&'a mut PgConnection, Failed> {
    Ok(match held {
        Some(connection) => connection,
        None => held.insert(store.pool.acquire().await.map_err(Failed::unsent)?),
    })
}

impl Queue {
    /// Whether so many workers have enough to do.
    fn has_work_for(&self, workers: u32) -> bool {
        workers <= WORKERS || self.jobs.len() >= TOGETHER
    }

    /// Jobs that may travel together. Who has to wait stays in front: the next call takes it first.
    fn take(&mut self) -> Vec<Job> {
        let (mut taken, mut left) = (Vec::<Job>::new(), VecDeque::new());
        let (mut appends, mut keys, mut bytes) = (0, 0, 0);
        for _ in 0..SEARCHED {
            let Some(job) = self.jobs.pop_front() else { break };
            if job.answer.is_closed() {
                continue;
            }
            let sums = (appends + job.appends.len(), keys + job.locks.len(), bytes + job.bytes());
            let fits = sums.0 <= TOGETHER && sums.1 <= KEYS && sums.2 <= BYTES;
            let alike = taken.first().is_none_or(|first| fits && first.inline == job.inline);
            if alike && !taken.iter().any(|earlier| earlier.may_refuse(&job)) {
                (appends, keys, bytes) = sums;
                taken.push(job);
            } else {
                left.push_back(job);
            }
            if appends >= TOGETHER {
                break;
            }
        }
        left.append(&mut self.jobs);
        self.jobs = left;
        taken
    }
}

impl Job {
    fn new(
        appends: Vec<Append>,
        locks: Locks,
        answer: oneshot::Sender<Result<AppendOutcome, Error>>,
    ) -> Self {
        let mut inline: Vec<String> = appends.iter().flat_map(brought).collect();
        inline.sort_unstable();
        inline.dedup();
        Self { appends, locks, inline, answer }
    }

    fn answer(self, answer: Result<AppendOutcome, Error>) {
        // The caller may have gone; its appends stand.
        drop(self.answer.send(answer));
    }

    /// Whether a later job could be refused, or answered otherwise, because of this one.
    fn may_refuse(&self, later: &Self) -> bool {
        let later = &later.appends;
        self.appends.iter().any(|one| later.iter().any(|other| may_refuse(one, other)))
    }

    fn bytes(&self) -> usize {
        let events = self.appends.iter().flat_map(|append| &append.events);
        events.map(|draft| draft.data().as_str().len()).sum()
    }
}

fn may_refuse(one: &Append, later: &Append) -> bool {
    let same_id = match (&one.key, &later.key) {
        (Some(one), Some(other)) => one.id() == other.id(),
        _ => false,
    };
    same_id
        || one.events.iter().any(|draft| {
            let mut conditions = later.conditions.iter();
            conditions.any(|condition| condition.criteria.matches(draft.name(), draft.tags()))
        })
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

    use super::*;
    use crate::keys::Keys;

    fn tag(value: usize) -> Tag {
        Tag::new("a", value).unwrap()
    }

    /// Writes one tag, watches another.
    fn append(written: usize, watched: Option<usize>) -> Append {
        let draft = Draft::new("noted", 1, [tag(written)], Payload::parse("{}").unwrap()).unwrap();
        let criteria = watched.map(|value| Criteria::from(Item::any().tag(tag(value))));
        let conditions = criteria.map(|criteria| Condition { criteria, marker: Marker::START });
        Append { events: vec![draft], conditions: conditions.into_iter().collect(), ..Append::default() }
    }

    type Answers = Vec<oneshot::Receiver<Result<AppendOutcome, Error>>>;

    fn queue(appends: Vec<Append>) -> (Queue, Answers) {
        queue_of(appends.into_iter().map(|append| vec![append]).collect())
    }

    fn queue_of(all: Vec<Vec<Append>>) -> (Queue, Answers) {
        let mut answers = Vec::new();
        let jobs = all.into_iter().map(|appends| {
            let (answer, answered) = oneshot::channel();
            answers.push(answered);
            let locks = Keys::new("annalist").locks(&appends);
            Job::new(appends, locks, answer)
        });
        (Queue { jobs: jobs.collect(), ..Queue::default() }, answers)
    }

    fn written(jobs: &[Job]) -> Vec<&str> {
        let appends = jobs.iter().flat_map(|job| &job.appends);
        appends.map(|append| append.events[0].tags()[0].value()).collect()
    }

    #[test]
    fn who_may_be_refused_because_of_another_travels_later() {
        let (mut queue, _answers) = queue(vec![
            append(1, None),
            append(2, Some(1)),
            append(3, Some(4)),
            append(4, Some(9)),
            append(5, Some(2)),
        ]);
        assert_eq!(written(&queue.take()), ["1", "3", "4", "5"]);
        assert_eq!(written(&queue.take()), ["2"]);
        assert!(queue.take().is_empty());
    }

    #[test]
    fn two_workers_take_what_there_is_and_others_full_calls() {
        let (few, _answers) = queue((1..TOGETHER).map(|value| append(value, None)).collect());
        assert!(few.has_work_for(2) && !few.has_work_for(3));
        let (many, _answers) = queue((0..TOGETHER).map(|value| append(value, None)).collect());
        assert!(many.has_work_for(3));
    }

    #[test]
    fn only_those_travel_together_that_fold_the_same() {
        let (mut queue, _answers) = queue((1..6).map(|value| append(value, None)).collect());
        for (job, builds) in queue.jobs.iter_mut().zip(["a 1 0", "", "a 1 0", "b 1 0", ""]) {
            job.inline = builds.split_terminator(',').map(str::to_owned).collect();
        }
        assert_eq!(written(&queue.take()), ["1", "3"]);
        assert_eq!(written(&queue.take()), ["2", "5"]);
        assert_eq!(written(&queue.take()), ["4"]);
    }

    #[test]
    fn those_that_stand_together_travel_together_whatever_they_watch() {
        let (mut queue, _answers) = queue_of(vec![
            vec![append(1, Some(1)), append(1, Some(1))],
            vec![append(2, Some(3)), append(3, Some(2))],
            vec![append(4, None), append(5, Some(3))],
            (6..AT_ONCE + 6).map(|value| append(value, None)).collect(),
            (100..AT_ONCE + 100).map(|value| append(value, None)).collect(),
        ]);
        let first = queue.take();
        assert_eq!(written(&first[..2]), ["1", "1", "2", "3"]);
        assert_eq!(first[2].appends.len(), AT_ONCE);
        let second = queue.take();
        assert_eq!(written(&second[..1]), ["4", "5"]);
        assert_eq!(second[1].appends.len(), AT_ONCE);
        assert!(queue.take().is_empty());
    }

    #[test]
    fn one_id_travels_once() {
        let name = |text: &'static str| Name::new("name", text).unwrap();
        let twice: Vec<Append> = (1..3)
            .map(|value| Append {
                key: Some(CommandKey::new(name("c"), name("note"), [])),
                ..append(value, None)
            })
            .collect();
        let (mut queue, _answers) = queue(twice);
        assert_eq!(written(&queue.take()), ["1"]);
        assert_eq!(written(&queue.take()), ["2"]);
    }

    #[test]
    fn a_call_has_bounds_and_callers_who_have_gone_are_forgotten() {
        let (mut queue, mut answers) = queue((0..1000).map(|value| append(value, None)).collect());
        answers.drain(..10);
        let mut calls = Vec::new();
        loop {
            let jobs = queue.take();
            let keys: usize = jobs.iter().map(|job| job.locks.len()).sum();
            assert!(jobs.len() <= TOGETHER && keys <= KEYS);
            if jobs.is_empty() {
                break;
            }
            calls.extend(written(&jobs).into_iter().map(str::to_owned));
        }
        assert!(calls.iter().map(|value| value.parse::<usize>().unwrap()).eq(10..1000));
    }
}
