//! The context of a decision or an event.

use crate::{
    error::Invalid,
    record::{Metadata, Name, Position, Record},
    time::Timestamp,
};

/// The context of a decision, or of an event that is folded. A function receives it if its attribute says `context`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Context<'a> {
    /// In a decision: the current time, which its events record. In a fold: the recorded time of the event.
    pub time: Timestamp,
    /// The position of the event; `None` in a decision.
    pub position: Option<Position>,
    /// Actor, command, correlation and causation.
    pub metadata: &'a Metadata,
}

impl<'a> Context<'a> {
    /// The context of a decision.
    pub fn decision(time: Timestamp, metadata: &'a Metadata) -> Self {
        Self { time, position: None, metadata }
    }

    /// The context of an event.
    ///
    /// # Errors
    /// [`Invalid::Damaged`] if the metadata of the record cannot be decoded.
    pub fn of(record: &'a Record) -> Result<Self, Invalid> {
        Ok(Self { time: record.recorded_at, position: Some(record.position), metadata: record.metadata()? })
    }

    /// The actor: the user or system that sent the command.
    pub fn actor(&self) -> Option<&'a str> {
        self.metadata.actor.as_ref().map(Name::as_str)
    }

    /// The correlation id, which all events of one business process share.
    pub fn correlation(&self) -> Option<&'a str> {
        self.metadata.correlation.as_ref().map(Name::as_str)
    }
}
