//! The database of a log, as all parts of the store share it.

use std::time::Duration;

use annalist_core::{error::Error, store::LogId};
use sqlx::PgPool;

use crate::{error::failed, sql::Sql};

pub(crate) struct Database {
    pub(crate) pool: PgPool,
    pub(crate) sql: Sql,
    /// How the log is called in messages: "postgres log `annalist` of bank on localhost:5432".
    pub(crate) name: String,
    pub(crate) id: LogId,
    /// How long changes of builds wait for locks.
    pub(crate) timeout: Duration,
}

impl Database {
    /// The text of an operation for messages: "read postgres log `annalist` of bank on localhost:5432".
    pub(crate) fn operation(&self, what: &str) -> String {
        format!("{what} {}", self.name)
    }

    /// The error of a failed read.
    pub(crate) fn read_error(&self, error: sqlx::Error) -> Error {
        failed(self.operation("read"), error)
    }
}
