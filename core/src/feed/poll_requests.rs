//! Requests to poll a log: at once, or soon for a new waiter. They are made only if there are waiters: otherwise an append wakes no
//! task.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Requests to poll a log, and the number of waiters for more events.
#[derive(Debug, Default)]
pub(super) struct PollRequests {
    waiters: AtomicUsize,
    requested: Notify,
    came: Notify,
}

/// Counts as a waiter until it is dropped.
#[derive(Debug)]
pub(super) struct Waiter<'a>(&'a PollRequests);

impl PollRequests {
    /// Adds a waiter, for which the log is polled soon.
    pub(super) fn add_waiter(&self) -> Waiter<'_> {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        self.came.notify_one();
        Waiter(self)
    }

    pub(super) fn has_waiters(&self) -> bool {
        self.waiters.load(Ordering::SeqCst) > 0
    }

    /// Requests a poll because events were appended, if there are waiters.
    ///
    /// No event is missed: a waiter is counted before the poll for it, and the waiters are read after the append. If this call does not
    /// see a waiter, then the poll for that waiter begins after the append, and sees its events.
    pub(super) fn appended(&self) {
        if self.has_waiters() {
            self.request();
        }
    }

    /// Requests a poll.
    pub(super) fn request(&self) {
        self.requested.notify_one();
    }

    /// Waits for a request. Requests that were made before count as one.
    pub(super) async fn requested(&self) {
        self.requested.notified().await;
    }

    /// Waits for a new waiter. Waiters that were added before count as one.
    pub(super) async fn waiter_came(&self) {
        self.came.notified().await;
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiters.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        hint::spin_loop,
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicBool, AtomicU64},
        },
    };

    use futures_util::{FutureExt, future::select};
    use tokio::sync::{Barrier, watch};

    use super::*;

    #[tokio::test]
    async fn append_requests_a_poll_only_if_there_are_waiters() {
        let requests = PollRequests::default();
        let is_requested = || requests.requested().now_or_never().is_some();
        let has_come = || requests.waiter_came().now_or_never().is_some();
        requests.appended();
        assert!(!is_requested() && !has_come());

        let (first, second) = (requests.add_waiter(), requests.add_waiter());
        assert!(has_come() && !has_come() && !is_requested());
        drop(first);
        requests.appended();
        assert!(is_requested());

        drop(second);
        requests.appended();
        assert!(!is_requested());
    }

    /// Polls a log only when requested or for a new waiter, never after a time, so a waiter that misses its event waits forever.
    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn waiter_that_comes_during_an_append_does_not_miss_it() {
        const APPENDS: u64 = 5_000;
        let requests = Arc::new(PollRequests::default());
        let (log, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let settled = Arc::new(watch::Sender::new(0));
        let start = Arc::new(Barrier::new(2));

        let poll = tokio::spawn({
            let (requests, log) = (Arc::clone(&requests), Arc::clone(&log));
            let (settled, is_over) = (Arc::clone(&settled), Arc::clone(&is_over));
            async move {
                while !is_over.load(Ordering::SeqCst) {
                    if requests.has_waiters() {
                        settled.send_replace(log.load(Ordering::SeqCst));
                    }
                    select(pin!(requests.requested()), pin!(requests.waiter_came())).await;
                }
            }
        });
        let append = tokio::spawn({
            let (requests, start) = (Arc::clone(&requests), Arc::clone(&start));
            async move {
                for number in 1..=APPENDS {
                    start.wait().await;
                    (0..fastrand::u8(..)).for_each(|_| spin_loop());
                    log.store(number, Ordering::SeqCst);
                    requests.appended();
                }
            }
        });
        for number in 1..=APPENDS {
            start.wait().await;
            (0..fastrand::u8(..)).for_each(|_| spin_loop());
            let mut settled = settled.subscribe();
            let _waiter = requests.add_waiter();
            settled.wait_for(|settled| *settled >= number).await.unwrap();
        }
        append.await.unwrap();
        is_over.store(true, Ordering::SeqCst);
        requests.request();
        poll.await.unwrap();
    }
}
