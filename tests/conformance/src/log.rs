//! What a case works with: a log of its own, and handles to it.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    ops::Deref,
    panic::Location,
    sync::{Arc, Mutex},
};

use annalist_core::{
    criteria::Criteria,
    record::{Position, Record},
    store::{Append, AppendOutcome, Batch, EventStore, Page, Read, Receipt},
};
use tokio::sync::Barrier;

use crate::{
    Failure, Settings,
    failure::{Outcome, panicked},
    store_under_test::{LogFactory, TestLog},
};

/// All the logs of one case.
pub(crate) struct Logs {
    factory: Box<dyn LogFactory>,
    settings: Settings,
    created: Mutex<Vec<Arc<dyn TestLog>>>,
}

impl Logs {
    pub(crate) fn new(factory: impl LogFactory + 'static, settings: Settings) -> Arc<Self> {
        Arc::new(Self { factory: Box::new(factory), settings, created: Mutex::default() })
    }

    /// Removes every log of the case.
    pub(crate) async fn remove(&self) -> Outcome {
        let created = std::mem::take(&mut *self.created.lock().unwrap());
        for test_log in created {
            test_log.remove().await?;
        }
        Ok(())
    }
}

/// A log that only one case uses, with a first handle to it.
pub(crate) struct Log {
    logs: Arc<Logs>,
    test_log: Arc<dyn TestLog>,
    handle: Handle,
}

impl Log {
    pub(crate) async fn new(logs: &Arc<Logs>) -> Outcome<Self> {
        let test_log = logs.factory.create().await?;
        logs.created.lock().unwrap().push(Arc::clone(&test_log));
        let handle = Handle(test_log.open().await?);
        Ok(Self { logs: Arc::clone(logs), test_log, handle })
    }

    /// Another log, empty too.
    pub(crate) async fn another(&self) -> Outcome<Self> {
        Self::new(&self.logs).await
    }

    /// Another handle to this log, as another process would have it.
    pub(crate) async fn reopen(&self) -> Outcome<Handle> {
        Ok(Handle(self.test_log.open().await?))
    }

    /// This many handles to this log.
    pub(crate) async fn handles(&self, count: usize) -> Outcome<Vec<Handle>> {
        let mut handles = vec![self.handle.clone()];
        while handles.len() < count {
            handles.push(self.reopen().await?);
        }
        Ok(handles)
    }

    /// The same log after its only handle was dropped.
    pub(crate) async fn restarted(self) -> Outcome<Self> {
        let Self { logs, test_log, handle } = self;
        drop(handle);
        let handle = Handle(test_log.open().await?);
        Ok(Self { logs, test_log, handle })
    }

    /// How often to do something that is done `usual` times in a usual run.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        usual.saturating_mul(self.logs.settings.scale)
    }

    /// Random choices that depend on the run's seed and on what they are for.
    pub(crate) fn random(&self, purpose: impl Hash) -> fastrand::Rng {
        let mut hasher = DefaultHasher::new();
        (self.logs.settings.seed, purpose).hash(&mut hasher);
        fastrand::Rng::with_seed(hasher.finish())
    }
}

impl Deref for Log {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

/// A handle to a log: the store, and the questions that cases ask again and again.
#[derive(Clone)]
pub(crate) struct Handle(Arc<dyn EventStore>);

impl Deref for Handle {
    type Target = dyn EventStore;

    fn deref(&self) -> &(dyn EventStore + 'static) {
        &*self.0
    }
}

impl Handle {
    pub(crate) fn new(store: Arc<dyn EventStore>) -> Self {
        Self(store)
    }

    /// The store itself.
    pub(crate) fn store(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.0)
    }

    /// Appends what must be accepted now.
    #[track_caller]
    pub(crate) fn accepted(&self, append: Append) -> impl Future<Output = Outcome<Receipt>> {
        asked(Location::caller(), async move {
            match self.append_one(append).await? {
                AppendOutcome::Appended(receipt) => Ok(receipt),
                other => {
                    Err(Failure::new(format!("the append must be accepted, but the answer is {other:?}")))
                }
            }
        })
    }

    /// Appends what must be known already.
    #[track_caller]
    pub(crate) fn known(&self, append: Append) -> impl Future<Output = Outcome<Receipt>> {
        asked(Location::caller(), async move {
            match self.append_one(append).await? {
                AppendOutcome::Duplicate { receipt, .. } => Ok(receipt),
                other => Err(Failure::new(format!(
                    "the command id was accepted before, but the answer is {other:?}"
                ))),
            }
        })
    }

