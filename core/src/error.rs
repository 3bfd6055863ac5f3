//! Errors, grouped by the party that can act on them.
//!
//! | error | returned by | cause |
//! |---|---|---|
//! | [`ExecuteError`] | [`App::execute`](crate::app::App::execute) | a command was not accepted: its own rejection, a conflict, or one of the causes below |
//! | [`Error`] | everything else | the input, the set-up, the store, a read model, or a panic |
//! | [`Invalid`] | functions that check or decode; part of both | a value that no store accepts, or stored data that cannot be read |

use std::{fmt, time::Duration};

use crate::{position::Position, progress::Progress};

/// A boxed error of the layer below.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why an operation failed. The variant names the party that can act:
///
/// | variant | can act |
/// |---|---|
/// | [`Invalid`](Error::Invalid) | the programmer: the input or the stored data is wrong, and a retry fails again |
/// | [`Unusable`](Error::Unusable) | the operator: the store or the app is set up wrongly |
/// | [`Unavailable`](Error::Unavailable), [`Busy`](Error::Busy) | no action is needed: nothing was written, and a later retry may succeed |
/// | [`OutcomeUnknown`](Error::OutcomeUnknown) | the caller: a retry with the same command id finds out |
/// | [`NotCaughtUp`](Error::NotCaughtUp), [`Building`](Error::Building) | the caller: the read model needs more time, or is stopped |
/// | [`Panicked`](Error::Panicked) | the programmer: a function of the application panicked |
///
/// `Display` prints the whole message, including that of the layer below. [`source`](std::error::Error::source) returns the
/// error of the layer below, for programs that look for a certain cause; printing it too would repeat a part of the message.
///
/// ```
/// use annalist::{Error, Tag};
///
/// let error = Error::from(Tag::new("Account", 7).unwrap_err());
/// assert!(matches!(error, Error::Invalid(_)));
/// assert!(!error.is_unavailable());
/// assert!(error.to_string().starts_with("tag \"Account:7\" is not valid:"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input or the stored data is not valid. The same call fails again. Nothing was written.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The store or the app cannot be used in its current set-up: a wrong address, a newer schema, missing rights, an unsafe
    /// setting, a projection that is not registered. Nothing was written.
    #[error("{operation}: {reason}")]
    Unusable {
        /// The operation that failed, such as "open sqlite log `bank.db`".
        operation: String,
        /// What is wrong, and what to change.
        reason: String,
        /// The error of the layer below, if there is one.
        #[source]
        source: Option<BoxError>,
    },
    /// The store is not available now. Nothing was written. The same call may succeed later.
    #[error("{operation}: the store is not available: {reason}")]
    Unavailable {
        /// The operation that failed.
        operation: String,
        /// Why the store is not available.
        reason: String,
        /// The error of the layer below, if there is one.
        #[source]
        source: Option<BoxError>,
    },
    /// A write was sent to the store, but the response was lost. The write may or may not have happened. Retry with the same
    /// command id to find out.
    #[error("{operation}: the response was lost; the write may have happened: {reason}")]
    OutcomeUnknown {
        /// The operation whose outcome is unknown.
        operation: String,
        /// How the response was lost.
        reason: String,
        /// The error of the layer below, if there is one.
        #[source]
        source: Option<BoxError>,
    },
    /// A command waited for an aggregate that another command of this process is changing, until its time was over
    /// ([`Retry`](crate::app::Retry)). Nothing was written. The same call may succeed later.
    #[error("{}", busy(command, aggregate, *waited, holder, *held, step))]
    Busy {
        /// The command that waited.
        command: &'static str,
        /// The aggregate: its Rust type and its id.
        aggregate: String,
        /// How long the command waited for it.
        waited: Duration,
        /// The command that is changing the aggregate.
        holder: &'static str,
        /// How long that command has been at work on the aggregate.
        held: Duration,
        /// What that command is doing now, as the end of a sentence.
        step: &'static str,
    },
    /// A read model does not yet include the position that the caller wants to see, or has no complete build to read.
    #[error("{}", not_caught_up(projection, *wanted, *reached, reason))]
    NotCaughtUp {
        /// The name of the projection.
        projection: &'static str,
        /// The position that the caller waited for.
        wanted: Position,
        /// The position that the projection has reached.
        reached: Position,
        /// Why the wait ended.
        reason: String,
    },
    /// A read model cannot be queried yet because its first complete build is in progress.
    #[error("`{projection}` cannot be queried yet: {progress}")]
    Building {
        /// The name of the projection.
        projection: &'static str,
        /// The progress of the build.
        progress: Box<Progress>,
    },
    /// A function of the application (a decision, a fold, a `Serialize`) panicked. Nothing was written. The process and the
    /// store continue to work.
    #[error("{function} panicked: {message}")]
    Panicked {
        /// The code that panicked, such as "the code of `deposit`": a command, an aggregate or an event.
        function: String,
        /// The message of the panic.
        message: String,
    },
}

