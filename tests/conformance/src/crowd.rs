//! Tasks at work while a case looks on.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::task::JoinHandle;

use crate::{
    failure::{Outcome, panicked},
    log::{room_for_others, together},
};

/// One round of a member, as its function makes it.
pub(crate) type Round = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Tasks that do the same again and again, until nobody looks on any more.
pub(crate) struct Crowd {
    shared: Arc<Shared>,
    task: JoinHandle<Outcome<Vec<()>>>,
    seen: usize,
}

#[derive(Default)]
struct Shared {
    busy: AtomicUsize,
    done: AtomicUsize,
    may_stop: AtomicBool,
}

impl Crowd {
    /// Each member plays so many rounds, and then goes on until it may stop, twenty times as long at most.
    pub(crate) fn at_work<M>(members: Vec<M>, rounds: usize) -> Self
    where
        M: FnMut(usize) -> Round + Send + 'static,
    {
        let shared = Arc::new(Shared { busy: AtomicUsize::new(members.len()), ..Shared::default() });
        let tasks = members.into_iter().map(|mut member| {
            let busy = Busy(Arc::clone(&shared));
            async move {
                let Busy(shared) = &busy;
                for round in 0..rounds.saturating_mul(20) {
                    if round >= rounds && shared.may_stop.load(SeqCst) {
                        break;
                    }
                    member(round).await?;
                    shared.done.fetch_add(1, SeqCst);
                    room_for_others().await;
                }
                Ok(())
            }
        });
        let task = tokio::spawn(together(tasks.collect::<Vec<_>>()));
        Self { shared, task, seen: 0 }
    }

    /// Waits until some more was done, or nobody is at work any more.
    pub(crate) async fn moves(&mut self) {
        while self.shared.busy.load(SeqCst) > 0 {
            let done = self.shared.done.load(SeqCst);
            if done != self.seen {
                self.seen = done;
                return;
            }
            room_for_others().await;
        }
    }

    /// Nobody looks on any more: waits for all, and gives the first failure.
    pub(crate) async fn end(self) -> Outcome {
        self.shared.may_stop.store(true, SeqCst);
        self.task.await.map_err(panicked)?.map(drop)
    }
}

/// Counts a member out when it ends, however it does.
struct Busy(Arc<Shared>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, SeqCst);
    }
}
