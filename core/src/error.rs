//! What can go wrong, and who can do something about it.

use std::fmt;

use crate::{position::Position, progress::Progress};

/// The source of an error, as the layer below reported it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why an operation failed. The variant says who can act: the caller ([`Invalid`](Error::Invalid)), the person who
/// runs the system ([`Unusable`](Error::Unusable)), time ([`Unavailable`](Error::Unavailable)), or the caller
/// by asking again ([`Unknown`](Error::Unknown)).
///
/// `Display` tells the whole story, with what the layer below said; `source` is there for programs that look for a certain
/// cause. Who prints the one need not print the other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input or stored data cannot be accepted; the same call will fail again. Nothing was written.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The store cannot be used as it is set up: wrong address, newer schema, missing rights, unsafe setting.
    #[error("{operation}: {reason}")]
    Unusable {
        /// What was being done, as in "open sqlite log `bank.db`".
        operation: String,
        /// What is wrong, and what to change.
        reason: String,
        /// What the layer below said, if it spoke.
        #[source]
        source: Option<BoxError>,
    },
    /// The store cannot answer now. Nothing was written; the same call may succeed later.
    #[error("{operation}: the store is not available: {reason}")]
    Unavailable {
        /// What was being done.
        operation: String,
        /// Why it did not work.
        reason: String,
        /// What the layer below said, if it spoke.
        #[source]
        source: Option<BoxError>,
    },
    /// A write was sent and its answer was lost: it may or may not have happened. Ask again with the same command id.
    #[error("{operation}: the answer was lost, the write may have happened: {reason}")]
    OutcomeUnknown {
        /// What was being done.
        operation: String,
        /// How the answer was lost.
        reason: String,
        /// What the layer below said, if it spoke.
        #[source]
        source: Option<BoxError>,
    },
    /// A read model is not as far as the caller wants to see it.
    #[error("`{projection}` has not reached position {wanted}, it stands at {reached}: {reason}")]
    NotCaughtUp {
        /// The projection.
        projection: &'static str,
        /// The position that was waited for.
        wanted: Position,
        /// How far it is.
        reached: Position,
        /// Why the wait ended.
        reason: String,
    },
    /// A read model cannot be asked yet: its first complete build is on the way.
    #[error("`{projection}` cannot be asked yet: {progress}")]
    Building {
        /// The projection.
        projection: &'static str,
        /// How far it is.
        progress: Box<Progress>,
    },
    /// The user's own code (a decision, a fold, a `Serialize`) panicked. The process and the store go on; nothing was
    /// written.
    #[error("{function} panicked: {message}")]
    Panicked {
        /// Whose code, as in "the code of `deposit`": a command, an aggregate or an event.
        function: String,
        /// The message of the panic.
        message: String,
    },
}

impl Error {
    /// An [`Error::Unusable`] without a source.
    pub fn unusable(operation: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unusable { operation: operation.into(), reason: reason.into(), source: None }
    }

    /// An [`Error::Unavailable`] whose reason is its source.
    pub fn unavailable(operation: impl Into<String>, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        Self::Unavailable { operation: operation.into(), reason: source.to_string(), source: Some(source) }
    }

    /// An [`Error::OutcomeUnknown`] whose reason is its source.
    pub fn unknown(operation: impl Into<String>, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        Self::OutcomeUnknown { operation: operation.into(), reason: source.to_string(), source: Some(source) }
    }

    /// Whether nothing was written and the same call may succeed later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether the write may have happened although no answer came.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }
}

