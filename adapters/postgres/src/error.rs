//! Errors of PostgreSQL and of the driver, as errors of the core.
//!
//! What matters is whether an append may have been written. Nothing was written if nothing was sent, or if the server replied with
//! an error and the session continued: the transaction was rolled back. If there is no reply, or the server ended the connection with its
//! error (which may come after the commit), the outcome is unknown.

use std::{fmt, sync::Arc, time::Duration};

use annalist_core::{error::Error, store::Archive, tag::Tag};
use sqlx::{
    PgPool,
    postgres::{PgDatabaseError, PgSeverity},
};

/// The code that our own functions raise if the isolation level is not `read committed`.
const ISOLATION: &str = "AN001";

/// The advice if the isolation level is not `read committed`.
pub(crate) const SET_READ_COMMITTED: &str = "append conditions are exact in `read committed` only; run ALTER ROLE … SET default_transaction_isolation TO 'read committed' (or ALTER DATABASE), and do not set it in the options of the connection";

/// The advice if a session lacks the statements of its connection, or has those of another one.
const SESSIONS_ARE_SHARED: &str = "a pooler seems to share the sessions of the server between connections, as PgBouncer does in transaction mode: open the log with `Options::transaction_pooling(true)`, or connect to the server itself or to a pooler in session mode";

/// The error of a read, or of any other call that wrote nothing or can safely be repeated.
pub(crate) fn failed(operation: String, source: impl Into<Arc<sqlx::Error>>) -> Error {
    let source = source.into();
    if let Some(NoConnection(reason)) = no_connection_in(&source) {
        let (reason, source) = (reason.clone(), Some(sqlx::Error::PoolTimedOut.into()));
        return Error::Unavailable { operation, reason, source };
    }
    match server_error(&source).and_then(advice) {
        Some(advice) => unusable(operation, &advice, source),
        None => Error::Unavailable { operation, reason: reason(&source), source: Some(source.into()) },
    }
}

/// Why no connection of the pool became free. Inside a [`sqlx::Error`] on the way to the error of the call.
#[derive(Debug)]
struct NoConnection(String);

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoConnection {}

/// The error if no connection of a pool became free within a time.
pub(crate) fn no_connection(pool: &PgPool, limit: Duration) -> sqlx::Error {
    let waited = limit.min(pool.options().get_acquire_timeout());
    let (open, max) = (pool.size(), pool.options().get_max_connections());
    let reason = if open < max {
        format!(
            "the server did not accept another connection within {waited:?} ({open} of at most {max} are open); check that it can be reached and has connections left"
        )
    } else {
        format!(
            "no connection of the pool became free within {waited:?}: all {max} are in use, perhaps by transactions of the caller, or the server does not answer; end those transactions first, or give the store a pool of its own or a larger one"
        )
    };
    sqlx::Error::Configuration(NoConnection(reason).into())
}

fn no_connection_in(error: &sqlx::Error) -> Option<&NoConnection> {
    match error {
        sqlx::Error::Configuration(error) => error.downcast_ref(),
        _ => None,
    }
}

/// The error of an append or a COMMIT that was sent.
pub(crate) fn append_failed(operation: String, source: Arc<sqlx::Error>) -> Error {
    match &*source {
        sqlx::Error::Encode(_) => failed(operation, source),
        _ if server_error(&source).is_some_and(is_final) => failed(operation, source),
        _ => Error::OutcomeUnknown { operation, reason: reason(&source), source: Some(source.into()) },
    }
}

/// Whether a position or an id exists already. Nothing was written.
pub(crate) fn is_unique_violation(source: &sqlx::Error) -> bool {
    server_error(source).is_some_and(|error| error.code() == "23505")
}

/// Whether the server rejected the input, so that other input may succeed. Nothing was written.
pub(crate) fn is_input_error(source: &sqlx::Error) -> bool {
    server_error(source).is_some_and(|error| is_input(error.code()))
}

/// Whether the server or the role has no connection left.
pub(crate) fn is_connection_limit(source: &sqlx::Error) -> bool {
    server_error(source).is_some_and(|error| error.code() == "53300")
}

/// Whether the check of the server found that a commit is invisible.
pub(crate) fn is_invisible_commit(source: &sqlx::Error) -> bool {
    server_error(source).is_some_and(|error| error.code() == "AN002")
}

/// Whether one of our functions found that the log has lost an event that this process has seen. Nothing was written.
pub(crate) fn is_lost_event(source: &sqlx::Error) -> bool {
    server_error(source).is_some_and(|error| error.code() == "AN003")
}

/// The error of a read by a closed id, if our function found one.
pub(crate) fn archived(source: &sqlx::Error) -> Option<Error> {
    let error = server_error(source).filter(|error| error.code() == "AN004")?;
    let archive = Archive::from_json(error.detail()?).ok()?;
    Tag::parse(error.message()).ok().map(|id| archive.refused(&id).into())
}

