//! One watcher of a log for all feeds of a process.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::sync::{Notify, watch};

use crate::{record::Position, store::EventStore};

/// The shortest and the longest pause between two looks at a log that does not move.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));

/// Knows up to where a log is settled, and wakes those who wait for more. It looks at the log only while somebody waits.
#[derive(Debug)]
pub struct Hub {
    store: Arc<dyn EventStore>,
    settled: watch::Sender<Position>,
    /// The last position that this process had acknowledged.
    acknowledged: watch::Sender<Position>,
    /// Rings when there is a reason to look at once.
    bell: Arc<Notify>,
}

impl Hub {
    /// Watches a log, as long as the hub lives.
    pub fn new(store: Arc<dyn EventStore>) -> Arc<Self> {
        let (settled, acknowledged) = (watch::Sender::default(), watch::Sender::default());
        let bell = Arc::new(Notify::new());
        let hub = Arc::new(Self { store, settled, acknowledged, bell: Arc::clone(&bell) });
        tokio::spawn(keep_looking(Arc::downgrade(&hub), bell));
        hub
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
        self.bell.notify_one();
    }

    /// The last position that this process had acknowledged.
    pub fn acknowledged(&self) -> Position {
        *self.acknowledged.borrow()
    }

    /// Waits until the log is settled beyond a position.
    pub async fn settled_beyond(&self, position: Position) {
        let mut settled = self.settled.subscribe();
        self.bell.notify_one();
        // The sender lives as long as `self`, so this ends by being fulfilled.
        let _ = settled.wait_for(|settled| *settled > position).await;
    }

    fn somebody_waits(&self) -> bool {
        self.settled.receiver_count() > 0
    }

    /// Looks once. Gives whether the log had moved.
    async fn look(&self) -> bool {
        match self.store.settled().await {
            Ok(settled) => self.settled.send_if_modified(|known| {
                let moved = settled.position > *known;
                *known = settled.position.max(*known);
                moved
            }),
            Err(error) => {
                tracing::debug!(%error, "could not look how far the log is settled");
                false
            }
        }
    }
}

impl Drop for Hub {
    /// The watcher wakes, finds the hub gone, and ends.
    fn drop(&mut self) {
        self.bell.notify_one();
    }
}

/// Looks at the log while somebody waits: at once when the bell rings, else after pauses that grow while nothing moves.
/// The hub is not held while pausing.
async fn keep_looking(hub: Weak<Hub>, bell: Arc<Notify>) {
    let (shortest, longest) = PAUSES;
    let mut pause = shortest;
    while let Some(hub) = hub.upgrade() {
        let waits = hub.somebody_waits();
        if waits && hub.look().await {
            pause = shortest;
            continue;
        }
        drop(hub);
        let rang = if waits {
            tokio::time::timeout(pause, bell.notified()).await.is_ok()
        } else {
            bell.notified().await;
            true
        };
        pause = if rang { shortest } else { (pause * 2).min(longest) };
    }
}
