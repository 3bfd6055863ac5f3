//! Whether the file still has what this process has seen of the log: not if an older copy was restored into it.

use annalist_core::{
    record::Position,
    store::{EventRef, Read, Seen},
};
use sqlx::{Row, SqliteConnection, query};
use uuid::Uuid;

use crate::{
    error::TransactionError,
    log::{Log, Operation},
    rows::{integer, position},
    sql::Sql,
};

/// The end of the log.
pub(crate) struct End {
    pub(crate) position: Position,
    /// The last event; `None` in an empty log, and if the stored id is not one.
    pub(crate) event: Option<EventRef>,
    /// The version of the list of successors, if it was read.
    pub(crate) successors: Option<u64>,
    /// Whether ids are closed, if it was read.
    pub(crate) has_closed_ids: bool,
}

impl End {
    /// That of an empty log.
    pub(crate) const START: Self =
        Self { position: Position::START, event: None, successors: None, has_closed_ids: false };

    /// From the columns of a row: the position, and the id of the event there.
    pub(crate) fn new(number: i64, id: Option<&str>) -> Self {
        let position = position(number);
        let event = id.and_then(|id| Uuid::try_parse(id).ok()).map(|id| EventRef { position, id });
        Self { position, event, ..Self::START }
    }

    /// With the version of the list of successors.
    pub(crate) fn with_successors(self, version: i64) -> Self {
        Self { successors: Some(version.unsigned_abs()), ..self }
    }

    /// With whether ids are closed.
    pub(crate) fn with_closed_ids(self, has_closed_ids: bool) -> Self {
        Self { has_closed_ids, ..self }
    }

    /// Reads it. Also returns whether the log still has the newest event that this process has seen.
    pub(crate) async fn load(
        connection: &mut SqliteConnection,
        sql: &Sql,
        seen: &Seen,
    ) -> Result<(Self, bool), sqlx::Error> {
        let newest = seen.newest.map(|event| (integer(event.position.get()), event.id.to_string()));
        let (position, id) = newest.unzip();
        let row = query(sql.end.clone()).bind(position).bind(id).fetch_one(connection).await?;
        Ok((Self::new(row.try_get(0)?, row.try_get(1)?), row.try_get(2)?))
    }
}

impl Log {
    /// Records the end of the log that reads have seen. If one of them continues an earlier read, checks that the log still has what was
    /// seen before.
    ///
    /// # Errors
    /// [`Error::Unavailable`](annalist_core::error::Error::Unavailable) if it does not.
    pub(crate) async fn saw_by_reading(
        &self,
        connection: &mut SqliteConnection,
        seen: Seen,
        end: &End,
        reads: &[Read],
    ) -> Result<(), TransactionError> {
        if let Some(event) = end.event {
            self.seen.saw(seen.epoch, event);
        }
        if reads.iter().all(|read| read.after == Position::START) {
            return Ok(());
        }
        let (_, has_newest) = End::load(connection, &self.sql, &seen).await?;
        let operation = || self.describe(Operation::Log("read"));
        if has_newest { Ok(()) } else { Err(self.seen.lost(seen, &self.title, operation()).into()) }
    }

    /// Reads the end of the log, as it is now.
    pub(crate) async fn end(&self, connection: &mut SqliteConnection) -> Result<End, sqlx::Error> {
        loop {
            let seen = self.seen.now();
            let (end, has_newest) = End::load(connection, &self.sql, &seen).await?;
            if has_newest {
                end.event.into_iter().for_each(|event| self.seen.saw(seen.epoch, event));
                return Ok(end);
            }
            drop(self.seen.lost(seen, &self.title, self.describe(Operation::Log("read"))));
        }
    }
}
