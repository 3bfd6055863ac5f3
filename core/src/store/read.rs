//! Reads, feed pages and journal entries.

use super::marker::Marker;
use crate::{
    criteria::Criteria,
    payload::Payload,
    record::{Metadata, Position, Record},
    time::Timestamp,
};

/// A read of matching records.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::{Criteria, Position, store::Read};
///
/// let read = Read::all(Criteria::all()).after(Position::new(2)).up_to(Position::new(4));
/// let batches = app.store().read(&[read]).await?;
/// assert_eq!(batches[0].records.len(), 2);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The events to read.
    pub criteria: Criteria,
    /// Only events after this position.
    pub after: Position,
    /// Only events up to and including this position.
    pub up_to: Position,
    /// Only position, type, version and payload are needed, as for a fold that does not use the context of an event. A store may
    /// leave the other fields of the records blank.
    pub payload_only: bool,
}

impl Read {
    /// Reads all matching events.
    pub fn all(criteria: Criteria) -> Self {
        Self { criteria, after: Position::START, up_to: Position::END, payload_only: false }
    }

    /// Reads only events after a position.
    #[must_use]
    pub fn after(self, after: Position) -> Self {
        Self { after, ..self }
    }

    /// Reads only events up to and including a position.
    #[must_use]
    pub fn up_to(self, up_to: Position) -> Self {
        Self { up_to, ..self }
    }

    /// Reads only position, type, version and payload.
    #[must_use]
    pub fn payload_only(self) -> Self {
        Self { payload_only: true, ..self }
    }
}

/// The result of one [`Read`].
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The matching records in position order.
    pub records: Vec<Record>,
    /// The moment of the read, for the conditions of an append. It covers all matching events up to `up_to`, including the events that
    /// `after` left out because the reader has them already.
    pub marker: Marker,
}

/// A page of a feed.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::{Criteria, Position};
///
/// let page = app.feed(Criteria::all()).pages_of(4).next().await?;
/// assert_eq!((page.records.len(), page.up_to), (4, Position::new(4)));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FeedPage {
    /// Matching records in position order.
    pub records: Vec<Record>,
    /// Where the next page begins: no other event that matches is, or will ever be, at or below this position. For a full page it is
    /// the position of the last record, otherwise the settled position. Never below the requested `after`: a page after the end
    /// of the log is empty and returns `after`.
    pub up_to: Position,
    /// Whether the page ends because it reached its [`PageLimit`](super::PageLimit): more matching events may be settled after it. A page that is
    /// not full has all of them.
    pub is_full: bool,
    /// The gap that the feed waits for, if there is one.
    pub gap: Option<Gap>,
    /// The version of the list of successors of event names ([`Successors::version`](super::Successors::version)). It is that of the
    /// moment of the read or a later one: the list has the successors of all events up to `up_to`.
    pub successors: u64,
}

/// The high-water mark of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// No new event ever appears at or below this position.
    pub position: Position,
    /// The gap that the high-water mark waits for, if there is one.
    pub gap: Option<Gap>,
}

/// A position that a writer has reserved and neither filled nor released, while later positions have events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The missing position.
    pub position: Position,
    /// Why the gap is still open.
    pub reason: String,
}

/// One entry of the journal: a command and its outcome.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::{Memory, app::Journal};
///
/// let app = App::builder(Memory::new()).journal(Journal::Accepted).start().await?;
/// app.execute(open("ann", "Ann")).id("request-1").await?;
///
/// let entry = app.journal(0, 1).await?.remove(0);
/// assert_eq!(entry.metadata.command.unwrap().as_str(), "open");
/// assert_eq!(entry.metadata.command_id.unwrap().as_str(), "request-1");
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The number of the entry; later entries have higher numbers.
    pub number: u64,
    /// The time of the decision.
    pub recorded_at: Timestamp,
    /// Command id and name, actor, correlation, causation, trace.
    pub metadata: Metadata,
    /// The command as JSON.
    pub body: Payload,
    /// The outcome of the command.
    pub outcome: Outcome,
}

/// The outcome of a command.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::{Memory, app::Journal, store};
///
/// let app = App::builder(Memory::new()).journal(Journal::All).start().await?;
/// let receipt = app.execute(open("ann", "Ann")).await?;
/// app.execute(open("ann", "Ann")).await.unwrap_err();
///
/// let entries = app.journal(0, 100).await?;
/// assert_eq!(entries[0].outcome, store::Outcome::Accepted(vec![receipt.position()]));
/// assert_eq!(entries[1].outcome, store::Outcome::Rejected("AlreadyOpen".into()));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The command was accepted, and its events have these positions.
    Accepted(Vec<Position>),
    /// The command was rejected with this error.
    Rejected(String),
}

/// A name of event types in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredType {
    /// The stored name.
    pub name: String,
    /// The position of the first event with this name.
    pub first: Position,
    /// The position of the last event with this name.
    pub last: Position,
    /// The versions after version 1 in which events with this name are stored, in ascending order. A program that reads a name reads
    /// version 1 of it.
    pub later_versions: Vec<StoredVersion>,
}

/// A version in which events of a type are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// The version.
    pub version: u32,
    /// The position of the first event of this version.
    pub first: Position,
    /// The position of the last event of this version.
    pub last: Position,
}

/// The longest prefix of a log whose events were recorded until a time: the state that the log had then, if its clocks were right.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use std::time::Duration;
///
/// use annalist::{Memory, Timestamp, testing::ManualClock};
///
/// let noon: Timestamp = "2026-01-31T12:00:00Z".parse()?;
/// let clock = ManualClock::at("2038-01-01T00:00:00Z".parse()?); // wrong
/// let app = App::builder(Memory::new()).clock(clock.clone()).start().await?;
/// app.execute(open("ann", "Ann")).await?;
/// clock.set(noon);
/// app.execute(Deposit { account: id("ann"), cents: 5 }).await?;
///
/// // The first event is not in the log as of today, so neither is any later one.
/// let prefix = app.prefix_at(noon).await?;
/// assert_eq!((prefix.up_to.get(), prefix.hidden), (0, 1));
/// assert!(!app.load::<Account>(&id("ann")).at(noon).await?.open);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// The last position of the prefix.
    pub up_to: Position,
    /// The number of settled events after the prefix that were recorded at the time or earlier. They come after an event with a
    /// later time, because a clock was wrong: 0 if recorded times grow with the positions.
    pub hidden: u64,
}