impl Invalid {
    /// The position of the stored event that cannot be read, if the error is about one.
    pub(crate) fn position(&self) -> Option<Position> {
        match self {
            Self::Damaged { position, .. }
            | Self::Decode { position, .. }
            | Self::NewerVersion { position, .. }
            | Self::UnknownType { position, .. } => Some(*position),
            _ => None,
        }
    }
}

/// The text of [`Error::Busy`].
fn busy(
    command: &str,
    aggregate: &str,
    waited: Duration,
    holder: &str,
    held: Duration,
    step: &str,
) -> String {
    format!(
        "`{command}` was not executed: it waited {waited:.1?} for the aggregate {aggregate}, on which the command `{holder}` has been \
         at work for {held:.1?}; that command {step}. Nothing was written; try again later"
    )
}

/// The text of [`Error::NotCaughtUp`]. At the wanted position it is not the position that is missing, but a complete build.
fn not_caught_up(projection: &str, wanted: Position, reached: Position, reason: &str) -> String {
    if reached < wanted {
        format!("`{projection}` has not reached position {wanted}; it is at {reached}: {reason}")
    } else {
        format!(
            "`{projection}` cannot be queried yet; its first build is not complete and at {reached}: {reason}"
        )
    }
}

impl Error {
    /// Creates an [`Error::Unusable`] without a source.
    ///
    /// ```
    /// use annalist::Error;
    ///
    /// let error = Error::unusable("open sqlite log `bank.db`", "the file is read-only");
    /// assert_eq!(error.to_string(), "open sqlite log `bank.db`: the file is read-only");
    /// ```
    pub fn unusable(operation: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unusable { operation: operation.into(), reason: reason.into(), source: None }
    }

    /// Creates an [`Error::Unavailable`] whose reason is the message of its source.
    ///
    /// ```
    /// use annalist::Error;
    ///
    /// let error = Error::unavailable("read the log", "connection refused");
    /// assert!(error.is_unavailable());
    /// ```
    pub fn unavailable(operation: impl Into<String>, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        Self::Unavailable { operation: operation.into(), reason: source.to_string(), source: Some(source) }
    }

    /// Creates an [`Error::OutcomeUnknown`] whose reason is the message of its source.
    ///
    /// ```
    /// use annalist::Error;
    ///
    /// let error = Error::unknown("append", "connection reset");
    /// assert!(error.is_unknown());
    /// ```
    pub fn unknown(operation: impl Into<String>, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        Self::OutcomeUnknown { operation: operation.into(), reason: source.to_string(), source: Some(source) }
    }

    /// Returns `true` if nothing was written and a later retry may succeed.
    ///
    /// ```
    /// use annalist::Error;
    ///
    /// assert!(Error::unavailable("read the log", "connection refused").is_unavailable());
    /// assert!(!Error::unusable("open the log", "no such folder").is_unavailable());
    /// ```
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Busy { .. })
    }

    /// Returns `true` if a write may have happened although its response was lost.
    ///
    /// ```
    /// use annalist::Error;
    ///
    /// assert!(Error::unknown("append", "connection reset").is_unknown());
    /// assert!(!Error::unavailable("read the log", "connection refused").is_unknown());
    /// ```
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }
}