    /// Appends what must be refused; gives the number of the condition and the position it met.
    #[track_caller]
    pub(crate) fn conflict(&self, append: Append) -> impl Future<Output = Outcome<(usize, Position)>> {
        asked(Location::caller(), async move {
            match self.append_one(append).await? {
                AppendOutcome::Conflict { condition, conflicting_position, .. } => {
                    Ok((condition, conflicting_position))
                }
                other => Err(Failure::new(format!("a condition fails, but the answer is {other:?}"))),
            }
        })
    }

    /// Reads one set of criteria.
    #[track_caller]
    pub(crate) fn look(&self, read: Read) -> impl Future<Output = Outcome<Batch>> {
        asked(Location::caller(), async move {
            let mut batches = self.read(std::slice::from_ref(&read)).await?;
            ensure_eq!(batches.len(), 1, "one read gives one batch");
            Ok(batches.remove(0))
        })
    }

    /// Everything in the log.
    pub(crate) async fn everything(&self) -> Outcome<Vec<Record>> {
        Ok(self.look(Read::all(Criteria::all())).await?.records)
    }

    /// Reads a feed from a position until it has passed `end`, whose append must be acknowledged; gives all records.
    ///
    /// Only a full page or an unfinished append may stop a feed before `end`, so this ends, or the case is stuck.
    #[track_caller]
    pub(crate) fn drain(
        &self,
        filter: &Criteria,
        mut after: Position,
        limit: usize,
        end: Position,
    ) -> impl Future<Output = Outcome<Vec<Record>>> {
        asked(Location::caller(), async move {
            let mut records = Vec::new();
            loop {
                let page = self.page(filter, after, limit).await?;
                records.extend(page.records);
                if page.up_to >= end {
                    return Ok(records);
                }
                pause_if(page.up_to == after).await;
                after = page.up_to;
            }
        })
    }

    /// One page of a feed, checked for what must hold of every page by itself.
    #[track_caller]
    pub(crate) fn page(
        &self,
        filter: &Criteria,
        after: Position,
        limit: usize,
    ) -> impl Future<Output = Outcome<Page>> {
        asked(Location::caller(), async move {
            let page = self.feed(filter, after, limit).await?;
            let Page { records, up_to, .. } = &page;
            ensure!(records.len() <= limit, "a page of at most {limit} has {} records", records.len());
            ensure!(*up_to >= after, "a page behind {after} ends before it, at {up_to}");
            let mut last = after;
            for record in records {
                ensure!(
                    record.position > last,
                    "in a page behind {after}, {} follows {last}",
                    record.position
                );
                ensure!(
                    filter.matches(&record.name, &record.tags),
                    "the feed of {filter:?} gives {record:?}, which does not match"
                );
                last = record.position;
            }
            ensure!(last <= *up_to, "a page up to {up_to} has a record at {last}");
            if records.len() == limit && limit > 0 {
                ensure_eq!(*up_to, last, "a full page ends at its last record");
            }
            Ok(page)
        })
    }

    /// Waits until the log is settled up to a position whose append is acknowledged.
    #[track_caller]
    pub(crate) fn settle(&self, position: Position) -> impl Future<Output = Outcome> {
        asked(Location::caller(), async move {
            while self.settled().await?.position < position {
                pause_if(true).await;
            }
            Ok(())
        })
    }
}

/// The outcome of a question; a failure tells the line of the case that asked it.
pub(crate) async fn asked<T>(
    at: &'static Location<'static>,
    question: impl Future<Output = Outcome<T>>,
) -> Outcome<T> {
    question.await.map_err(|failure| failure.asked_at(at))
}

/// Lets other tasks run between a read and what follows from it, also on a store that never waits.
pub(crate) async fn room_for_others() {
    tokio::task::yield_now().await;
}

/// Leaves the processor to others before the same question is asked again. Nothing is proved by the time that passes.
pub(crate) async fn pause_if(unchanged: bool) {
    if unchanged {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// Runs tasks side by side and gives their answers in the order of the tasks, or the first failure. None begins before
/// all are there: the first could else be through before the last has been made.
pub(crate) async fn together<T, F>(tasks: impl IntoIterator<Item = F>) -> Outcome<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = Outcome<T>> + Send + 'static,
{
    let tasks: Vec<_> = tasks.into_iter().collect();
    let start = Arc::new(Barrier::new(tasks.len()));
    let begin = |task: F| {
        let start = Arc::clone(&start);
        tokio::spawn(async move {
            start.wait().await;
            task.await
        })
    };
    let tasks: Vec<_> = tasks.into_iter().map(begin).collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.map_err(panicked)??);
    }
    Ok(answers)
}
