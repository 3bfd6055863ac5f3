//! One watcher of a log for all feeds of a process.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Weak},
    task::Poll,
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use crate::{
    record::Position,
    store::{EventStore, Wakeups},
};

/// The shortest pause between two looks at a log that does not move.
const SHORTEST: Duration = Duration::from_millis(2);
/// The longest one.
const LONGEST: Duration = Duration::from_millis(50);
/// The longest one while the store tells of what others append.
const LONGEST_HINTED: Duration = Duration::from_millis(250);

/// Knows up to where a log is settled, and wakes those who wait for more. It looks at the log only while somebody waits.
#[derive(Debug)]
pub struct LogWatcher {
    store: Arc<dyn EventStore>,
    settled: watch::Sender<Position>,
    /// The last position that this process had acknowledged.
    acknowledged: watch::Sender<Position>,
    /// Rings when there is a reason to look at once.
    wakeup: Arc<Notify>,
}

impl LogWatcher {
    /// Watches a log, as long as the hub lives.
    pub fn new(store: Arc<dyn EventStore>) -> Arc<Self> {
        let (settled, acknowledged) = (watch::Sender::default(), watch::Sender::default());
        let wakeup = Arc::new(Notify::new());
        let watcher = Arc::new(Self { store, settled, acknowledged, wakeup: Arc::clone(&wakeup) });
        tokio::spawn(poll_loop(Arc::downgrade(&watcher), wakeup));
        watcher
    }

    /// The log.
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    /// Says that this process appended something up to a position: the next look comes at once.
    pub fn appended(&self, position: Position) {
        self.acknowledged.send_if_modified(|known| {
            let further = position > *known;
            *known = position.max(*known);
            further
        });
        self.wakeup.notify_one();
    }

    /// The last position that this process had acknowledged.
    pub fn acknowledged(&self) -> Position {
        *self.acknowledged.borrow()
    }

    /// Up to where the log is known to be settled. It may be further.
    pub fn settled(&self) -> Position {
        *self.settled.borrow()
    }

    /// Waits until the log is settled beyond a position.
    pub async fn settled_beyond(&self, position: Position) {
        let mut settled = self.settled.subscribe();
        self.wakeup.notify_one();
        // The sender lives as long as `self`, so this ends by being fulfilled.
        let _ = settled.wait_for(|settled| *settled > position).await;
    }

    fn has_waiters(&self) -> bool {
        self.settled.receiver_count() > 0
    }

    async fn poll(&self) -> PollResult {
        match self.store.settled().await {
            Ok(settled) => {
                let moved = self.settled.send_if_modified(|known| {
                    let moved = settled.position > *known;
                    *known = settled.position.max(*known);
                    moved
                });
                match settled.gap {
                    _ if moved => PollResult::Moved,
                    Some(_) => PollResult::Blocked,
                    None => PollResult::Still,
                }
            }
            Err(error) => {
                tracing::debug!(%error, "could not look how far the log is settled");
                PollResult::Still
            }
        }
    }
}

impl Drop for LogWatcher {
    /// The watcher wakes, finds the hub gone, and ends.
    fn drop(&mut self) {
        self.wakeup.notify_one();
    }
}

/// What a look at the log showed.
enum PollResult {
    /// It is settled further than before.
    Moved,
    /// It stands before a gap.
    Blocked,
    /// There is nothing new.
    Still,
}

/// Why a pause ended.
#[derive(PartialEq, Eq)]
enum WakeReason {
    Bell,
    Hint,
    Time,
}

/// Looks at the log while somebody waits: at once when the bell rings or a hint comes, else after pauses that grow while
/// nothing moves. The hub is not held while pausing.
async fn poll_loop(watcher: Weak<LogWatcher>, wakeup: Arc<Notify>) {
    let (mut wakeups, mut hinted) = (None, false);
    let (mut woken, mut pause) = (WakeReason::Bell, SHORTEST);
    while let Some(watcher) = watcher.upgrade() {
        let wakeups = match watcher.has_waiters() {
            true => Some(wakeups.get_or_insert_with(|| watcher.store.wakeups())),
            false => None,
        };
        if wakeups.is_some() {
            match watcher.poll().await {
                PollResult::Moved => {
                    // It moved and nobody said so: hints are not to be relied on, until the next one comes.
                    hinted &= woken != WakeReason::Time;
                    (woken, pause) = (WakeReason::Bell, SHORTEST);
                    continue;
                }
                // Nobody tells when it is closed.
                PollResult::Blocked => hinted = false,
                PollResult::Still => {}
            }
        }
        drop(watcher);
        woken = wait(&wakeup, wakeups, pause).await;
        hinted |= woken == WakeReason::Hint;
        let longest = if hinted { LONGEST_HINTED } else { LONGEST };
        pause = if woken == WakeReason::Time { (pause * 2).min(longest) } else { SHORTEST };
    }
}

/// Waits until the bell rings; if there is somebody to look for, no longer than a pause or until a hint comes.
async fn wait(wakeup: &Notify, wakeups: Option<&mut Wakeups>, pause: Duration) -> WakeReason {
    let Some(wakeups) = wakeups else {
        wakeup.notified().await;
        return WakeReason::Bell;
    };
    let (mut rung, mut hinted) = (pin!(wakeup.notified()), pin!(wakeups.next()));
    let news = poll_fn(|context| match rung.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(WakeReason::Bell),
        Poll::Pending => hinted.as_mut().poll(context).map(|()| WakeReason::Hint),
    });
    timeout(pause, news).await.unwrap_or(WakeReason::Time)
}
