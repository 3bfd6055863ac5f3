//! Keeps one build up to date: reads a page, lets a consumer take it, and moves the checkpoint with what comes of it.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout_at},
};

use super::{
    BatchHandler, BatchResult, ErrorPolicy, Parking, PoisonEvent, ShutdownSignal, State, Status, Stopped,
    progress_meter::ProgressMeter, stop_reason::StopReason,
};
use crate::{
    criteria::Criteria,
    error::Error,
    feed::{LogWatcher, PAGE, PrefetchingFeed},
    record::{Position, Record},
    rows::{Anchor, Build, Checkpoint, CommitOutcome, Parked, RowChange, SharedRows, Table},
    store::{Page, Read},
};

/// A checkpoint that only passes over events of others is written this much later, and so seldom enough.
const IDLE_SAVE: Duration = Duration::from_millis(100);
/// The first and the longest pause before a store that did not answer is asked again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

/// Runs one consumer on one store of rows. Several runners of one build, in one process or many, do no harm: the
/// checkpoint lets each event through once.
pub struct Runner<C> {
    handler: C,
    feed: PrefetchingFeed,
    rows: SharedRows,
    error_policy: ErrorPolicy,
    shutdown: ShutdownSignal,
    status: watch::Sender<Status>,
    /// Rings when the status has changed.
    wakeup: Arc<Notify>,
    /// Where the stored checkpoint stands, as far as this runner knows.
    saved: Position,
    /// What the store has parked, as far as this runner knows.
    parking: Parking,
    save_at: Instant,
    /// The events to read before the build may take over.
    target: Option<Position>,
    meter: Option<ProgressMeter>,
    /// How many events are taken at once: twice as many after each batch that went well, and few after a failure, until it is
    /// known which event is to blame.
    batch: usize,
    /// Whether the build was found to be that of this program and this log: only then it may write beside it.
    defined: bool,
}

/// What became of a change.
enum SaveOutcome {
    Done,
    /// Another runner was here.
    Moved,
    /// The consumer itself failed.
    Refused(String),
}

impl<C: BatchHandler> Runner<C> {
    /// A runner that reads from a hub and keeps its checkpoint in a store of rows. The receiver tells how it does.
    pub fn new(watcher: Arc<LogWatcher>, rows: SharedRows, handler: C) -> (Self, watch::Receiver<Status>) {
        let (status, receiver) = watch::channel(Status::NEW);
        let runner = Self {
            feed: PrefetchingFeed::new(watcher, handler.filter()),
            rows,
            error_policy: ErrorPolicy::Stop,
            shutdown: ShutdownSignal::default(),
            status,
            wakeup: Arc::default(),
            saved: Position::START,
            parking: Parking::default(),
            save_at: Instant::now(),
            target: None,
            meter: None,
            batch: PAGE.min(handler.batch()),
            defined: false,
            handler,
        };
        (runner, receiver)
    }

    /// What it does with an event that cannot be taken.
    #[must_use]
    pub fn error_policy(self, error_policy: ErrorPolicy) -> Self {
        Self { error_policy, ..self }
    }

    /// Ends, after the page that it is at, when it is asked to.
    #[must_use]
    pub fn with_shutdown(self, shutdown: ShutdownSignal) -> Self {
        Self { shutdown, ..self }
    }

    /// Says that it stands at a position before it has looked.
    pub(super) fn starting_at(mut self, position: Position) -> Self {
        self.status.send_modify(|status| status.position = position);
        self.resume_at(position);
        self
    }

    /// Tells how far it is on its way to a position.
    pub(super) fn with_target(self, target: Position) -> Self {
        Self { target: Some(target), ..self }
    }

    /// Rings when the status has changed.
    pub(super) fn with_wakeup(self, wakeup: Arc<Notify>) -> Self {
        Self { wakeup, ..self }
    }

