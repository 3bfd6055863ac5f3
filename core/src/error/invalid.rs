//! Values that no store accepts, and stored data that cannot be read.

use crate::{error::BoxError, position::Position};

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
    /// The log has events under a name that succeeds one that is read, and the program does not know it: a newer program has renamed the
    /// event type, or replaced it by others.
    #[error(
        "events `{name}` are superseded by `{successor}` since position {since}, which this program does not read; deploy the newer program"
    )]
    Superseded {
        /// The stored name that the program reads.
        name: String,
        /// The stored name that succeeds it.
        successor: String,
        /// The position of the first event of the successor.
        since: Position,
    },
    /// The conversion of a stored event to its next version, or to the event type that is made from it, has failed or panicked.
    #[error(
        "event `{name}` version {version} at position {position} cannot be converted to {target}: {source}"
    )]
    Upcast {
        /// The stored name.
        name: String,
        /// The stored schema version.
        version: u32,
        /// The position of the event.
        position: Position,
        /// What it is converted to: "version 3", or "`booking.reserved`".
        target: String,
        /// The error of the conversion.
        source: BoxError,
    },
    /// An event that is `retired` would be written.
    #[error("the event `{name}` is retired and cannot be written; write the events that are made from it")]
    Retired {
        /// The stored name.
        name: String,
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

impl Invalid {
    /// The position of the stored event that cannot be read, if the error is about one.
    pub(crate) fn position(&self) -> Option<Position> {
        match self {
            Self::Damaged { position, .. }
            | Self::Decode { position, .. }
            | Self::NewerVersion { position, .. }
            | Self::UnknownType { position, .. }
            | Self::Upcast { position, .. } => Some(*position),
            _ => None,
        }
    }
}
