//! What PostgreSQL and the driver say, as the core's errors.
//!
//! The question that matters is whether an append may have happened. Nothing was written if nothing was sent, or if the server
//! itself answered with an error and went on: the transaction is gone. If the answer is missing, or the server ended the
//! connection with its last words (which may come after the commit), nobody knows.

use std::{any::Any, sync::Arc};

use annalist_core::error::{BoxError, Error};
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Raised by our own functions: the isolation level is not the one they need.
const ISOLATION: &str = "AN001";

/// What to change if the isolation level is not `read committed`.
pub(crate) const SET_READ_COMMITTED: &str = "conditions are exact in `read committed` only; say ALTER ROLE … SET default_transaction_isolation TO 'read committed' (or ALTER DATABASE), and leave it alone in the connection's options";

/// The error of a read, or of anything else that wrote nothing or whose repetition does no harm.
pub(crate) fn failed(operation: String, source: impl Into<Arc<sqlx::Error>>) -> Error {
    let source = source.into();
    match server(&source).and_then(advice) {
        Some(advice) => unusable(operation, &advice, source),
        None => Error::Unavailable { operation, reason: told(&source), source: Some(source.into()) },
    }
}

/// The error of an append that was sent.
pub(crate) fn append_failed(operation: String, source: Arc<sqlx::Error>) -> Error {
    match &*source {
        sqlx::Error::Encode(_) => failed(operation, source),
        _ if server(&source).is_some_and(is_final) => failed(operation, source),
        _ => Error::OutcomeUnknown { operation, reason: told(&source), source: Some(source.into()) },
    }
}

/// Whether a row with a number or id that we thought free was there already. Nothing was written.
pub(crate) fn is_taken(source: &sqlx::Error) -> bool {
    server(source).is_some_and(|said| said.code() == "23505")
}

/// Whether the server refuses what it was given to keep, so that other input may fare better. Nothing was written.
pub(crate) fn blames_input(source: &sqlx::Error) -> bool {
    server(source).is_some_and(|said| is_input(said.code()))
}

/// Whether a view is there whose columns are not those of the one that was to replace it.
pub(crate) fn is_other_view(source: &sqlx::Error) -> bool {
    server(source).is_some_and(|said| said.code() == "42P16")
}

/// What the server said, if it was the server that spoke.
pub(crate) fn server(source: &sqlx::Error) -> Option<&PgDatabaseError> {
    match source {
        sqlx::Error::Database(said) => said.try_downcast_ref::<PgDatabaseError>(),
        _ => None,
    }
}

pub(crate) fn unusable(operation: String, advice: &str, source: impl Into<BoxError>) -> Error {
    let source = source.into();
    Error::Unusable { operation, reason: format!("{source}; {advice}"), source: Some(source) }
}

/// Whether an error of the server is its whole answer, so that the transaction did not happen.
fn is_final(said: &PgDatabaseError) -> bool {
    !matches!(said.severity(), PgSeverity::Fatal | PgSeverity::Panic)
}

/// What somebody has to change, if waiting does not help.
fn advice(said: &PgDatabaseError) -> Option<String> {
    let advice = match said.code() {
        ISOLATION => SET_READ_COMMITTED,
        "42501" => {
            "grant the role what it needs: USAGE on the schema and its sequences, SELECT and INSERT on its tables, UPDATE on `log` and `snapshots`, DELETE on `commands` to forget them; for projections UPDATE on `builds`, INSERT, UPDATE and DELETE on `parked`, and in the schema of the rows USAGE, and SELECT, INSERT, UPDATE and DELETE on its tables; to make and discard builds CREATE there, INSERT and DELETE on `builds`, and to own the tables and views"
        }
        "3F000" | "42P01" | "42703" | "42883" => {
            "the schema is not as this program made it; open the log again, or restore what was dropped"
        }
        "2BP01" => {
            let what = said.detail().unwrap_or("it is not said what");
            return Some(format!(
                "what depends on it ({what}) stands in the way: drop it, and make it again afterwards"
            ));
        }
        "42809" | "42P07" => {
            "something that this program did not make has the name already; drop it, or give it another name"
        }
        "25006" => "this server or session only reads; connect to the primary, in sessions that may write",
        "28000" | "28P01" => "check the user, the password and the server's pg_hba.conf",
        "3D000" => "create the database first, or name another one in the address",
        code if is_input(code) => "PostgreSQL cannot keep this input; it will not do better when asked again",
        _ => return None,
    };
    Some(advice.to_owned())
}

/// Data exceptions and exceeded limits (PostgreSQL manual, appendix A).
fn is_input(code: &str) -> bool {
    code.starts_with("22") || code.starts_with("54")
}

/// The error for code of the user's that panicked.
pub(crate) fn panicked(function: String, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::Panicked { function, message: text.unwrap_or_else(|| "no message".to_owned()) }
}

fn told(source: &sqlx::Error) -> String {
    match source {
        sqlx::Error::PoolTimedOut => {
            "no connection became free in time; the server does not answer, or all connections are in use"
                .to_owned()
        }
        sqlx::Error::PoolClosed => "the connections were closed".to_owned(),
        sqlx::Error::Io(error) => format!("the connection failed: {error}"),
        _ => source.to_string(),
    }
}
