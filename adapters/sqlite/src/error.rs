//! What SQLite and the pool say, told as what to do about it.

use std::{any::Any, sync::Arc};

use annalist_core::error::{BoxError, Error, Invalid};

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

/// Who can act: time, or a person.
enum Cure {
    Wait,
    Repair,
}

/// The error of an operation that has written nothing.
pub(crate) fn failed(operation: &str, error: impl Into<Arc<sqlx::Error>>) -> Error {
    let error = error.into();
    let (cure, advice) = diagnose(&error);
    let (operation, reason) = (operation.to_owned(), reason(&error, advice));
    let source = Some(BoxError::from(error));
    match cure {
        Cure::Wait => Error::Unavailable { operation, reason, source },
        Cure::Repair => Error::Unusable { operation, reason, source },
    }
}

/// The error of a COMMIT. Only these two are known to have left nothing: the lock that was not granted, and the page that
/// did not fit. After any other one the commit may be in the file, and whoever opens it next may find it.
pub(crate) fn failed_commit(operation: &str, error: Arc<sqlx::Error>) -> Error {
    match code(&error) {
        Some(BUSY | FULL) => failed(operation, error),
        _ => Error::OutcomeUnknown {
            operation: operation.to_owned(),
            reason: reason(&error, "the commit was under way"),
            source: Some(error.into()),
        },
    }
}

/// Whether another connection holds what this one wants.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(BUSY | LOCKED))
}

fn diagnose(error: &sqlx::Error) -> (Cure, &'static str) {
    match error {
        sqlx::Error::PoolClosed => (Cure::Wait, "the pool was closed; open the store again"),
        sqlx::Error::PoolTimedOut => {
            (Cure::Wait, "no connection came free in time; allow the pool more, or look for one that is held")
        }
        sqlx::Error::WorkerCrashed => (Cure::Wait, "the connection's thread has ended"),
        sqlx::Error::Configuration(_) => (Cure::Repair, "the address cannot be read"),
        sqlx::Error::Io(_) => (Cure::Repair, "the file name cannot be used"),
        _ => code(error)
            .map_or((Cure::Repair, "the tables do not have the form that they should"), diagnose_code),
    }
}

fn diagnose_code(code: i32) -> (Cure, &'static str) {
    match code {
        BUSY | LOCKED => (
            Cure::Wait,
            "another connection held the file for longer than the busy timeout; look for a long transaction, or raise the timeout",
        ),
        FULL => (Cure::Wait, "the disk or the file's page limit is full; make room"),
        IOERR => (Cure::Wait, "the disk failed; look at the system's log"),
        NOMEM | INTERRUPT | SCHEMA => (Cure::Wait, "it may work the next time"),
        READONLY => (Cure::Repair, "the file, or its connection, is read-only; make it writable"),
        PERM | AUTH => (Cure::Repair, "access is denied; change the rights"),
        CANTOPEN => {
            (Cure::Repair, "the file cannot be opened; check that its directory exists and may be written to")
        }
        NOTADB => (Cure::Repair, "the file is not a SQLite database; give another path"),
        CORRUPT => (Cure::Repair, "the file is damaged; restore a copy, or see sqlite3's `.recover`"),
        TOOBIG => (Cure::Repair, "a text is larger than SQLite can keep"),
        _ => (Cure::Repair, "the tables do not have the form that they should"),
    }
}

fn reason(error: &sqlx::Error, advice: &str) -> String {
    match error.as_database_error() {
        Some(said) => format!("{advice} (SQLite says: {said})"),
        None => format!("{advice} ({error})"),
    }
}

/// The primary part of the extended result code.
fn code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<i32>().ok().map(|extended| extended & 0xff)
}

/// Why something inside a transaction did not work.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The database failed; the transaction must not be committed.
    Database(sqlx::Error),
    /// What was asked for cannot be done; nothing of it was written, and the transaction is sound.
    Refused(Error),
}

impl Fault {
    /// The error of an operation that ends with it.
    pub(crate) fn of(self, operation: &str) -> Error {
        match self {
            Self::Database(error) => failed(operation, error),
            Self::Refused(error) => error,
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Invalid> for Fault {
    fn from(error: Invalid) -> Self {
        Self::Refused(error.into())
    }
}

/// The message of a panic of somebody else's code.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
