//! Background tasks that work while a case observes the log.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::task::JoinHandle;

use super::concurrency::{run_concurrently, yield_now};
use crate::failure::{Outcome, panicked};

/// One round of a worker.
pub(crate) type Round = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Background tasks that repeat a round until the test stops them.
pub(crate) struct Workers {
    shared: Arc<Shared>,
    task: JoinHandle<Outcome<Vec<()>>>,
    /// The number of rounds at the last [`Workers::wait_for_progress`].
    seen_rounds: usize,
}

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    rounds: AtomicUsize,
    may_stop: AtomicBool,
}

impl Workers {
    /// Starts the workers. Each completes this many rounds and then continues until it may stop, for at most twenty
    /// times as many.
    pub(crate) fn start<W>(workers: Vec<W>, rounds: usize) -> Self
    where
        W: FnMut(usize) -> Round + Send + 'static,
    {
        let shared = Arc::new(Shared { running: AtomicUsize::new(workers.len()), ..Shared::default() });
        let tasks = workers.into_iter().map(|mut worker| {
            let running = RunningGuard(Arc::clone(&shared));
            async move {
                let RunningGuard(shared) = &running;
                for round in 0..rounds.saturating_mul(20) {
                    if round >= rounds && shared.may_stop.load(SeqCst) {
                        break;
                    }
                    worker(round).await?;
                    shared.rounds.fetch_add(1, SeqCst);
                    yield_now().await;
                }
                Ok(())
            }
        });
        let task = tokio::spawn(run_concurrently(tasks.collect::<Vec<_>>()));
        Self { shared, task, seen_rounds: 0 }
    }

    /// Waits until another round was completed, or no worker is running any more.
    pub(crate) async fn wait_for_progress(&mut self) {
        while self.shared.running.load(SeqCst) > 0 {
            let rounds = self.shared.rounds.load(SeqCst);
            if rounds != self.seen_rounds {
                self.seen_rounds = rounds;
                return;
            }
            yield_now().await;
        }
    }

    /// Lets the workers stop, waits for all of them and returns the first failure.
    pub(crate) async fn finish(self) -> Outcome {
        self.shared.may_stop.store(true, SeqCst);
        self.task.await.map_err(panicked)?.map(drop)
    }
}

/// Counts a running worker until it is dropped.
struct RunningGuard(Arc<Shared>);

impl Drop for RunningGuard {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}
