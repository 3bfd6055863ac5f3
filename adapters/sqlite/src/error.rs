//! Errors of SQLite and of the pool, as errors of the port that say what to do.

use std::sync::Arc;

use annalist_core::error::{BoxError, Error, Invalid};

use crate::connections::NoConnection;

// Primary result codes: <https://www.sqlite.org/rescode.html>.
const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const INTERRUPT: i32 = 9;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const SCHEMA: i32 = 17;
const TOOBIG: i32 = 18;
const AUTH: i32 = 23;
const NOTADB: i32 = 26;

/// The advice if another connection holds the lock.
pub(crate) const LOCK_HELD: &str = "another connection of this program or of another process held the lock for longer than the busy timeout; look for a transaction that stays open, perhaps one of your own, or raise the timeout";

const WRONG_SCHEMA: &str = "the tables do not have the expected form";

/// Whether a retry can help.
enum ErrorClass {
    Transient,
    Permanent,
}

/// The error of an operation that has written nothing.
pub(crate) fn failed(operation: impl Into<String>, error: impl Into<Arc<sqlx::Error>>) -> Error {
    let error = error.into();
    if let Some(NoConnection(reason)) = NoConnection::within(&error) {
        let source = Some(sqlx::Error::PoolTimedOut.into());
        return Error::Unavailable { operation: operation.into(), reason: reason.clone(), source };
    }
    let (class, advice) = diagnose(&error);
    let (operation, reason) = (operation.into(), reason(&error, advice));
    let source = Some(BoxError::from(error));
    match class {
        ErrorClass::Transient => Error::Unavailable { operation, reason, source },
        ErrorClass::Permanent => Error::Unusable { operation, reason, source },
    }
}

/// The error of a COMMIT. Only two are known to have written nothing: the lock was not granted, or a page did not fit.
/// After any other one the commit may be in the file, and become visible when the file is opened next.
pub(crate) fn failed_commit(operation: impl Into<String>, error: Arc<sqlx::Error>) -> Error {
    match code(&error) {
        Some(BUSY | FULL) => failed(operation, error),
        _ => Error::OutcomeUnknown {
            operation: operation.into(),
            reason: reason(&error, "the commit was in progress"),
            source: Some(error.into()),
        },
    }
}

/// Returns `true` if another connection holds the lock.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(BUSY | LOCKED))
}

fn diagnose(error: &sqlx::Error) -> (ErrorClass, &'static str) {
    match error {
        sqlx::Error::PoolClosed => (ErrorClass::Transient, "the pool was closed; open the store again"),
        sqlx::Error::PoolTimedOut => (ErrorClass::Transient, "no connection became free in time"),
        sqlx::Error::WorkerCrashed => (ErrorClass::Transient, "the thread of the connection has ended"),
        sqlx::Error::Configuration(_) => (ErrorClass::Permanent, "the URL is invalid"),
        sqlx::Error::Io(_) => (ErrorClass::Permanent, "the file name is invalid"),
        _ => code(error).map_or((ErrorClass::Permanent, WRONG_SCHEMA), diagnose_code),
    }
}

fn diagnose_code(code: i32) -> (ErrorClass, &'static str) {
    match code {
        BUSY | LOCKED => (ErrorClass::Transient, LOCK_HELD),
        FULL => (ErrorClass::Transient, "the disk is full, or the file reached its page limit; make room"),
        IOERR => (ErrorClass::Transient, "the disk failed; check the system log"),
        NOMEM | INTERRUPT | SCHEMA => (ErrorClass::Transient, "a retry may succeed"),
        READONLY => (ErrorClass::Permanent, "the file or its connection is read-only; make it writable"),
        PERM | AUTH => (ErrorClass::Permanent, "access is denied; change the permissions"),
        CANTOPEN => (
            ErrorClass::Permanent,
            "the file cannot be opened; check that its directory exists and is writable",
        ),
        NOTADB => (ErrorClass::Permanent, "the file is not a SQLite database; use another path"),
        CORRUPT => {
            (ErrorClass::Permanent, "the file is damaged; restore a backup, or try `.recover` of sqlite3")
        }
        TOOBIG => (ErrorClass::Permanent, "a text is larger than SQLite can store"),
        _ => (ErrorClass::Permanent, WRONG_SCHEMA),
    }
}

fn reason(error: &sqlx::Error, advice: &str) -> String {
    match error.as_database_error() {
        Some(error) => format!("{advice} (SQLite: {error})"),
        None => format!("{advice} ({error})"),
    }
}

/// The primary part of the extended result code.
fn code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<i32>().ok().map(|extended| extended & 0xff)
}

/// An error inside a transaction, before it is known which operation it ends.
#[derive(Debug)]
pub(crate) enum TransactionError {
    /// The database failed: the transaction must not be committed.
    Database(sqlx::Error),
    /// A stored value or the connection has this defect. Nothing was written, and the transaction can go on.
    Unusable(String),
    /// The request cannot be fulfilled. Nothing of it was written, and the transaction can go on.
    Refused(Error),
}

impl TransactionError {
    /// The error of the operation that it ends.
    pub(crate) fn into_error(self, operation: impl FnOnce() -> String) -> Error {
        match self {
            Self::Database(error) => failed(operation(), error),
            Self::Unusable(reason) => Error::unusable(operation(), reason),
            Self::Refused(error) => error,
        }
    }
}

impl From<sqlx::Error> for TransactionError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for TransactionError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Invalid> for TransactionError {
    fn from(error: Invalid) -> Self {
        Self::Refused(error.into())
    }
}
