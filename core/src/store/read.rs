//! Reads, feed pages and journal entries.

use super::{EventStore, Receipt};
use crate::{
    criteria::Criteria,
    error::Error,
    payload::Payload,
    record::{Metadata, Position, Record},
    time::Timestamp,
};

/// Which records a decision wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Which events.
    pub criteria: Criteria,
    /// Only those behind this position.
    pub after: Position,
    /// Only those up to this position.
    pub up_to: Position,
    /// Only what a fold needs that looks at no context: position, type, version and payload. A store may leave the rest of
    /// the records blank.
    pub payload_only: bool,
}

impl Read {
    /// All that match.
    pub fn all(criteria: Criteria) -> Self {
        Self { criteria, after: Position::START, up_to: Position::END, payload_only: false }
    }

    /// The same, but only behind a position.
    #[must_use]
    pub fn after(self, after: Position) -> Self {
        Self { after, ..self }
    }

    /// The same, but only up to a position.
    #[must_use]
    pub fn up_to(self, up_to: Position) -> Self {
        Self { up_to, ..self }
    }

    /// The same, but only what a fold needs that looks at no context.
    #[must_use]
    pub fn payload_only(self) -> Self {
        Self { payload_only: true, ..self }
    }
}

/// [`EventStore::read_chunked`] with pages of a feed. What is behind them is settled and was seen, so that the marker of a read
/// that begins there stands for all.
pub(super) async fn in_parts<S: EventStore + ?Sized>(
    store: &S,
    read: &Read,
    each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
) -> Result<Marker, Error> {
    let mut after = read.after;
    loop {
        let Page { mut records, up_to, .. } = store.feed(&read.criteria, after, PART).await?;
        let is_last = records.len() < PART || up_to >= read.up_to;
        records.retain(|record| record.position <= read.up_to);
        after = up_to;
        if !records.is_empty() {
            each(records)?;
        }
        if is_last {
            break;
        }
    }
    let mut marker = Marker::START;
    for batch in store.read(&[read.clone().after(after)]).await? {
        if !batch.records.is_empty() {
            each(batch.records)?;
        }
        marker = batch.marker;
    }
    Ok(marker)
}

/// How many records come in one page.
const PART: usize = 1000;

/// The answer to one [`Read`].
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The matching records in position order.
    pub records: Vec<Record>,
    /// The moment of the read, for the conditions of an append: it stands for all that matches up to `up_to` at that
    /// moment, also for what `after` left out because the reader has it already.
    pub marker: Marker,
}

/// A moment in the life of a log, as far as some criteria are concerned. Only the store that made it can read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marker {
    settled: Position,
    above: u64,
}

impl Marker {
    /// Before the log's first event.
    pub const START: Self = Self { settled: Position::START, above: 0 };

    /// For stores: everything up to `settled` was seen, and `above` matching events behind it.
    pub const fn new(settled: Position, above: u64) -> Self {
        Self { settled, above }
    }

    /// Right after an append, for the criteria that its conditions guarded: all that matches up to its last position was
    /// seen.
    pub fn after(receipt: &Receipt) -> Self {
        Self::new(receipt.position(), 0)
    }

    /// For stores: up to where everything was seen.
    pub const fn settled(self) -> Position {
        self.settled
    }

    /// For stores: how many matching events were seen behind [`Marker::settled`].
    pub const fn seen_unsettled(self) -> u64 {
        self.above
    }
}

/// A page of a feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Matching records in position order.
    pub records: Vec<Record>,
    /// Where to go on: nothing that matches is left at or below, and nothing can appear there any more. If the page is
    /// full, the position of its last record; else up to where the log is settled. Never below the `after` that was
    /// asked for: a page behind the end of the log is empty and stays where it is.
    pub up_to: Position,
    /// What keeps the feed from going further, if something does.
    pub gap: Option<Gap>,
}

/// Up to where a log is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Nothing can appear at or below this position any more.
    pub position: Position,
    /// What keeps it from moving, if something does.
    pub gap: Option<Gap>,
}

/// A position that a writer has drawn and neither filled nor given up, with events already behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The missing position.
    pub position: Position,
    /// Why it is still open.
    pub reason: String,
}

/// One entry of the journal: a command as it was asked and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number; later entries have higher ones.
    pub number: u64,
    /// The time of the decision.
    pub recorded_at: Timestamp,
    /// Command id and name, actor, correlation, causation, trace.
    pub metadata: Metadata,
    /// The command itself.
    pub body: Payload,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was accepted, and its events stand at these positions.
    Accepted(Vec<Position>),
    /// It was rejected with this error.
    Rejected(String),
}
