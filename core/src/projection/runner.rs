//! Keeps a projection's rows up to date: reads a page, folds it into rows, writes rows and checkpoint in one transaction.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    Projection, State, Status, Stopped, criteria_of,
    fold::{Poison, fold},
};
use crate::{
    codec::Codec,
    error::Error,
    feed::{Feed, Hub},
    query::Criteria,
    record::{Position, Record},
    rows::{Anchor, Checkpoint, Committed, RowChange, SharedRows},
    store::{Page, Read},
};

/// A checkpoint that only passes over events of others is written this much later, and so seldom enough.
const IDLE_SAVE: Duration = Duration::from_millis(100);
/// The first and the longest pause before a store that did not answer is asked again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

/// Runs one projection on one store of rows. Several runners of one projection, in one process or many, do no harm: the
/// checkpoint lets each event through once.
pub struct Runner<P: Projection> {
    feed: Feed,
    rows: SharedRows,
    codec: Codec,
    status: watch::Sender<Status>,
    /// Where the stored checkpoint stands, as far as this runner knows.
    saved: Position,
    save_at: Instant,
    /// Whether the rows were found to be those of this projection and this log: only then it may write beside them.
    defined: bool,
    row: std::marker::PhantomData<fn() -> P>,
}

/// Why a runner cannot go on right now.
enum Halt {
    /// Until somebody changes something.
    Stopped(Stopped),
    /// For a while.
    Unavailable(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable { .. } | Error::Unknown { .. } => Self::Unavailable(error),
            _ => Self::Stopped(Stopped { position: None, event: None, name: None, error: error.to_string() }),
        }
    }
}

impl<P: Projection> Runner<P> {
    /// A runner that reads from a hub and writes to a store of rows. The receiver tells how it does.
    pub fn new(hub: std::sync::Arc<Hub>, rows: SharedRows, codec: Codec) -> (Self, watch::Receiver<Status>) {
        let status = Status { position: Position::START, state: State::CatchingUp };
        let (status, receiver) = watch::channel(status);
        let feed = Feed::new(hub, criteria_of::<P>());
        let (saved, save_at) = (Position::START, Instant::now());
        let row = std::marker::PhantomData;
        (Self { feed, rows, codec, status, saved, save_at, defined: false, row }, receiver)
    }

    /// Runs until it meets an event that it cannot take, or is dropped. A store that does not answer is asked again.
    pub async fn run(mut self) {
        let (first, longest) = PAUSES;
        let mut pause = first;
        loop {
            let position = self.saved;
            match self.follow().await {
                Halt::Stopped(stopped) => return self.stop(stopped).await,
                Halt::Unavailable(error) => {
                    tracing::warn!(projection = P::TABLE.projection, %error, "waiting for a store");
                    self.tell(State::Waiting { reason: error.to_string() });
                }
            }
            pause = if self.saved > position { first } else { (pause * 2).min(longest) };
            tokio::time::sleep(pause).await;
        }
    }

    /// Catches up and follows; comes back when something is in the way.
    async fn follow(&mut self) -> Halt {
        let halted: Result<std::convert::Infallible, Halt> = async {
            self.start().await?;
            loop {
                let before = self.feed.position();
                let page = self.feed.poll().await?;
                let moved = page.up_to > before;
                if !page.records.is_empty() {
                    if let Err(halt) = self.take(page).await {
                        // What was read and not written is not behind it: nobody may take it for passed.
                        self.feed.seek(before.max(self.saved));
                        return Err(halt);
                    }
                } else if !moved {
                    self.rest().await?;
                }
                self.status.send_if_modified(|status| {
                    let moved = status.position != self.feed.position();
                    status.position = self.feed.position();
                    moved
                });
                // A store that never waits must not keep others, or the end of this task, waiting.
                tokio::task::yield_now().await;
            }
        }
        .await;
        match halted {
            Err(halt) => halt,
        }
    }

    /// Finds the place to go on, and makes sure that the rows are those of this log.
    async fn start(&mut self) -> Result<(), Halt> {
        let log = self.feed.hub().store().log_id();
        let checkpoint = self.rows.define(&P::TABLE, log).await?;
        self.defined = true;
        self.check_anchor(&checkpoint).await?;
        if checkpoint.stopped.is_some() {
            self.rows.report(&P::TABLE, None).await?;
        }
        self.resume(checkpoint.position);
        self.tell(State::CatchingUp);
        Ok(())
    }

    fn resume(&mut self, position: Position) {
        self.saved = position;
        self.feed.seek(position);
    }

