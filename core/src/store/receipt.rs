//! The result of an accepted command.

use uuid::Uuid;

use crate::record::Position;

/// The result of an accepted command: the positions and ids of its events.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
/// let event = receipt.events[0];
///
/// let history = app.history::<AccountEvent>(&id("a")).await?;
/// assert_eq!((history[2].id, history[2].position), (event.id, event.position));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The events in the order of the decision; their positions grow but need not be adjacent.
    pub events: Vec<EventRef>,
    /// For an accepted command without events: a position up to which the log has all events that its decision is based on.
    /// Stores leave it at [`Position::START`]; the app fills it in.
    pub based_on: Position,
}

impl Receipt {
    /// Returns the position of the last event: a reader that has seen the log up to here has seen the effect of the
    /// command. For a command without events, a reader that has seen the log up to here sees at least what the decision saw.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::Position;
    ///
    /// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// assert_eq!(receipt.position(), Position::new(7)); // after the six events of the accounts
    /// # Ok(())
    /// # });
    /// ```
    pub fn position(&self) -> Position {
        self.events.last().map_or(self.based_on, |event| event.position)
    }

    /// The receipt of a decision without events that is based on the events up to a position; a receipt with events is left
    /// as it is.
    pub(crate) fn based_on(mut self, position: Position) -> Self {
        if self.events.is_empty() {
            self.based_on = self.based_on.max(position);
        }
        self
    }
}

impl From<&Receipt> for Position {
    fn from(receipt: &Receipt) -> Self {
        receipt.position()
    }
}

/// What the rows that a query reads must include: all events up to a position and, if it is known, the id of the event there. With
/// the id the wait notices that the log has lost the event.
///
/// ```
/// use annalist::{Position, raw::store::Included, store::Receipt};
///
/// let receipt = Receipt::default();
/// assert_eq!(Included::from(&receipt), Included::from(Position::START));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Included {
    /// The position.
    pub position: Position,
    /// The id of the event at the position, if it is known.
    pub event: Option<Uuid>,
}

impl From<Position> for Included {
    fn from(position: Position) -> Self {
        Self { position, event: None }
    }
}

impl From<EventRef> for Included {
    fn from(EventRef { position, id }: EventRef) -> Self {
        Self { position, event: Some(id) }
    }
}

impl From<&Receipt> for Included {
    fn from(receipt: &Receipt) -> Self {
        Self { position: receipt.position(), event: receipt.events.last().map(|event| event.id) }
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
