//! Keeps one build up to date: reads a batch, lets the handler process it, and commits the result with the checkpoint.

mod observe;
mod publish;
mod retry_newer;
mod save;

use std::{convert::Infallible, num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    BatchHandler, BatchResult, ErrorPolicy, Parking, PoisonEvent, State, Status, Stopped,
    anchor::check_anchor,
    backlog::Backlog,
    claimant::Claimant,
    guarded_feed::GuardedFeed,
    progress_meter::{ProgressCounters, ProgressMeter},
    retry_parked::Retry,
    stop_reason::StopReason,
};
use crate::{
    backoff::Backoff,
    error::{Error, Invalid},
    feed::{LogWatcher, PAGE},
    record::{Position, Record},
    rows::{Anchor, Checkpoint, Parked, RowChange, SharedRows},
    store::FeedPage,
    telemetry::{BatchMetrics, Reminder},
};

/// How long a checkpoint that only skips events of other types waits before it is saved, so that this happens rarely.
const IDLE_SAVE: Duration = Duration::from_millis(100);
/// Pauses before a store that does not respond is tried again.
const RETRY: Backoff = Backoff::new(Duration::from_millis(40), Duration::from_secs(5));

/// Runs one batch handler on one row store. Several runners of one build are safe, in one process or many: the comparison
/// of the checkpoint lets each event through once.
pub struct Runner<H> {
    handler: H,
    feed: GuardedFeed,
    rows: SharedRows,
    error_policy: ErrorPolicy,
    shutdown: CancellationToken,
    /// The claim, if one process at a time runs the follower. Without the claim the runner ends.
    claimant: Option<Arc<Claimant>>,
    status: watch::Sender<Status>,
    /// Notified when the status changes.
    wakeup: Arc<Notify>,
    /// The stored checkpoint, as far as this runner knows.
    saved: Position,
    /// The parked events, as far as this runner knows.
    parking: Parking,
    /// The retry of the parked events that needed a newer program.
    retry: Retry,
    save_at: Instant,
    /// Where to count the events up to the target, until that begins.
    progress: Option<Arc<ProgressCounters>>,
    meter: Option<ProgressMeter>,
    /// The size of the next batch: doubled after each success, small after a failure until the event at fault is found.
    batch: usize,
    /// Whether the build was found to belong to this program and this log: it must not report into it before.
    is_defined: bool,
    /// Why it waits.
    waiting: Reminder,
    backlog: Arc<Backlog>,
    metrics: BatchMetrics,
}

/// Result of a commit.
enum SaveOutcome {
    Done,
    /// Another runner has moved the checkpoint.
    Moved,
    /// The handler itself failed.
    Refused(String),
}

impl<H: BatchHandler> Runner<H> {
    /// A runner that follows the log and has its checkpoint in a row store. The receiver observes its status.
    pub fn new(watcher: Arc<LogWatcher>, rows: SharedRows, handler: H) -> (Self, watch::Receiver<Status>) {
        let (status, receiver) = watch::channel(Status::NEW);
        let runner = Self {
            feed: GuardedFeed::new(watcher, handler.filter()),
            rows,
            error_policy: ErrorPolicy::Stop,
            shutdown: CancellationToken::new(),
            claimant: None,
            status,
            wakeup: Arc::default(),
            saved: Position::START,
            parking: Parking::default(),
            retry: Retry::default(),
            save_at: Instant::now(),
            progress: None,
            meter: None,
            batch: PAGE.min(handler.max_batch()),
            is_defined: false,
            waiting: Reminder::default(),
            backlog: Arc::default(),
            metrics: BatchMetrics::new(handler.table().projection),
            handler,
        };
        (runner, receiver)
    }

    /// Sets what happens to an event that fails.
    #[must_use]
    pub fn error_policy(self, error_policy: ErrorPolicy) -> Self {
        Self { error_policy, ..self }
    }

