//! One watcher of a log for all feeds of a process.

use std::{
    fmt,
    future::pending,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    MAX_READ_BYTES,
    poll_requests::PollRequests,
    recorded_times::{ClockJump, RecordedTimes},
    successors::SuccessorCheck,
};
use crate::{
    app_runtime::AppRuntime,
    backoff::Backoff,
    panics::catch_future,
    record::Position,
    store::{EventStore, Wakeups},
    telemetry::LogMetrics,
    time::{Clock, SystemClock, Timestamp},
};

/// The first pause between two polls of a log that does not move, and before the poll for a feed that begins to wait: its last page
/// is so recent that a poll at once would only compete with what the events of that page have caused.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause while the store signals the appends of other processes.
const LONGEST_PAUSE_WITH_WAKEUPS: Duration = Duration::from_millis(250);

/// Observes the settled position of a log and wakes the feeds that wait for more. It polls the store only while one waits.
#[derive(Debug)]
pub struct LogWatcher {
    store: Arc<dyn EventStore>,
    end: watch::Sender<LogEnd>,
    /// The epoch of the log, for tasks that must not make the watcher poll.
    epoch: watch::Sender<u64>,
    /// The last position that this process has appended.
    acknowledged: AtomicU64,
    requests: Arc<PollRequests>,
    times: RecordedTimes,
    /// Since when a gap is before the settled position.
    gap_since: Mutex<Option<Instant>>,
    metrics: LogMetrics,
    clock: AppClock,
    successors: SuccessorCheck,
    runtime: AppRuntime,
    /// The largest number of bytes of payloads that one reader of the log holds.
    max_read_bytes: usize,
}

/// The clock of the app.
struct AppClock(Arc<dyn Clock>);

impl fmt::Debug for AppClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AppClock").finish_non_exhaustive()
    }
}

/// Reports the end of the runtime: it drops the poll loop, although there is a watcher.
struct ReportEndOnDrop(Weak<LogWatcher>);

impl Drop for ReportEndOnDrop {
    fn drop(&mut self) {
        if let Some(watcher) = self.0.upgrade() {
            watcher.runtime.report_end();
        }
    }
}

/// The settled end of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogEnd {
    /// The settled position.
    pub position: Position,
    /// The [epoch](EventStore::epoch) of the log: in another one the position may be lower.
    pub epoch: u64,
}

impl LogEnd {
    /// Returns `true` if a reader that has read up to another end has to read again.
    fn is_news_for(self, other: Self) -> bool {
        self.epoch != other.epoch || self.position > other.position
    }
}

impl LogWatcher {
    /// Watches a log until the watcher is dropped.
    pub fn new(store: Arc<dyn EventStore>) -> Arc<Self> {
        let successors = SuccessorCheck::new(Arc::clone(&store), Arc::default());
        Self::with_options(store, successors, MAX_READ_BYTES, Arc::new(SystemClock))
    }

    /// As [`LogWatcher::new`]; each reader holds at most this many bytes of payloads.
    pub(crate) fn with_options(
        store: Arc<dyn EventStore>,
        successors: SuccessorCheck,
        max_read_bytes: usize,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let epoch = store.epoch();
        let requests = Arc::new(PollRequests::default());
        let watcher = Arc::new(Self {
            store,
            end: watch::Sender::new(LogEnd { position: Position::START, epoch }),
            epoch: watch::Sender::new(epoch),
            acknowledged: AtomicU64::default(),
            requests: Arc::clone(&requests),
            times: RecordedTimes::default(),
            gap_since: Mutex::default(),
            metrics: LogMetrics::new(),
            clock: AppClock(clock),
            successors,
            runtime: AppRuntime::default(),
            max_read_bytes,
        });
        let (weak, report_end) = (Arc::downgrade(&watcher), ReportEndOnDrop(Arc::downgrade(&watcher)));
        tokio::spawn(async move {
            let _report_end = report_end;
            poll_loop(weak, requests).await;
        });
        watcher
    }

    /// The log.
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    /// The largest number of bytes of payloads that one reader of the log holds.
    pub(crate) fn max_read_bytes(&self) -> usize {
        self.max_read_bytes
    }

    /// The successors of event names.
    pub(crate) fn successors(&self) -> &SuccessorCheck {
        &self.successors
    }

    /// The runtime in which the log is watched, and in which all tasks of the app run.
    pub(crate) fn runtime(&self) -> &AppRuntime {
        &self.runtime
    }

