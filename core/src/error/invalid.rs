//! Values that no store accepts, and stored data that cannot be read.

use crate::{error::BoxError, position::Position, time::Timestamp};

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
    /// A secret belongs to a subject that is forgotten, so it is not written. Or an id that is personal is forgotten and stays taken, so nothing
    /// is read or written by it.
    #[error(
        "a secret of a forgotten subject is not written, and no event is read or written by a personal id that is forgotten; nothing was written; \
         `App::readmit` permits new secrets of the subject"
    )]
    SubjectForgotten,
    /// An event has an id that is personal in a field of the id's own type, where it cannot be read once it is forgotten.
    #[error(
        "`{name}` has an id that is personal: the type of its field is `Secret<…>`, with `#[id]` or `#[secret(subject = …)]`"
    )]
    IdOutsideOfSecret {
        /// The stored name of the event.
        name: String,
    },
    /// Something is read by an id that is personal, and the app has no keys, with which such ids are found.
    #[error(
        "events are read by an id of the kind `{kind}`, which is personal, and the app has no keys to find it: pass some to \
         `App::builder(…).keys(…)`"
    )]
    IdWithoutKeys {
        /// The kind of the id.
        kind: String,
    },
    /// A known secret has no subject.
    #[error(
        "`{name}` has a secret without a subject: give its field `#[secret(subject = …)]`, with the field that has the id of the subject"
    )]
    SecretWithoutSubject {
        /// The stored name of the event or command.
        name: String,
    },
    /// An event or command has secrets, and the app has no keys to encrypt them.
    #[error(
        "`{name}` has secrets, and the app has no keys to encrypt them: pass some to `App::builder(…).keys(…)`"
    )]
    SecretWithoutKeys {
        /// The stored name of the event or command.
        name: String,
    },
    /// A stored event has encrypted secrets, and the app has no keys to decrypt them.
    #[error(
        "event `{name}` at position {position} has encrypted secrets, and the app has no keys to decrypt them: pass those of the log to \
         `App::builder(…).keys(…)`"
    )]
    SealedWithoutKeys {
        /// The stored name.
        name: String,
        /// The position of the event.
        position: Position,
    },
    /// A value of the application has a field with a name that marks a secret.
    #[error("a field is named `$sealed` or `$secret`: these names are reserved for secrets")]
    SecretForm,
    /// An encrypted secret is damaged, or was written elsewhere and copied to this place.
    #[error("the secret `{path}` of {of} is damaged, or was copied from another place")]
    DamagedSecret {
        /// The thing that has the secret: "the event at position 7".
        of: String,
        /// The JSON pointer of the secret.
        path: String,
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
    /// Tags of these ids are being added to stored events ([`retag`](crate::retag::retag)), so what is read by them is not complete.
    #[error(
        "the stored events `{name}` get the tags of the ids `{kind}`, and do not all have them yet: wait until `retag` has ended, or call it again if it was interrupted"
    )]
    IdsIncomplete {
        /// The stored name of the events.
        name: String,
        /// The kind of the ids.
        kind: String,
    },
    /// The stored events have ids ([`retag`](crate::retag::retag)) that this program would append the event without.
    #[error(
        "the stored events `{name}` have the ids `{kind}`, which this program does not know: what is read by them would lack the event; deploy the newer program"
    )]
    IdsUnknown {
        /// The stored name of the events.
        name: String,
        /// The kind of the ids.
        kind: String,
    },
    /// Fields of stored events are encrypted ([`App::encrypt_stored`](crate::app::App::encrypt_stored)), and this program has them as plain fields.
    #[error(
        "the secrets {fields} of the stored events `{name}` are encrypted, and this program has them as plain fields: deploy a program with version {version} of the event or a later one, in which they have `#[secret(…)]`"
    )]
    SecretsUnknown {
        /// The stored name of the events.
        name: String,
        /// The fields, in backticks.
        fields: String,
        /// The version of the event type in which they are secrets.
        version: u32,
    },
    /// A secret of a stored event cannot be encrypted where it is ([`App::encrypt_stored`](crate::app::App::encrypt_stored)).
    #[error(
        "the secret `{path}` of event `{name}` version {version} at position {position} cannot be encrypted in place, because it is not the value of one part of the stored event that a secret can be read from: declare the field as `Secret<…>` in the type of that version too, and let `upcast` or `from` pass it on unchanged"
    )]
    SecretNotInPlace {
        /// The stored name of the event.
        name: String,
        /// The stored schema version.
        version: u32,
        /// The position of the event.
        position: Position,
        /// The path of the secret in the event of today, a JSON pointer.
        path: String,
    },
    /// Something is read or written by an id that is archived: its events have left the log for a file, or are about to.
    #[error("`{id}` is archived since {at}: its events are in the file `{file}`")]
    Archived {
        /// The id, as `kind:value`.
        id: String,
        /// The time at which the id was closed.
        at: Timestamp,
        /// The name of the file.
        file: String,
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
