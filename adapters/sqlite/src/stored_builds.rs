//! The stored builds of projections, and their parked events.

use annalist_core::{
    record::Position,
    rows::{Anchor, Build, Checkpoint, Claim, FollowerRequests, Parked, Table},
    store::LogId,
    time::Timestamp,
};
use sqlx::{
    Decode, Row, SqlStr, Sqlite, SqliteConnection, Type, query,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use crate::{error::TransactionError, rows::position, sql::Sql};

/// Returns all builds of a projection, in their order.
pub(crate) async fn load(
    connection: &mut SqliteConnection,
    sql: &Sql,
    projection: &str,
) -> Result<Vec<Build>, TransactionError> {
    let found = query(sql.builds.clone()).bind(projection).fetch_all(connection).await?;
    found.iter().map(|row| build(&Columns(row))).collect()
}

/// Returns the parked events of a build, in the order of their positions.
pub(crate) async fn parked(
    connection: &mut SqliteConnection,
    sql: &Sql,
    table: &Table,
) -> Result<Vec<Parked>, TransactionError> {
    let found = bind_build(&sql.parked, table).fetch_all(connection).await?;
    found.iter().map(|row| parked_event(&Columns(row))).collect()
}

/// A statement with a build as its first three parameters.
pub(crate) fn bind_build<'q>(statement: &SqlStr, table: &'q Table) -> Query<'q, Sqlite, SqliteArguments> {
    query(statement.clone()).bind(table.projection).bind(table.version).bind(table.build)
}

fn build(row: &Columns<'_>) -> Result<Build, TransactionError> {
    let checkpoint = Checkpoint {
        position: row.position("position")?,
        anchor: anchor(row)?,
        parked: row.number("parked")?,
        stopped: row.get("stopped")?,
    };
    Ok(Build {
        version: row.get("version")?,
        build: row.get("build")?,
        shape: row.get("shape")?,
        events: row.get("events")?,
        log: LogId::from_uuid(id(row.get("log")?)?),
        live: row.get("live")?,
        inline: row.get("inline")?,
        checkpoint,
        updated_at: Timestamp::from_micros(row.get("updated_at")?),
        claim: claim(row)?,
        requests: requests(row)?,
    })
}

pub(crate) fn anchor(row: &Columns<'_>) -> Result<Option<Anchor>, TransactionError> {
    let anchor: (Option<i64>, Option<String>) = (row.get("anchor_position")?, row.get("anchor_event")?);
    Ok(match anchor {
        (Some(number), Some(event)) => Some(Anchor { position: position(number), event: id(&event)? }),
        _ => None,
    })
}

fn claim(row: &Columns<'_>) -> Result<Option<Claim>, TransactionError> {
    let Some(holder) = row.get::<Option<String>>("claim_holder")? else { return Ok(None) };
    let (round, challenged) = (row.number("claim_round")?, row.get("claim_challenged")?);
    Ok(Some(Claim { holder: id(&holder)?, round, challenged }))
}

fn requests(row: &Columns<'_>) -> Result<FollowerRequests, TransactionError> {
    let revision = row.get::<Option<i64>>("revision")?.map(i64::unsigned_abs);
    let stored = revision.zip(row.get::<Option<&str>>("requests")?);
    FollowerRequests::from_stored(stored).map_err(TransactionError::Unusable)
}

pub(crate) fn parked_event(row: &Columns<'_>) -> Result<Parked, TransactionError> {
    let keys: &str = row.get("keys")?;
    let damaged = |error| TransactionError::Unusable(format!("the keys {keys:?} are damaged: {error}"));
    Ok(Parked {
        position: row.position("position")?,
        event: id(row.get("event")?)?,
        keys: serde_json::from_str(keys).map_err(damaged)?,
        error: row.get("error")?,
        attempts: row.get("attempts")?,
        needs_newer: row.get("needs_newer")?,
    })
}

pub(crate) fn id(text: &str) -> Result<Uuid, TransactionError> {
    Uuid::try_parse(text)
        .map_err(|error| TransactionError::Unusable(format!("the id {text:?} is damaged: {error}")))
}

/// The columns of a row, by their name.
pub(crate) struct Columns<'a>(pub(crate) &'a SqliteRow);

impl<'a> Columns<'a> {
    pub(crate) fn get<T: Decode<'a, Sqlite> + Type<Sqlite>>(&self, column: &str) -> Result<T, sqlx::Error> {
        self.0.try_get(column)
    }

    pub(crate) fn position(&self, column: &str) -> Result<Position, sqlx::Error> {
        self.get(column).map(position)
    }

    pub(crate) fn number(&self, column: &str) -> Result<u64, sqlx::Error> {
        self.get::<i64>(column).map(|number| u64::try_from(number).unwrap_or_default())
    }
}