    /// Ends after the current batch once the token is cancelled.
    pub(super) fn with_shutdown(self, shutdown: CancellationToken) -> Self {
        Self { shutdown, ..self }
    }

    /// Runs while this process holds the claim.
    pub(super) fn with_claimant(self, claimant: Option<Arc<Claimant>>) -> Self {
        Self { claimant, ..self }
    }

    /// Counts the events up to a target.
    pub(super) fn with_progress(self, progress: Arc<ProgressCounters>) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// Reports the first event that is not handled.
    pub(super) fn with_backlog(self, backlog: Arc<Backlog>) -> Self {
        Self { backlog, ..self }
    }

    /// Notifies when the status changes.
    pub(super) fn with_wakeup(self, wakeup: Arc<Notify>) -> Self {
        Self { wakeup, ..self }
    }

    /// Reports this checkpoint until it has loaded the current one.
    pub(super) fn starting_at(mut self, checkpoint: &Checkpoint) -> Self {
        let Checkpoint { position, parked, .. } = *checkpoint;
        self.status.send_modify(|status| (status.position, status.parked) = (position, parked));
        self.parking = Parking::not_loaded(parked);
        self.resume_at(position);
        self
    }

    /// Runs until it is cancelled, an event fails, or it is dropped. A store that does not respond is tried again.
    pub async fn run(mut self) {
        let mut backoff = RETRY;
        loop {
            let position = self.saved;
            match self.follow().await {
                StopReason::Stopped(stopped) => return self.stop(stopped).await,
                StopReason::Ended => return,
                StopReason::Unavailable(error) => {
                    self.log_wait(&error.to_string());
                    self.set_state(State::Waiting { reason: error.to_string() });
                }
                StopReason::RetryLater(reason) => {
                    self.log_wait(&reason);
                    self.set_state(State::Waiting { reason });
                }
            }
            if self.saved > position {
                backoff.reset();
            }
            if self.shutdown.run_until_cancelled(sleep(backoff.next_pause())).await.is_none() {
                return;
            }
        }
    }

    /// Processes all events up to a position and stops there.
    pub(super) async fn run_to(&mut self, end: Position) -> Result<(), Error> {
        let result: Result<(), StopReason> = async {
            self.start().await?;
            while self.feed.position() < end {
                self.check_blocked(self.feed.position()).await?;
                let mut page = self.feed.next(self.batch).await?;
                page.records.retain(|record| record.position <= end);
                page.up_to = page.up_to.min(end);
                self.feed.seek(page.up_to);
                let end = page.up_to;
                self.handle_page(page).await?;
                if self.feed.position() == end {
                    self.save_idle().await?;
                }
            }
            Ok(())
        }
        .await;
        let operation = || format!("bring `{}` to position {end}", self.name());
        match result {
            Ok(()) | Err(StopReason::Ended) => Ok(()),
            Err(StopReason::Unavailable(error)) => Err(error),
            Err(StopReason::RetryLater(reason)) => Err(Error::unavailable(operation(), reason)),
            Err(StopReason::Stopped(stopped)) => Err(Error::unusable(operation(), stopped.to_string())),
        }
    }