/// A value that no store accepts, or stored data that this program cannot read.
///
/// ```
/// use annalist::{Invalid, manual::Payload};
///
/// let error = Payload::parse("{ not json }").unwrap_err();
/// assert!(matches!(error, Invalid::NotJson(_)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// A name, id, tag or other text breaks a rule.
    #[error("{what} {value:?} is not valid: {rule}")]
    Text {
        /// What the text is: "tag", "event name", ….
        what: &'static str,
        /// The text, shortened.
        value: String,
        /// The rule that the text breaks.
        rule: String,
    },
    /// A value is larger than its limit.
    #[error("{what} has {size} bytes; the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A text that should be a JSON payload is not JSON.
    #[error("the payload is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// The `Serialize` of an event or a command failed.
    #[error("`{name}` cannot be encoded: {source}")]
    Encode {
        /// The stored name of the event or command.
        name: String,
        /// The error of the serializer.
        source: serde_json::Error,
    },
    /// An event, a `#[json]` column or a snapshot would be written in a form that this program reads back as another value or not at
    /// all, such as a NaN, which JSON turns into `null`.
    #[error("`{name}` cannot be read back: it is written as {data}, and reading that results in: {reason}")]
    NotReadable {
        /// The stored name of the event, or the Rust type of the column or state.
        name: String,
        /// The payload that would be stored, shortened.
        data: String,
        /// The result of reading it, shortened.
        reason: String,
    },
    /// The payload of a stored event does not fit the type that reads it.
    #[error("event `{name}` version {version} at position {position} cannot be decoded: {source}")]
    Decode {
        /// The stored name.
        name: String,
        /// The stored schema version.
        version: u32,
        /// The position of the event.
        position: Position,
        /// The error of the deserializer.
        source: serde_json::Error,
    },
    /// A stored event has a type that the reading Rust type does not contain.
    #[error("event `{name}` version {version} at position {position} is not an event type of `{reader}`")]
    UnknownType {
        /// The stored name.
        name: String,
        /// The stored schema version.
        version: u32,
        /// The position of the event.
        position: Position,
        /// The Rust type that should read the event.
        reader: &'static str,
    },
    /// A stored event was written by a newer version of the program.
    #[error(
        "event `{name}` version {version} at position {position} is newer than version {known}, the newest that this program can read; deploy the newer program"
    )]
    NewerVersion {
        /// The stored name.
        name: String,
        /// The stored schema version.
        version: u32,
        /// The position of the event.
        position: Position,
        /// The newest version that this program can read.
        known: u32,
    },
    /// A stored record does not have the form in which stores write records.
    #[error("the stored record at position {position} is damaged: {reason}")]
    Damaged {
        /// The position of the record.
        position: Position,
        /// What is wrong with it.
        reason: String,
    },
    /// A command id was used before, for another command.
    #[error("command id `{id}` was already used for {first} and cannot be used for {second}")]
    CommandIdReused {
        /// The command id.
        id: String,
        /// The command that used the id first, with its aggregate ids.
        first: String,
        /// The command that was sent with the id now.
        second: String,
    },
    /// A hand-written `load` asked for a state that was not in its plan.
    #[error(
        "the state `{state}` was not read for this command: `load` must ask for the same states in the same order each time"
    )]
    StateNotPlanned {
        /// The Rust type of the state.
        state: &'static str,
    },
    /// Two Rust types use the same stored name.
    #[error("{what} `{name}` is used by both `{first}` and `{second}`; {advice}")]
    DuplicateName {
        /// "the event name", "the id kind", "the projection or policy name" or "the snapshot name".
        what: &'static str,
        /// The stored name.
        name: String,
        /// The Rust type that was registered first.
        first: String,
        /// The Rust type that was registered second.
        second: String,
        /// How to resolve it.
        advice: &'static str,
    },
}