    /// Reports that this process appended events up to a position in an epoch of the log. If the store knows that they are settled, the
    /// waiting feeds wake up; else the log is polled at once if a feed waits.
    pub fn appended(&self, position: Position, epoch: u64) {
        let settled = self.store.known_settled();
        if self.store.epoch() != epoch {
            // The positions may be beyond the end of the log.
            return;
        }
        self.acknowledged.fetch_max(position.get(), Ordering::AcqRel);
        let end = LogEnd { position: settled, epoch };
        self.end.send_if_modified(|known| {
            // Only a poll moves to another epoch.
            let is_further = known.epoch == epoch && end.is_news_for(*known);
            if is_further {
                *known = end;
            }
            is_further
        });
        let known = self.end();
        if known.epoch != epoch || known.position < position {
            self.requests.appended();
        }
    }

    /// The age of an event with this recorded time, by the clock of the app.
    pub(crate) fn age_of(&self, recorded_at: Timestamp) -> Duration {
        let age = self.clock.0.now().as_micros().saturating_sub(recorded_at.as_micros());
        Duration::from_micros(u64::try_from(age).unwrap_or_default())
    }

    /// Takes note of the recorded time of an event of the log.
    pub(crate) fn saw_time(&self, recorded_at: Timestamp) {
        self.times.saw(recorded_at);
    }

    /// Compares the recorded time of an append of this process with the log, and warns if the clock has jumped: `.at(time)` sees no
    /// event after one with a later time.
    pub(crate) fn appended_at(&self, recorded_at: Timestamp) {
        const EFFECT: &str = "`.at(time)` does not see events after one with a later time; `App::prefix_at` shows how many it hides";
        match self.times.appended(recorded_at) {
            Some(ClockJump::Back(distance)) => tracing::warn!(
                %recorded_at,
                ?distance,
                "the clock of this app is behind the latest event of the log: it was set back, or another clock is ahead; {EFFECT}"
            ),
            Some(ClockJump::Ahead(distance)) => tracing::warn!(
                %recorded_at,
                ?distance,
                "the clock of this app is far ahead of the latest event of the log; if the log was not idle, the clock is wrong; {EFFECT}"
            ),
            None => {}
        }
    }

    /// The last position that this process has appended.
    pub fn acknowledged(&self) -> Position {
        Position::new(self.acknowledged.load(Ordering::Acquire))
    }

    /// The settled position as of the last poll. The log may be settled further.
    pub fn settled(&self) -> Position {
        self.end().position
    }

    /// The settled end of the log as of the last poll.
    pub fn end(&self) -> LogEnd {
        *self.end.borrow()
    }

    /// Waits until the log is settled beyond a position, or has lost events since that was its end, or the runtime of the app has
    /// ended.
    pub async fn settled_beyond(&self, seen: LogEnd) {
        let mut end = self.end.subscribe();
        let _waiter = self.requests.add_waiter();
        if self.acknowledged() > self.settled() {
            // The append may not have seen the waiter.
            self.requests.request();
        }
        // An error would mean that the sender is dropped, but `self` owns it.
        drop(self.runtime.run_until_ended(end.wait_for(|end| end.is_news_for(seen))).await);
    }

    /// Waits until the log is found to have lost events since an epoch.
    pub(crate) async fn epoch_after(&self, epoch: u64) {
        // An error would mean that the sender is dropped, but `self` owns it.
        let _ = self.epoch.subscribe().wait_for(|known| *known != epoch).await;
    }

    async fn poll(&self) -> PollResult {
        let epoch = self.store.epoch();
        // A panic must not end the poll loop.
        let settled = catch_future(self.store.settled()).await;
        match settled.unwrap_or_else(|panic| Err(panic.into_error("the store"))) {
            // The position may be that of either epoch.
            Ok(_) if self.store.epoch() != epoch => PollResult::Moved,
            Ok(settled) => {
                let end = LogEnd { position: settled.position, epoch };
                self.observe_gap(settled.gap.is_some() && !end.is_news_for(self.end()));
                match settled.gap {
                    _ if self.move_to(end) => PollResult::Moved,
                    Some(_) => PollResult::Gap,
                    None => PollResult::Unchanged,
                }
            }
            Err(error) => {
                tracing::debug!(%error, "could not read the settled position of the log");
                PollResult::Unchanged
            }
        }
    }

    /// Measures for how long a gap is before the settled position.
    fn observe_gap(&self, has_gap: bool) {
        let mut since = self.gap_since.lock().unwrap_or_else(PoisonError::into_inner);
        if has_gap {
            let began = *since.get_or_insert_with(Instant::now);
            self.metrics.settled_age(began.elapsed());
        } else if since.take().is_some() {
            self.metrics.settled_age(Duration::ZERO);
        }
    }

