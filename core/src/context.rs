//! What surrounds a decision or an event.

use crate::{
    error::Invalid,
    record::{Metadata, Name, Position, Record},
    time::Timestamp,
};

/// The circumstances of a decision, or of an event that is folded. A function gets it when its attribute says `context`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Context<'a> {
    /// In a decision, the time now, which its events will record. In a fold, the time that the event recorded.
    pub time: Timestamp,
    /// Where the event stands; none inside a decision.
    pub position: Option<Position>,
    /// Where it comes from: actor, command, correlation, causation.
    pub metadata: &'a Metadata,
}

impl<'a> Context<'a> {
    /// The circumstances of a decision.
    pub fn decision(time: Timestamp, metadata: &'a Metadata) -> Self {
        Self { time, position: None, metadata }
    }

    /// The circumstances of an event.
    ///
    /// # Errors
    /// [`Invalid::Damaged`] if its metadata cannot be read.
    pub fn of(record: &'a Record) -> Result<Self, Invalid> {
        Ok(Self { time: record.recorded_at, position: Some(record.position), metadata: record.metadata()? })
    }

    /// Who asked.
    pub fn actor(&self) -> Option<&'a str> {
        self.metadata.actor.as_ref().map(Name::as_str)
    }

    /// What it belongs to.
    pub fn correlation(&self) -> Option<&'a str> {
        self.metadata.correlation.as_ref().map(Name::as_str)
    }
}