    /// Catches up and follows the log, until it cannot go on.
    async fn follow(&mut self) -> StopReason {
        let result: Result<Infallible, StopReason> = async {
            self.start().await?;
            loop {
                if self.shutdown.is_cancelled() {
                    self.save_idle().await?;
                    return Err(StopReason::Ended);
                }
                let before = self.feed.position();
                let page = match self.feed.poll(self.batch).await {
                    // A damaged record fails the page that it is on: smaller pages lead up to it.
                    Err(Error::Invalid(Invalid::Damaged { .. } | Invalid::DamagedSecret { .. }))
                        if self.batch > 1 =>
                    {
                        self.batch /= 2;
                        continue;
                    }
                    page => page?,
                };
                let (up_to, is_last) = (page.up_to, !self.feed.has_more());
                if !page.records.is_empty()
                    && let Err(reason) = self.handle_page(page).await
                {
                    // The page was read and not written: do not report its end as the position.
                    self.feed.restart(before.max(self.saved));
                    return Err(reason);
                }
                self.check_blocked(up_to).await?;
                if self.waiting.clear() {
                    tracing::info!(name = self.name(), position = self.feed.position().get(), "continuing");
                }
                let is_caught_up = is_last && self.feed.position() >= up_to;
                if is_caught_up {
                    self.backlog.set(None);
                }
                self.publish(Some(if is_caught_up { State::CaughtUp } else { State::CatchingUp }));
                if is_caught_up {
                    // Returns at once if the log is known to be settled further: the end is not read only to find nothing.
                    self.wait_for_more().await?;
                }
                // A store that never waits must not starve other tasks, or prevent the cancellation of this one.
                tokio::task::yield_now().await;
            }
        }
        .await;
        match result {
            Err(reason) => reason,
        }
    }

    /// Stops if the batch that ends at a position is handled and an event follows that only a newer program reads.
    async fn check_blocked(&mut self, up_to: Position) -> Result<(), StopReason> {
        let at_end = self.feed.position() == up_to;
        let Some(reason) = self.feed.blocked_at(up_to).filter(|_| at_end) else { return Ok(()) };
        self.backlog.set(self.feed.blocked());
        self.save_idle().await?;
        Err(reason)
    }

    /// Loads the checkpoint, and checks that the rows belong to this log.
    async fn start(&mut self) -> Result<(), StopReason> {
        self.feed.begin_epoch();
        let log = self.feed.watcher().store().log_id();
        let checkpoint = self.rows.define(self.handler.table(), &self.handler.events(), log).await?;
        self.is_defined = true;
        let anchor = check_anchor(&**self.feed.watcher().store(), self.name(), &checkpoint).await;
        if let Err(reason @ StopReason::Stopped(_)) = anchor {
            // The rows include events of another log: no position of this one.
            self.resume_at(Position::START);
            return Err(reason);
        }
        anchor?;
        if checkpoint.stopped.is_some() {
            self.rows.report(self.handler.table(), None).await?;
        }
        self.resume(&checkpoint).await?;
        self.set_up().await?;
        self.retry_newer().await?;
        if let Some(counters) = self.progress.take_if(|counters| counters.target() > checkpoint.position) {
            let store = Arc::clone(self.feed.watcher().store());
            let (filter, wakeup) = (self.handler.filter(), Arc::clone(&self.wakeup));
            let meter = ProgressMeter::start(counters, store, filter, checkpoint.position, wakeup);
            self.meter = Some(meter);
        }
        let table = *self.handler.table();
        self.status.send_modify(|status| status.reads = Some(table));
        self.set_state(State::CatchingUp);
        Ok(())
    }

    /// Runs the setup of the handler, if it needs one.
    async fn set_up(&mut self) -> Result<(), StopReason> {
        while self.handler.needs_setup() {
            let empty = self.change(self.saved);
            if let SaveOutcome::Refused(error) = self.commit(&[], empty).await? {
                return Err(StopReason::Stopped(Stopped::without_event(error)));
            }
        }
        Ok(())
    }

    async fn resume(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let parked: Vec<Parked> =
            if checkpoint.parked == 0 { Vec::new() } else { self.rows.parked(self.handler.table()).await? };
        self.parking = Parking::new(self.error_policy, &parked);
        self.resume_at(checkpoint.position);
        Ok(())
    }

    fn resume_at(&mut self, position: Position) {
        self.saved = position;
        self.feed.restart(position);
    }