    /// Returns `true` if that is news.
    fn move_to(&self, end: LogEnd) -> bool {
        let lost_events = self.end().epoch != end.epoch;
        if lost_events {
            // Before the waiting feeds wake up.
            self.acknowledged.fetch_min(end.position.get(), Ordering::AcqRel);
            self.epoch.send_replace(end.epoch);
        }
        self.end.send_if_modified(|known| {
            let is_news = end.is_news_for(*known);
            if is_news {
                *known = end;
            }
            is_news
        })
    }
}

impl Drop for LogWatcher {
    /// Wakes the poll loop, which then ends.
    fn drop(&mut self) {
        self.requests.request();
    }
}

/// Result of polling the log.
enum PollResult {
    /// It is settled further than before.
    Moved,
    /// A gap in the positions blocks the settled position.
    Gap,
    /// No more events are settled.
    Unchanged,
}

/// Why a pause ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WakeReason {
    /// A caller of this process asked for a poll, or a feed has begun to wait.
    Local,
    /// The store signalled an append of another process.
    Store,
    Timeout,
}

/// Polls the log while a feed waits: at once after a wake-up, else after pauses that grow while the log does not move. Holds
/// no reference to the watcher during a pause.
async fn poll_loop(watcher: Weak<LogWatcher>, requests: Arc<PollRequests>) {
    let (mut store_wakeups, mut trusts_wakeups) = (None, false);
    let (mut reason, mut backoff) = (WakeReason::Local, Backoff::new(FIRST_PAUSE, LONGEST_PAUSE));
    while let Some(watcher) = watcher.upgrade() {
        let wakeups = match requests.has_waiters() {
            true => Some(store_wakeups.get_or_insert_with(|| watcher.store.wakeups())),
            false => None,
        };
        if wakeups.is_some() {
            match watcher.poll().await {
                PollResult::Moved => {
                    // It moved without a wake-up: do not rely on wake-ups until the next one comes.
                    trusts_wakeups &= reason != WakeReason::Timeout;
                    // Another poll at once would compete with the feeds that this one has woken. They request the next one.
                    backoff.reset();
                }
                // No wake-up is sent when a gap closes.
                PollResult::Gap => trusts_wakeups = false,
                PollResult::Unchanged => {}
            }
        }
        drop(watcher);
        let pause = backoff.next_pause();
        reason = wait(&requests, wakeups, pause).await;
        trusts_wakeups |= reason == WakeReason::Store;
        if reason == WakeReason::Timeout {
            backoff.set_longest(if trusts_wakeups { LONGEST_PAUSE_WITH_WAKEUPS } else { LONGEST_PAUSE });
        } else {
            backoff.reset();
        }
    }
}

/// Waits until the log should be polled: without waiting feeds until a feed waits, else at most for a pause.
async fn wait(requests: &PollRequests, mut wakeups: Option<&mut Wakeups>, pause: Duration) -> WakeReason {
    let mut deadline = wakeups.is_some().then(|| (Instant::now() + pause, WakeReason::Timeout));
    loop {
        let (signal, elapsed) = (pin!(signal(requests, wakeups.as_deref_mut())), pin!(elapsed(deadline)));
        match select(signal, elapsed).await {
            Either::Left((Some(reason), _)) | Either::Right((reason, _)) => return reason,
            // A feed has begun to wait. Feeds that follow do not postpone the poll.
            Either::Left((None, _)) => {
                let soon = Instant::now() + FIRST_PAUSE;
                if deadline.is_none_or(|(at, _)| at > soon) {
                    deadline = Some((soon, WakeReason::Local));
                }
            }
        }
    }
}

/// Waits until a deadline, for ever if there is none. Returns the reason of the poll.
async fn elapsed(deadline: Option<(Instant, WakeReason)>) -> WakeReason {
    let Some((at, reason)) = deadline else { return pending().await };
    sleep_until(at).await;
    reason
}

/// Waits for a reason to poll at once, or for a feed that begins to wait (`None`).
async fn signal(requests: &PollRequests, wakeups: Option<&mut Wakeups>) -> Option<WakeReason> {
    let store = pin!(async {
        match wakeups {
            Some(wakeups) => wakeups.next().await,
            None => pending().await,
        }
    });
    let (requested, waiter) = (pin!(requests.requested()), pin!(requests.waiter_came()));
    match select(select(requested, waiter), store).await {
        Either::Left((Either::Left(_), _)) => Some(WakeReason::Local),
        Either::Left((Either::Right(_), _)) => None,
        Either::Right(_) => Some(WakeReason::Store),
    }
}
