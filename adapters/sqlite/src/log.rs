//! An open log: its connections, and how calls use them.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    rows::Table,
    store::{LogId, SeenLog},
};
use sqlx::{Sqlite, SqliteConnection, pool::PoolConnection};

use crate::{
    connections::Connections,
    error::{TransactionError, failed},
    file::LogFile,
    row_values::RowDialect,
    settings::Settings,
    sql::Sql,
};

/// What all clones of a [`Sqlite`](crate::Sqlite) share.
pub(crate) struct Log {
    /// "sqlite log `bank.db`", for messages.
    pub(crate) title: String,
    pub(crate) id: LogId,
    /// What this process has seen of the log.
    pub(crate) seen: Arc<SeenLog>,
    pub(crate) file: Arc<LogFile>,
    pub(crate) sql: Arc<Sql>,
    pub(crate) dialect: RowDialect,
    pub(crate) writer: Connections,
    pub(crate) readers: Connections,
    /// The settings that the connections of the user's pool must have; `None` if the pools belong to the store.
    pub(crate) required_settings: Option<Settings>,
}

/// What a call does, for messages.
#[derive(Clone, Copy)]
pub(crate) enum Operation<'a> {
    /// It concerns the whole log, as in "read".
    Log(&'static str),
    /// It concerns all builds of this projection.
    Builds(&'a str),
    /// It concerns the rows of a build, as in "query".
    Rows(&'static str, Table),
}

impl Log {
    /// What a call does to this log: "query the rows of `balances_v1` in sqlite log `bank.db`".
    pub(crate) fn describe(&self, operation: Operation<'_>) -> String {
        let title = &self.title;
        match operation {
            Operation::Log(action) => format!("{action} {title}"),
            Operation::Builds(projection) => format!("find projection {projection:?} in {title}"),
            Operation::Rows(action, table) => format!("{action} the rows of `{}` in {title}", table.name()),
        }
    }

    /// Runs statements that only read.
    pub(crate) async fn with_reader<T>(
        &self,
        operation: Operation<'_>,
        read: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, TransactionError>,
    ) -> Result<T, Error> {
        let connection = self.readers.acquire().await;
        let mut connection = connection.map_err(|error| failed(self.describe(operation), error))?;
        let result = read(&mut connection).await;
        self.finish(&mut connection, operation, result)
    }

    /// Returns a connection that writes, without checking its settings.
    pub(crate) async fn acquire_writer(
        &self,
        operation: Operation<'_>,
    ) -> Result<PoolConnection<Sqlite>, Error> {
        self.writer.acquire().await.map_err(|error| failed(self.describe(operation), error))
    }

    /// Returns a connection that writes, after checking its settings.
    pub(crate) async fn write_connection(
        &self,
        operation: Operation<'_>,
    ) -> Result<PoolConnection<Sqlite>, Error> {
        let mut connection = self.acquire_writer(operation).await?;
        let Some(required) = self.required_settings else { return Ok(connection) };
        let violation = match required.violation(&mut connection).await {
            Ok(None) => return Ok(connection),
            Ok(Some(violation)) => TransactionError::Unusable(violation),
            Err(error) => error.into(),
        };
        self.finish(&mut connection, operation, Err(violation))
    }

    /// Turns the error of a call into an error of the port, and closes the connection unless the error is [`Error::Invalid`]:
    /// some errors of the database end a transaction without the driver noticing.
    pub(crate) fn finish<T>(
        &self,
        connection: &mut PoolConnection<Sqlite>,
        operation: Operation<'_>,
        result: Result<T, impl Into<TransactionError>>,
    ) -> Result<T, Error> {
        result.map_err(|error| {
            let error = error.into().into_error(|| self.describe(operation));
            if !matches!(error, Error::Invalid(_)) {
                connection.close_on_drop();
            }
            error
        })
    }
}
