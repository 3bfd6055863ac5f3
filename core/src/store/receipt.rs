//! The result of an accepted command.

use uuid::Uuid;

use crate::record::Position;

/// The result of an accepted command: the positions and ids of its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The events in the order of the decision; their positions grow but need not be adjacent.
    pub events: Vec<EventRef>,
}

impl Receipt {
    /// The position of the last event: a reader that has seen the log up to here has seen the effect of the command.
    /// [`Position::START`] for a command without events.
    pub fn position(&self) -> Position {
        self.events.last().map_or(Position::START, |event| event.position)
    }
}

impl From<&Receipt> for Position {
    fn from(receipt: &Receipt) -> Self {
        receipt.position()
    }
}

/// The position and the id of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRef {
    /// The position of the event in the log.
    pub position: Position,
    /// The id of the event.
    pub id: Uuid,
}
