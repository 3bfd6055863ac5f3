//! Errors, grouped by the party that can act on them.
//!
//! | error | returned by | cause |
//! |---|---|---|
//! | [`ExecuteError`] | [`App::execute`](crate::app::App::execute) | a command was not accepted: its own rejection, a conflict, or one of the causes below |
//! | [`Error`] | everything else | the input, the set-up, the store, a read model, or a panic |
//! | [`Invalid`] | functions that check or decode; part of both | a value that no store accepts, or stored data that cannot be read |

mod invalid;
mod unread_events;

use std::{fmt, time::Duration};

pub(crate) use self::unread_events::list_unread;
pub use self::{invalid::Invalid, unread_events::UnreadEvents};
use crate::{position::Position, progress::Progress};

/// A boxed error of the layer below.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why an operation failed. The variant names the party that can act:
///
/// | variant | can act |
/// |---|---|
/// | [`Invalid`](Error::Invalid) | the programmer: the input or the stored data is wrong, and a retry fails again |
/// | [`Unusable`](Error::Unusable) | the operator: the store or the app is set up wrongly |
/// | [`UnreadEvents`](Error::UnreadEvents) | the operator: the log was written by a newer program, or a type was renamed |
/// | [`Unavailable`](Error::Unavailable), [`Busy`](Error::Busy) | no action is needed: nothing was written, and a later retry may succeed |
/// | [`OutcomeUnknown`](Error::OutcomeUnknown) | the caller: a retry with the same command id finds out |
/// | [`RuntimeEnded`](Error::RuntimeEnded) | the programmer: the app is used after its runtime |
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
    /// The log has events that the program does not read, so its decisions and rows would lack them. The app was not started.
    #[error("{operation}: {}", unread_events::refused(events))]
    UnreadEvents {
        /// The operation that failed.
        operation: String,
        /// The events, by stored names and versions. Never empty.
        events: Vec<UnreadEvents>,
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
    /// The tokio runtime that runs the tasks of the app has ended, so no call of the app works any more. A call that had begun to
    /// append ends as [`OutcomeUnknown`](Error::OutcomeUnknown) instead; of any other call nothing was written.
    #[error("{operation}: {RUNTIME_ENDED}")]
    RuntimeEnded {
        /// The operation that failed.
        operation: String,
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

/// Why an app does not work after its runtime, and what to do.
pub(crate) const RUNTIME_ENDED: &str = "the tokio runtime in which this app was started has ended, and with it the tasks of the app; open the store and start the app again in \
     each runtime (every `#[tokio::test]` has its own), or keep the runtime as long as the app, in the same static for example, and \
     run the calls on it";

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
    /// The decision rejected the command with the application's own error. Its states are what was committed at one moment of the
    /// call, with everything that was acknowledged before.
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
    /// ([`Error::Busy`]), the store cannot be used in its current set-up ([`Error::Unusable`]), or the runtime of the app has ended
    /// ([`Error::RuntimeEnded`]).
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
            | Error::UnreadEvents { .. }
            | Error::Unavailable { .. }
            | Error::Busy { .. }
            | Error::RuntimeEnded { .. }
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