/// Why a command was not accepted. `E` is the error type of the command's decision. Unless the variant says otherwise,
/// nothing was written.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::ExecuteError;
///
/// # run(async {
/// # let app = bank().await?;
/// match app.execute(Deposit { account: id("unknown"), cents: 5 }).await {
///     Err(ExecuteError::Rejected(reason)) => assert_eq!(reason, AccountError::NotOpen),
///     other => panic!("expected a rejection, got {other:?}"),
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ExecuteError<E> {
    /// The decision rejected the command with the application's own error.
    Rejected(E),
    /// In every attempt, another command appended events that the decision had read before. A later retry may succeed.
    Conflict {
        /// The number of attempts.
        tries: u32,
        /// The position of the conflicting event in the last attempt.
        conflicting_position: Position,
    },
    /// The command, its events or the stored history is not valid.
    Invalid(Invalid),
    /// A decision, a fold or other code of the application panicked; see [`Error::Panicked`].
    Panicked(Error),
    /// The store is not available now ([`Error::Unavailable`]), another command of this process is changing the aggregate
    /// ([`Error::Busy`]), or the store cannot be used in its current set-up ([`Error::Unusable`]).
    Unavailable(Error),
    /// The response of the store was lost; the events may have been written. Retry with the same command id to find out.
    OutcomeUnknown(Error),
}

impl<E> ExecuteError<E> {
    /// Converts the error of a rejection; every other variant stays as it is.
    ///
    /// ```
    /// use annalist::ExecuteError;
    ///
    /// let error = ExecuteError::Rejected("not open").map(|rejection| rejection.len());
    /// assert_eq!(error.rejection(), Some(&8));
    /// ```
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> ExecuteError<F> {
        match self {
            Self::Rejected(rejection) => ExecuteError::Rejected(f(rejection)),
            Self::Conflict { tries, conflicting_position } => {
                ExecuteError::Conflict { tries, conflicting_position }
            }
            Self::Invalid(invalid) => ExecuteError::Invalid(invalid),
            Self::Panicked(error) => ExecuteError::Panicked(error),
            Self::Unavailable(error) => ExecuteError::Unavailable(error),
            Self::OutcomeUnknown(error) => ExecuteError::OutcomeUnknown(error),
        }
    }

    /// Returns the error of the decision, if the command was rejected.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let error = app.execute(open("a", "Ada")).await.unwrap_err();
    /// assert_eq!(error.rejection(), Some(&AccountError::AlreadyOpen));
    /// # Ok(())
    /// # });
    /// ```
    pub fn rejection(&self) -> Option<&E> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            _ => None,
        }
    }
}

impl<E> From<Error> for ExecuteError<E> {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(invalid) => Self::Invalid(invalid),
            Error::Panicked { .. } => Self::Panicked(error),
            Error::OutcomeUnknown { .. } => Self::OutcomeUnknown(error),
            Error::Unusable { .. }
            | Error::Unavailable { .. }
            | Error::Busy { .. }
            | Error::NotCaughtUp { .. }
            | Error::Building { .. } => Self::Unavailable(error),
        }
    }
}

impl<E> From<Invalid> for ExecuteError<E> {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl<E: fmt::Display> fmt::Display for ExecuteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejection) => rejection.fmt(f),
            Self::Conflict { tries, conflicting_position } => write!(
                f,
                "gave up after {tries} tries: other commands kept appending events that the decision reads, the last one at position {conflicting_position}"
            ),
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::Panicked(error) | Self::Unavailable(error) | Self::OutcomeUnknown(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for ExecuteError<E> {
    /// The source of the inner error: `Display` already prints the message of the inner error.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rejected(rejection) => rejection.source(),
            Self::Conflict { .. } => None,
            Self::Invalid(invalid) => std::error::Error::source(invalid),
            Self::Panicked(error) | Self::Unavailable(error) | Self::OutcomeUnknown(error) => error.source(),
        }
    }
}
