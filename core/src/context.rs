//! The context of a decision or an event.

use crate::{
    error::Invalid,
    record::{Metadata, Name, Position, Record},
    time::Timestamp,
};

/// The context of a decision, or of an event that is folded. A function receives it if its attribute says `context`.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::testing::at;
///
/// /// Opens an account for the actor of the command.
/// #[derive(Command, Serialize)]
/// #[command(decide = open_own, error = AccountError, context)]
/// struct OpenOwn {
///     account: AccountId,
/// }
///
/// fn open_own(command: &OpenOwn, context: &Context) -> Result<AccountEvent, AccountError> {
///     let owner = format!("{} at {}", context.actor().unwrap_or("unknown"), context.time);
///     Ok(AccountEvent::Opened { account: command.account.clone(), owner })
/// }
///
/// let start = at("2026-01-31T12:00:00Z".parse()?).by("ann");
/// start.when(OpenOwn { account: id("a") }).then(opened("a", "ann at 2026-01-31T12:00:00Z"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    ///
    /// ```
    /// use annalist::{Context, Timestamp, store::Metadata};
    ///
    /// let metadata = Metadata::default();
    /// let context = Context::decision(Timestamp::EPOCH, &metadata);
    /// assert_eq!((context.actor(), context.position), (None, None));
    /// ```
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
