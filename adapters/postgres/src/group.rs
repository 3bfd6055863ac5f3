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
    store::{Append, Appended},
};
use tokio::sync::{Semaphore, oneshot};

use crate::{
    Store,
    error::{append_failed, blames_input, failed},
    inline::brought,
    keys::Locks,
};

/// Most workers of one process, each with a connection. More bring nothing.
const WORKERS: u32 = 4;
/// Most appends that wait. The next callers wait until they may wait.
const WAITING: usize = 4096;
/// Most appends that travel together.
const TOGETHER: usize = 128;
/// Most locks of one call: all workers together take a small part of the server's lock table.
const KEYS: usize = 400;
/// Most bytes of payload of one call, unless a single append has more.
const BYTES: usize = 1 << 20;
/// How many waiting appends a worker looks at to fill its call.
const SEARCHED: usize = 512;

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

/// An append with its caller.
pub(crate) struct Job {
    pub(crate) append: Append,
    pub(crate) locks: Locks,
    /// The inline builds that it folds. Only such travel together as fold the same.
    pub(crate) inline: Vec<String>,
    answer: oneshot::Sender<Result<Appended, Error>>,
}

impl Group {
    /// At most half of the connections: the other half is for those who read.
    pub(crate) fn new(connections: u32) -> Self {
        Self {
            queue: Mutex::default(),
            room: Semaphore::new(WAITING),
            most_workers: (connections / 2).clamp(1, WORKERS),
        }
    }

    /// Nothing in here panics half way.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    pub(crate) async fn append(self: &Arc<Self>, append: Append) -> Result<Appended, Error> {
        let doing = || self.doing("append to");
        let _place = self.group.room.acquire().await.map_err(|error| Error::unavailable(doing(), error))?;
        let (answer, answered) = oneshot::channel();
        let locks = self.keys.locks(&append);
        let inline = brought(&append);
        self.enqueue(Job { append, locks, inline, answer });
        // A worker that ends without an answer may have sent the append.
        answered.await.unwrap_or_else(|error| Err(Error::unknown(doing(), error)))
    }

    fn enqueue(self: &Arc<Self>, job: Job) {
        let mut queue = self.group.queue();
        queue.jobs.push_back(job);
        if queue.workers < self.group.most_workers {
            queue.workers += 1;
            tokio::spawn(work(Worker { store: Arc::clone(self), counted: true }));
        }
    }

    async fn carry(self: &Arc<Self>, jobs: Vec<Job>) {
        let sent = match jobs.iter().all(|job| job.inline.is_empty()) {
            true => self.send(&jobs).await,
            false => self.send_and_fold(&jobs).await,
        };
        match sent {
            Ok(answers) => self.answer(jobs, answers).await,
            // One of them asks for what cannot be kept or folded, and must not spoil it for the others.
            Err(failed) if jobs.len() > 1 && failed.blames_one() => {
                for job in jobs {
                    Box::pin(self.carry(vec![job])).await;
                }
            }
            Err(failed) => failed.tell(jobs, &self.doing("append to")),
        }
        Self::close_holes(self);
    }

    async fn answer(self: &Arc<Self>, jobs: Vec<Job>, answers: Vec<Result<Appended, Error>>) {
        if answers.iter().any(has_written) {
            Self::tell(self);
        }
        for (job, answer) in jobs.into_iter().zip(answers) {
            let answer = match answer {
                Ok(Appended::Inline(_)) => self.inline_of(&job.append).await.map(Appended::Inline),
                answer => answer,
            };
            job.answer(answer);
        }
    }
}

fn has_written(answer: &Result<Appended, Error>) -> bool {
    matches!(answer, Ok(Appended::Done(receipt)) if !receipt.events.is_empty())
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

/// Lives as long as there is something to take.
struct Worker {
    store: Arc<Store>,
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
        let jobs = worker.take();
        if jobs.is_empty() {
            break;
        }
        worker.store.carry(jobs).await;
    }
}

impl Worker {
    /// The next call; if there is none, the worker is not counted any more, so that whoever comes next starts another.
    fn take(&mut self) -> Vec<Job> {
        let mut queue = self.store.group.queue();
        let jobs = queue.take();
        if jobs.is_empty() {
            queue.workers -= 1;
            self.counted = false;
        }
        jobs
    }
}

impl Queue {
    /// Appends that may travel together. Who has to wait stays in front: the next call takes it first.
    fn take(&mut self) -> Vec<Job> {
        let (mut taken, mut left) = (Vec::new(), VecDeque::new());
        let (mut keys, mut bytes) = (0, 0);
        for _ in 0..SEARCHED {
            let Some(job) = self.jobs.pop_front() else { break };
            if job.answer.is_closed() {
                continue;
            }
            keys += job.locks.len();
            bytes += job.bytes();
            let fits = taken.is_empty() || (keys <= KEYS && bytes <= BYTES);
            let alike = taken.first().is_none_or(|first: &Job| first.inline == job.inline);
            if fits && alike && !taken.iter().any(|earlier: &Job| earlier.may_refuse(&job)) {
                taken.push(job);
            } else {
                keys -= job.locks.len();
                bytes -= job.bytes();
                left.push_back(job);
            }
            if taken.len() == TOGETHER {
                break;
            }
        }
        left.append(&mut self.jobs);
        self.jobs = left;
        taken
    }
}

impl Job {
    fn answer(self, answer: Result<Appended, Error>) {
        // The caller may have gone; its append stands.
        drop(self.answer.send(answer));
    }

    /// Whether a later append could be refused, or answered otherwise, because of this one.
    fn may_refuse(&self, later: &Self) -> bool {
        let same_id = match (&self.append.key, &later.append.key) {
            (Some(one), Some(other)) => one.id() == other.id(),
            _ => false,
        };
        same_id
            || self.append.events.iter().any(|draft| {
                let mut conditions = later.append.conditions.iter();
                conditions.any(|condition| condition.criteria.matches(draft.name(), draft.tags()))
            })
    }

    fn bytes(&self) -> usize {
        self.append.events.iter().map(|draft| draft.data().as_str().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use annalist_core::{
        payload::Payload,
        query::{Criteria, Item},
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

    fn queue(appends: Vec<Append>) -> (Queue, Vec<oneshot::Receiver<Result<Appended, Error>>>) {
        let mut answers = Vec::new();
        let jobs = appends.into_iter().map(|append| {
            let (answer, answered) = oneshot::channel();
            answers.push(answered);
            Job { locks: Keys::new("annalist").locks(&append), append, inline: vec![], answer }
        });
        (Queue { jobs: jobs.collect(), workers: 0 }, answers)
    }

    fn written(jobs: &[Job]) -> Vec<&str> {
        jobs.iter().map(|job| job.append.events[0].tags()[0].value()).collect()
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