/// Input that no store accepts, or stored data that this program cannot read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// A name, id or tag that breaks a rule of the log.
    #[error("{what} {value:?} is not valid: {rule}")]
    Text {
        /// What it was meant to be: "tag", "event name", ….
        what: &'static str,
        /// The text, cut to a length that fits into a message.
        value: String,
        /// The rule it breaks.
        rule: String,
    },
    /// Something larger than the log accepts.
    #[error("{what} has {size} bytes; the limit is {limit}")]
    TooLarge {
        /// What is too large, with its name.
        what: String,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A text that was given as a JSON payload and is none.
    #[error("the payload is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// An event or command that its own `Serialize` refuses to write.
    #[error("`{name}` cannot be encoded: {source}")]
    Encode {
        /// The stored name of the event or command.
        name: String,
        /// What the serializer said.
        source: serde_json::Error,
    },
    /// An event that this program writes and then cannot read back, such as a NaN that JSON turns into null.
    #[error("`{name}` would be unreadable: it is written as {data}, and reading that gives: {reason}")]
    NotReadable {
        /// The stored name of the event.
        name: String,
        /// What would be stored, cut to a length that fits into a message.
        data: String,
        /// What reading it says, cut likewise.
        reason: String,
    },
    /// A stored event whose payload does not fit the type that reads it.
    #[error("event `{name}` version {version} at position {position} cannot be decoded: {source}")]
    Decode {
        /// The stored name.
        name: String,
        /// The stored schema version.
        version: u32,
        /// Where it stands.
        position: Position,
        /// What the deserializer said.
        source: serde_json::Error,
    },
    /// A stored event of a type that the reading code does not know.
    #[error("event `{name}` version {version} at position {position} is of no type that `{reader}` knows")]
    UnknownType {
        /// The stored name.
        name: String,
        /// The stored schema version.
        version: u32,
        /// Where it stands.
        position: Position,
        /// The Rust type that was to read it.
        reader: &'static str,
    },
    /// A stored event written by a newer version of the program.
    #[error(
        "event `{name}` version {version} at position {position} is newer than version {known} that this program knows; deploy the newer program"
    )]
    NewerVersion {
        /// The stored name.
        name: String,
        /// The stored schema version.
        version: u32,
        /// Where it stands.
        position: Position,
        /// The newest version that the reading code knows.
        known: u32,
    },
    /// A row of the store that does not have the form that the store wrote.
    #[error("the stored record at position {position} is damaged: {reason}")]
    Damaged {
        /// Where it stands.
        position: Position,
        /// What is wrong with it.
        reason: String,
    },
    /// A command id that was already used, for something else.
    #[error("command id `{id}` was already used for {first}, not for {second}; an id belongs to one command")]
    CommandIdReused {
        /// The id.
        id: String,
        /// The command that owns the id, with the ids it named.
        first: String,
        /// The command that came with it now.
        second: String,
    },
    /// A `load` written by hand that asked for another state when it was to fold than when it was planned.
    #[error(
        "the state `{state}` was not read for this command: a `load` has to ask for the same states in the same order each time"
    )]
    StateNotPlanned {
        /// The Rust type of the state.
        state: &'static str,
    },
    /// Two Rust types that claim the same stored name.
    #[error("{what} `{name}` is claimed by both `{first}` and `{second}`; {advice}")]
    DuplicateName {
        /// "the event name" or "the id kind".
        what: &'static str,
        /// The stored name.
        name: String,
        /// The Rust type that came first.
        first: String,
        /// The Rust type that came second.
        second: String,
        /// What to write instead.
        advice: &'static str,
    },
}

/// Why a command was not accepted. `E` is the command's own error type.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExecuteError<E> {
    /// The decision said no, with the user's own error.
    Rejected(E),
    /// Every attempt met events that others had appended in between. Nothing was written.
    Conflict {
        /// How often it was tried.
        tries: u32,
        /// The position that the last attempt met.
        conflicting_position: Position,
    },
    /// The command, its events or the stored history cannot be accepted. Nothing was written.
    Invalid(Invalid),
    /// The decision, a fold or other code of the user panicked, with its message. Nothing was written.
    Panicked(Error),
    /// The store cannot answer ([`Error::Unavailable`]) or cannot be used ([`Error::Unusable`]). Nothing was written.
    Unavailable(Error),
    /// The answer of the store was lost: ask again with the same command id.
    OutcomeUnknown(Error),
}

impl<E> ExecuteError<E> {
    /// The same failure, with a rejection turned into another error type.
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

    /// The user's own error, if the decision said no.
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
                "gave up after {tries} tries: others kept appending events that the decision reads, the last one at position {conflicting_position}"
            ),
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::Panicked(error) | Self::Unavailable(error) | Self::OutcomeUnknown(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for ExecuteError<E> {
    /// The cause of the error inside: `Display` is that error's own message.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rejected(rejection) => rejection.source(),
            Self::Conflict { .. } => None,
            Self::Invalid(invalid) => std::error::Error::source(invalid),
            Self::Panicked(error) | Self::Unavailable(error) | Self::OutcomeUnknown(error) => error.source(),
        }
    }
}