    /// Runs until it is asked to end, meets an event that it cannot take, or is dropped. A store that does not answer is
    /// asked again.
    pub async fn run(mut self) {
        let (first, longest) = PAUSES;
        let mut pause = first;
        loop {
            let position = self.saved;
            match self.follow().await {
                StopReason::Stopped(stopped) => return self.stop(stopped).await,
                StopReason::Ended => return,
                StopReason::Unavailable(error) => {
                    tracing::warn!(name = self.name(), %error, "waiting for a store");
                    self.set_state(State::Waiting { reason: error.to_string() });
                }
                StopReason::Again(reason) => {
                    tracing::warn!(name = self.name(), reason, "trying again");
                    self.set_state(State::Waiting { reason });
                }
            }
            pause = if self.saved > position { first } else { (pause * 2).min(longest) };
            if self.shutdown.or(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Reads up to a position and not further, and ends there.
    pub(super) async fn run_to(&mut self, end: Position) -> Result<(), Error> {
        let stopped: Result<(), StopReason> = async {
            self.start().await?;
            while self.feed.position() < end {
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
        match stopped {
            Ok(()) | Err(StopReason::Ended) => Ok(()),
            Err(StopReason::Unavailable(error)) => Err(error),
            Err(StopReason::Again(reason)) => {
                Err(Error::unavailable(format!("bring `{}` to position {end}", self.name()), reason))
            }
            Err(StopReason::Stopped(stopped)) => Err(Error::unusable(
                format!("bring `{}` to position {end}", self.name()),
                stopped.to_string(),
            )),
        }
    }

    /// Catches up and follows; comes back when something is in the way.
    async fn follow(&mut self) -> StopReason {
        let stopped: Result<std::convert::Infallible, StopReason> = async {
            self.start().await?;
            loop {
                if self.shutdown.is_asked() {
                    self.save_idle().await?;
                    return Err(StopReason::Ended);
                }
                let before = self.feed.position();
                let page = self.feed.poll(self.batch).await?;
                let moved = page.up_to > before;
                if !page.records.is_empty() {
                    if let Err(reason) = self.handle_page(page).await {
                        // What was read and not written is not behind it: nobody may take it for passed.
                        self.feed.seek(before.max(self.saved));
                        return Err(reason);
                    }
                } else if !moved {
                    self.wait_for_more().await?;
                }
                self.publish_position();
                // A store that never waits must not keep others, or the end of this task, waiting.
                tokio::task::yield_now().await;
            }
        }
        .await;
        match stopped {
            Err(reason) => reason,
        }
    }

    /// Finds the place to go on, and makes sure that the rows are those of this log.
    async fn start(&mut self) -> Result<(), StopReason> {
        let log = self.feed.watcher().store().log_id();
        let checkpoint = self.rows.define(self.handler.table(), log).await?;
        self.defined = true;
        self.check_anchor(&checkpoint).await?;
        if checkpoint.stopped.is_some() {
            self.rows.report(self.handler.table(), None).await?;
        }
        self.resume(&checkpoint).await?;
        self.set_up().await?;
        if let Some(target) = self.target.take_if(|target| *target > checkpoint.position) {
            let (log, filter) = (Arc::clone(self.feed.watcher().store()), self.handler.filter());
            let (way, tells) =
                ((checkpoint.position, target), (self.status.clone(), Arc::clone(&self.wakeup)));
            self.meter = Some(ProgressMeter::start(log, filter, self.handler.table(), way, tells));
        }
        let table = *self.handler.table();
        self.status.send_modify(|status| status.reads = Some(table));
        self.set_state(State::CatchingUp);
        Ok(())
    }

    /// Lets the consumer make what it needs before its first event.
    async fn set_up(&mut self) -> Result<(), StopReason> {
        while self.handler.needs_setup() {
            let table = *self.handler.table();
            let nothing = self.change(&table, self.saved);
            if let SaveOutcome::Refused(error) = self.write(&[], nothing).await? {
                return Err(StopReason::Stopped(Stopped::because(error)));
            }
        }
        Ok(())
    }

    async fn resume(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let parked: Vec<Parked> =
            if checkpoint.parked == 0 { Vec::new() } else { self.rows.parked(self.handler.table()).await? };
        self.parking = Parking::of(self.error_policy, &parked);
        self.resume_at(checkpoint.position);
        Ok(())
    }

    fn resume_at(&mut self, position: Position) {
        self.saved = position;
        self.feed.seek(position);
    }

    /// The event at the checkpoint has to stand where it stood: else this log was restored from an older copy, and has
    /// gone another way since.
    async fn check_anchor(&self, checkpoint: &Checkpoint) -> Result<(), StopReason> {
        let Some(Anchor { position, event }) = checkpoint.anchor else { return Ok(()) };
        if self.anchor_at(position).await?.is_some_and(|found| found.event == event) {
            return Ok(());
        }
        let (name, store) = (self.name(), self.feed.watcher().store().describe());
        let error = format!(
            "the rows of `{name}` have passed event {event} at position {position}, which is not there in {store}: the \
             log was restored from an older copy, or is another one; rebuild the projection"
        );
        Err(StopReason::Stopped(Stopped { position: Some(position), event: Some(event), name: None, error }))
    }

    /// The event at a position, if there is one. It is read, not fed: another handle may be ahead of what this one knows
    /// to be settled.
    async fn anchor_at(&self, position: Position) -> Result<Option<Anchor>, Error> {
        let before = Position::new(position.get().saturating_sub(1));
        let read = Read::all(Criteria::all()).after(before).up_to(position);
        let batches = self.feed.watcher().store().read(&[read]).await?;
        let record = batches.into_iter().flat_map(|batch| batch.records).next();
        Ok(record.as_ref().map(Anchor::of))
    }

    /// Lets the consumer take a page, in as many parts as it likes. While it is at one, what lies behind is not passed.
    async fn handle_page(&mut self, Page { records, up_to, .. }: Page) -> Result<(), StopReason> {
        let mut rest = &records[..];
        while let Some(count) = self.handle_records(rest, up_to).await? {
            rest = &rest[count..];
            if rest.is_empty() {
                self.feed.seek(up_to);
                break;
            }
            self.resume_at(self.saved);
            self.publish_position();
            if self.shutdown.is_asked() {
                break;
            }
        }
        Ok(())
    }

    /// Lets the consumer take records, and writes what came of those that it took. The part before an event that cannot be
    /// taken is written all the same. Gives how many it took; none if it has to go on elsewhere.
    async fn handle_records(
        &mut self,
        records: &[Record],
        up_to: Position,
    ) -> Result<Option<usize>, StopReason> {
        let taken = self.handler.handle(records, self.saved, &self.parking).await?;
        let BatchResult { rows, park, poison, retry_later, processed } = taken;
        let count = poison.as_ref().map(|poison| poison.index).or(processed.map(NonZeroUsize::get));
        let count = count.map_or(records.len(), |count| count.min(records.len()));
        let (records, rest) = records.split_at(count);
        let poisoned = rest.first().zip(poison);
        let anchor = records.last().map(Anchor::of);
        let up_to = match (&poisoned, anchor) {
            (Some((record, _)), _) => Position::new(record.position.get().saturating_sub(1)),
            // Only up to an event that tells the log from another one; what lies behind it is saved when there is time.
            (None, Some(anchor)) => anchor.position,
            (None, None) => up_to,
        };
        let table = *self.handler.table();
        let change = RowChange {
            anchor,
            upserts: rows.upserts,
            deletes: rows.deletes,
            park: park.clone(),
            ..self.change(&table, up_to)
        };
        match self.save(records, change).await? {
            SaveOutcome::Done => self.on_batch_committed(count, &park),
            SaveOutcome::Moved => return Ok(None),
            SaveOutcome::Refused(error) => match records {
                [record] => return Err(StopReason::before(record, error)),
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
                Err(StopReason::again(record, &error))
            }
            Some((record, PoisonEvent { error, .. })) => Err(StopReason::before(record, error)),
            None => Ok(Some(count)),
        }
    }

    fn on_batch_committed(&mut self, count: usize, park: &[Parked]) {
        park.iter().for_each(|parked| self.parking.add(parked));
        // A batch is folded once more for each event that fails: where many do, small ones cost less.
        let failed = park.iter().filter(|parked| parked.attempts > 0).count();
        self.batch = if failed > 1 { 16 } else { self.batch * 2 }.min(self.handler.batch());
        if let Some(meter) = &self.meter {
            meter.read(count);
        }
    }

    /// A change that moves the checkpoint from where it stands.
    fn change<'t>(&self, table: &'t Table, to: Position) -> RowChange<'t> {
        RowChange { parked: self.parking.count(), ..RowChange::new(table, self.saved, to) }
    }

    /// Writes, and goes on where the checkpoint then stands.
    async fn save(&mut self, records: &[Record], change: RowChange<'_>) -> Result<SaveOutcome, StopReason> {
        let to = change.to;
        self.save_at = Instant::now() + IDLE_SAVE;
        if to <= self.saved { Ok(SaveOutcome::Done) } else { self.write(records, change).await }
    }

    async fn write(&mut self, records: &[Record], change: RowChange<'_>) -> Result<SaveOutcome, StopReason> {
        let to = change.to;
        let committed = match self.handler.commit(&*self.rows, records, change).await {
            Err(error @ Error::Unusable { .. }) => return Err(self.unusable(error).await?),
            committed => committed?,
        };
        match committed {
            Ok(CommitOutcome::Done) => {
                self.saved = to;
                Ok(SaveOutcome::Done)
            }
            Ok(CommitOutcome::Stale(position)) if position != self.saved && self.parking.is_disabled() => {
                self.resume_at(position);
                Ok(SaveOutcome::Moved)
            }
            Ok(CommitOutcome::Stale(_)) => self.reload_checkpoint().await,
            Err(error) => Ok(SaveOutcome::Refused(error)),
        }
    }

    /// Why a change cannot be written: a build that is inline now may be left to its runners again.
    async fn unusable(&self, error: Error) -> Result<StopReason, Error> {
        let operation = format!("write rows of `{}`", self.name());
        let is_inline = self.build().await?.is_some_and(|build| build.inline);
        Ok(if is_inline { Error::unavailable(operation, error).into() } else { error.into() })
    }

    /// Its build, as it stands in the store.
    async fn build(&self) -> Result<Option<Build>, Error> {
        let table = self.handler.table();
        let builds = self.rows.builds(table.projection).await?;
        Ok(builds.into_iter().find(|build| build.order() == table.order()))
    }

    /// Somebody else was here: goes on from what the store has now.
    async fn reload_checkpoint(&mut self) -> Result<SaveOutcome, StopReason> {
        let table = *self.handler.table();
        let Some(Build { checkpoint, .. }) = self.build().await? else {
            return Err(table.undefined().into());
        };
        if (checkpoint.position, checkpoint.parked) == (self.saved, self.parking.count()) {
            // Asked again at once, it would say so again.
            let operation = format!("write rows of `{}`", table.projection);
            let reason =
                format!("it refuses a change from {}, although its checkpoint stands there", self.saved);
            return Err(Error::unavailable(operation, reason).into());
        }
        self.resume(&checkpoint).await?;
        Ok(SaveOutcome::Moved)
    }

    /// Nothing more is settled: writes down how far it read, when that is due, and waits for more.
    async fn wait_for_more(&mut self) -> Result<(), StopReason> {
        self.set_state(State::CaughtUp);
        let more = self.shutdown.or(self.feed.more());
        if self.feed.position() == self.saved {
            more.await;
        } else if timeout_at(self.save_at, more).await.is_err() {
            self.save_idle().await?;
        }
        Ok(())
    }

    async fn save_idle(&mut self) -> Result<(), StopReason> {
        let position = self.feed.position();
        if position > self.saved {
            let (table, anchor) = (*self.handler.table(), self.anchor_at(position).await?);
            self.save(&[], RowChange { anchor, ..self.change(&table, position) }).await?;
        }
        Ok(())
    }

    fn set_state(&mut self, state: State) {
        self.status.send_if_modified(|status| {
            let new = status.state != state;
            status.state = state;
            new
        });
        self.publish_position();
        self.wakeup.notify_one();
    }

    fn publish_position(&mut self) {
        let (position, parked) = (self.feed.position(), self.parking.count());
        self.meter.take_if(|meter| meter.target() <= position);
        let meter = &self.meter;
        let moved = self.status.send_if_modified(|status| {
            let moved = (status.position, status.parked) != (position, parked);
            (status.position, status.parked) = (position, parked);
            status.building = meter.as_ref().map(|meter| meter.progress(position));
            moved
        });
        if moved {
            self.wakeup.notify_one();
        }
    }

    async fn stop(mut self, stopped: Stopped) {
        tracing::error!(name = self.name(), %stopped, "it stands still");
        let text = stopped.to_string();
        if self.defined
            && let Err(error) = self.rows.report(self.handler.table(), Some(&text)).await
        {
            tracing::warn!(name = self.name(), %error, "could not write down that it stands still");
        }
        self.set_state(State::Stopped(stopped));
    }

    fn name(&self) -> &'static str {
        self.handler.table().projection
    }
}