/// Whether a view could not be replaced, because its columns are different.
pub(crate) fn has_other_columns(source: &sqlx::Error) -> bool {
    server_error(source).is_some_and(|error| error.code() == "42P16")
}

/// Whether the error is that a table does not exist.
pub(crate) fn is_undefined_table(source: &sqlx::Error) -> bool {
    server_error(source).is_some_and(|error| error.code() == "42P01")
}

/// Whether the connection was lost: it failed, or the server ended the session. If the server did not reply to a statement before that,
/// its outcome is unknown.
pub(crate) fn is_lost_connection(source: &sqlx::Error) -> bool {
    match source {
        sqlx::Error::Io(_) => true,
        // "Operator intervention": the session was terminated, or the server shuts down or has crashed. A pooler says that all by its
        // only code.
        _ => server_error(source).is_some_and(|error| {
            !is_final(error) && (error.code().starts_with("57P") || error.code() == "08P01")
        }),
    }
}

/// The error of the server, if it is one.
pub(crate) fn server_error(source: &sqlx::Error) -> Option<&PgDatabaseError> {
    match source {
        sqlx::Error::Database(error) => error.try_downcast_ref::<PgDatabaseError>(),
        _ => None,
    }
}

/// An error that needs a change before a call can succeed.
pub(crate) fn unusable(operation: String, advice: &str, source: impl Into<Arc<sqlx::Error>>) -> Error {
    let source = source.into();
    Error::Unusable {
        operation,
        reason: format!("{}; {advice}", reason(&source)),
        source: Some(source.into()),
    }
}

/// Whether the session continued after an error of the server, so that the transaction was rolled back.
fn is_final(error: &PgDatabaseError) -> bool {
    !matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
}

/// What has to be changed, if retrying does not help.
fn advice(error: &PgDatabaseError) -> Option<String> {
    let advice = match error.code() {
        ISOLATION => SET_READ_COMMITTED,
        "42501" => {
            "grant the role what it needs: USAGE on the schema and its sequences, SELECT and INSERT on its tables, UPDATE on `log` and `snapshots`, DELETE on `commands` to purge command ids and on `journal` to purge the journal; for secrets UPDATE on `subject_keys` and `key_state`, to forget subjects also UPDATE on `erasures` and DELETE on `subject_keys`; for projections UPDATE on `builds`, INSERT, UPDATE and DELETE on `parked`, and in the schema of the rows USAGE, and SELECT, INSERT, UPDATE and DELETE on its tables; to create and discard builds CREATE there, INSERT and DELETE on `builds`, and to own the tables and views"
        }
        "26000" | "42P05" => SESSIONS_ARE_SHARED,
        "08P01" => return pooler_advice(error.message()).map(str::to_owned),
        "3F000" | "42P01" | "42703" | "42883" => {
            "the schema is not as this program created it; open the log again, or restore what was dropped"
        }
        "2BP01" => {
            let objects = error.detail().unwrap_or("not named by the server");
            return Some(format!(
                "other objects depend on it ({objects}): drop them first, and create them again afterwards"
            ));
        }
        "42809" | "42P07" => {
            "another object that this program did not create has this name; drop or rename it"
        }
        "25006" => "this server or session is read-only; connect to the primary, in sessions that may write",
        "28000" | "28P01" => "check the user, the password and the server's pg_hba.conf",
        "3D000" => "create the database first, or name another one in the address",
        code if code.starts_with("42") => {
            "the server does not accept a statement of this program; open the log again, and check that the server and the schema are those that this program is for"
        }
        code if is_input(code) => "PostgreSQL cannot store this input; retrying does not help",
        _ => return None,
    };
    Some(advice.to_owned())
}

/// What has to be changed about a pooler, from the text of its protocol errors, which all have the same code.
fn pooler_advice(message: &str) -> Option<&'static str> {
    if message.contains("startup parameter") {
        return Some(
            "a pooler refuses a parameter that the connection starts with: remove it (`PgConnectOptions::extra_float_digits(None)`, no `options`), or list it in the pooler's `ignore_startup_parameters`",
        );
    }
    if message.contains("statement pooling") {
        return Some("a pooler in statement mode runs no transactions: use its transaction or session mode");
    }
    // Of PostgreSQL itself: the parameters of one statement were sent to another one.
    message.contains("bind message").then_some(SESSIONS_ARE_SHARED)
}

/// Data exceptions and exceeded limits (PostgreSQL manual, appendix A).
fn is_input(code: &str) -> bool {
    code.starts_with("22") || code.starts_with("54")
}

/// The reason in a message.
fn reason(source: &sqlx::Error) -> String {
    match source {
        sqlx::Error::PoolTimedOut => "the server did not answer in time".to_owned(),
        sqlx::Error::PoolClosed => "the connections were closed".to_owned(),
        sqlx::Error::Io(error) => format!("the connection failed: {error}"),
        // The driver's own text ends with a line number of the server's source code.
        _ => server_error(source).map_or_else(|| source.to_string(), |error| error.message().to_owned()),
    }
}