    /// The event at the checkpoint has to stand where it stood: else this log was restored from an older copy, and has
    /// gone another way since.
    async fn check_anchor(&self, checkpoint: &Checkpoint) -> Result<(), Halt> {
        let Some(Anchor { position, event }) = checkpoint.anchor else { return Ok(()) };
        if self.anchor_at(position).await?.is_some_and(|found| found.event == event) {
            return Ok(());
        }
        let (name, store) = (P::TABLE.projection, self.feed.hub().store().describe());
        let error = format!(
            "the rows of `{name}` have passed event {event} at position {position}, which is not there in {store}: the \
             log was restored from an older copy, or is another one; rebuild the projection"
        );
        Err(Halt::Stopped(Stopped { position: Some(position), event: Some(event), name: None, error }))
    }

    /// The event at a position, if there is one. It is read, not fed: another handle may be ahead of what this one knows
    /// to be settled.
    async fn anchor_at(&self, position: Position) -> Result<Option<Anchor>, Error> {
        let before = Position::new(position.get().saturating_sub(1));
        let read = Read::all(Criteria::all()).after(before).up_to(position);
        let batches = self.feed.hub().store().read(&[read]).await?;
        let record = batches.into_iter().flat_map(|batch| batch.records).next();
        Ok(record.map(|record| Anchor { position, event: record.id }))
    }

    /// Folds a page and writes what came out. The part before an event that cannot be taken is written all the same.
    async fn take(&mut self, page: Page) -> Result<(), Halt> {
        let (mut records, mut up_to, mut poisoned) = (&page.records[..], page.up_to, None);
        let change = loop {
            match fold::<P>(records, &self.codec, &*self.rows).await? {
                Ok(folded) => break folded,
                Err(Poison { index, error }) => {
                    let record = &page.records[index];
                    poisoned = Some(blame(record, error));
                    up_to = Position::new(record.position.get().saturating_sub(1));
                    records = &page.records[..index];
                }
            }
        };
        let anchor = records.last().map(|last| Anchor { position: last.position, event: last.id });
        // Only up to an event that tells the log from another one; what lies behind it is saved when there is time.
        let up_to = anchor.filter(|_| poisoned.is_none()).map_or(up_to, |anchor| anchor.position);
        let (upserts, deletes) = (change.upserts, change.deletes);
        let change = RowChange { anchor, upserts, deletes, ..RowChange::new(&P::TABLE, self.saved, up_to) };
        let done = self.save(change).await?;
        match poisoned {
            Some(stopped) if done => Err(Halt::Stopped(stopped)),
            _ => Ok(()),
        }
    }

    /// Writes, and goes on where the checkpoint then stands. Gives whether this runner was the one to move it.
    async fn save(&mut self, change: RowChange<'_>) -> Result<bool, Halt> {
        let to = change.to;
        self.save_at = Instant::now() + IDLE_SAVE;
        if to <= self.saved {
            return Ok(true);
        }
        match self.rows.commit(change).await {
            Ok(Committed::Done) => {
                self.saved = to;
                Ok(true)
            }
            Ok(Committed::Stale(position)) if position == self.saved => {
                // Asked again at once, it would say so again.
                let operation = format!("write rows of `{}`", P::TABLE.projection);
                let reason =
                    format!("it refuses a change from {position}, although its checkpoint stands there");
                Err(Error::unavailable(operation, reason).into())
            }
            Ok(Committed::Stale(position)) => {
                self.resume(position);
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Nothing more is settled: writes down how far it read, when that is due, and waits for more.
    async fn rest(&mut self) -> Result<(), Halt> {
        let position = self.feed.position();
        self.tell(State::CaughtUp);
        if position == self.saved {
            self.feed.more().await;
        } else if timeout_at(self.save_at, self.feed.more()).await.is_err() {
            let anchor = self.anchor_at(position).await?;
            self.save(RowChange { anchor, ..RowChange::new(&P::TABLE, self.saved, position) }).await?;
        }
        Ok(())
    }

    fn tell(&self, state: State) {
        let position = self.feed.position();
        self.status.send_if_modified(|status| {
            let told = Status { position, state };
            let new = *status != told;
            *status = told;
            new
        });
    }

    async fn stop(self, stopped: Stopped) {
        tracing::error!(projection = P::TABLE.projection, %stopped, "the projection stands still");
        let text = stopped.to_string();
        if self.defined
            && let Err(error) = self.rows.report(&P::TABLE, Some(&text)).await
        {
            tracing::warn!(projection = P::TABLE.projection, %error, "could not write down that it stands still");
        }
        self.tell(State::Stopped(stopped));
    }
}

fn blame(record: &Record, error: String) -> Stopped {
    Stopped {
        position: Some(record.position),
        event: Some(record.id),
        name: Some(record.name.clone().into_owned()),
        error,
    }
}