    /// Processes a page, in as many parts as the handler asks for. The reported position covers committed parts only.
    async fn handle_page(&mut self, FeedPage { records, up_to, .. }: FeedPage) -> Result<(), StopReason> {
        if let Some(latest) = records.iter().map(|record| record.recorded_at).max() {
            self.feed.watcher().saw_time(latest);
        }
        let mut rest = &records[..];
        while let Some(count) = self.handle_batch(rest, up_to).await? {
            rest = &rest[count..];
            if rest.is_empty() {
                self.feed.seek(up_to);
                break;
            }
            self.resume_at(self.saved);
            self.publish_position();
            if self.shutdown.is_cancelled() {
                break;
            }
        }
        Ok(())
    }

    /// Lets the handler process records and commits the result; the part before a failed event is committed too. Returns
    /// how many were processed, or `None` if reading has to continue from another position.
    async fn handle_records(
        &mut self,
        records: &[Record],
        up_to: Position,
    ) -> Result<Option<usize>, StopReason> {
        if let Some(claimant) = &self.claimant
            && !claimant.is_held().await?
        {
            return Err(self.give_way());
        }
        let result = self.handler.handle(records, self.saved, &self.parking).await?;
        let BatchResult { rows, park, poison, retry_later, processed } = result;
        if poison.is_some() || !park.is_empty() {
            // The error may have a value of a subject that was forgotten meanwhile.
            self.feed.check_epoch()?;
        }
        let count = poison.as_ref().map(|poison| poison.index).or(processed.map(NonZeroUsize::get));
        let count = count.map_or(records.len(), |count| count.min(records.len()));
        let (records, rest) = records.split_at(count);
        let poisoned = rest.first().zip(poison);
        if poisoned.is_some() {
            self.backlog.set(rest.first());
        }
        let anchor = records.last().map(Anchor::of);
        let up_to = match (&poisoned, anchor) {
            (Some((record, _)), _) => Position::new(record.position.get().saturating_sub(1)),
            // Only up to the last event, which identifies the log; `save_idle` saves the positions after it.
            (None, Some(anchor)) => anchor.position,
            (None, None) => up_to,
        };
        let change = RowChange {
            anchor,
            upserts: rows.upserts,
            deletes: rows.deletes,
            park: park.clone(),
            ..self.change(up_to)
        };
        match self.save(records, change).await? {
            SaveOutcome::Done => self.on_batch_committed(count, &park),
            SaveOutcome::Moved => return Ok(None),
            SaveOutcome::Refused(error) => match records {
                [record] => return Err(StopReason::at_event(record, error)),
                _ => {
                    self.batch = 1;
                    self.resume_at(self.saved);
                    return Ok(None);
                }
            },
        }
        match poisoned {
            Some((record, PoisonEvent { error, .. })) if retry_later => {
                self.batch = 1;
                Err(StopReason::retry_event(record, &error))
            }
            Some((record, PoisonEvent { error, .. })) => Err(StopReason::at_event(record, error)),
            None => Ok(Some(count)),
        }
    }

    fn on_batch_committed(&mut self, count: usize, park: &[Parked]) {
        self.log_parked(park);
        park.iter().for_each(|parked| self.parking.add(parked));
        // A batch is folded again for each event that fails: if several do, small batches cost less.
        let failed = park.iter().filter(|parked| parked.attempts > 0).count();
        self.batch = if failed > 1 { 16 } else { self.batch * 2 }.min(self.handler.max_batch());
        if let Some(meter) = &self.meter {
            meter.add(count);
        }
    }

    /// Ends, because another process has taken the claim.
    fn give_way(&self) -> StopReason {
        tracing::info!(name = self.name(), "another process runs the policy now");
        self.shutdown.cancel();
        StopReason::Ended
    }

    /// Waits until more of the log is settled. Saves a checkpoint that skipped events of other types when that is due.
    async fn wait_for_more(&mut self) -> Result<(), StopReason> {
        let more = self.shutdown.run_until_cancelled(self.feed.wait_for_more());
        if self.feed.position() == self.saved {
            more.await;
        } else if timeout_at(self.save_at, more).await.is_err() {
            self.save_idle().await?;
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        self.handler.table().projection
    }
}
