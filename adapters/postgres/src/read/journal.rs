//! The journal of commands, and the command ids.

use std::ops::Range;

use annalist_core::{
    error::{BoxError, Error, Invalid},
    payload::Payload,
    record::{Name, Position},
    store::{AcceptedCommand, CommandKey, Entry, Outcome, PageBuilder, PageLimit},
    time::Timestamp,
};
use sqlx::{Row, postgres::PgRow};

use super::{
    pages::number,
    records::{metadata, receipt},
};
use crate::{
    database::{Database, HeldConnection},
    values::{Time, from_i64},
};

/// The number of entries that one statement of a purge deletes.
const PURGE_CHUNK: i64 = 10_000;

/// Entries after a number. An entry whose append is still running can appear later between entries already returned: numbers are
/// assigned before the commit, and their gaps are not closed. The journal is for looking up; readers that must not miss anything use
/// a feed.
pub(crate) async fn entries(database: &Database, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let query =
        || database.sql.journal.query().bind(after).bind(number(limit.records)).bind(number(limit.bytes));
    let mut page = PageBuilder::new(limit);
    let mut held = HeldConnection::None;
    let read = database.for_each_row(&mut held, query, |row| {
        let entry = entry(&row)?;
        let bytes = entry.body.as_str().len();
        page.add(entry, bytes);
        Ok(())
    });
    read.await.map_err(|error| database.read_error(error))??;
    Ok(page.into_items())
}

/// The accepted commands after an id.
pub(crate) async fn command_ids(
    database: &Database,
    after: &str,
    limit: PageLimit,
) -> Result<Vec<AcceptedCommand>, Error> {
    let query = || database.sql.command_ids.planned().bind(after.to_owned()).bind(number(limit.records));
    let mut page = PageBuilder::new(limit);
    let mut held = HeldConnection::None;
    let read = database.for_each_row(&mut held, query, |row| {
        let command = accepted_command(&row).map_err(|reason| {
            let id = row.try_get("id").unwrap_or("?");
            Error::unusable(
                database.operation("list the command ids of"),
                format!("command id `{id}`: {reason}"),
            )
        })?;
        let bytes = command.size();
        page.add(command, bytes);
        Ok(())
    });
    read.await.map_err(|error| database.read_error(error))??;
    Ok(page.into_items())
}

fn accepted_command(row: &PgRow) -> Result<AcceptedCommand, BoxError> {
    let text = |column| row.try_get::<String, _>(column);
    let (id, command) = (Name::new("command id", text("id")?)?, Name::new("command", text("command")?)?);
    Ok(AcceptedCommand {
        key: CommandKey::from_stored(id, command, text("scope")?),
        recorded_at: row.try_get::<Time, _>("recorded_at")?.0,
        receipt: receipt(row)?,
    })
}

/// Deletes command ids in a range that were recorded before a time. Returns how many.
pub(crate) async fn purge_command_ids(
    database: &Database,
    before: Timestamp,
    ids: Range<&str>,
) -> Result<u64, Error> {
    let query = || {
        let query = database.sql.purge_command_ids.query().bind(Time(before));
        query.bind(ids.start).bind(ids.end)
    };
    let purged = database.execute(query).await.map_err(|error| database.read_error(error))?;
    Ok(purged)
}

/// Deletes the entries that were recorded before a time, in chunks. Returns how many.
pub(crate) async fn purge(database: &Database, before: Timestamp) -> Result<u64, Error> {
    let query = || database.sql.purge_journal.query().bind(Time(before)).bind(PURGE_CHUNK);
    let mut purged = 0;
    loop {
        match database.execute(query).await.map_err(|error| database.read_error(error))? {
            0 => return Ok(purged),
            chunk => purged += chunk,
        }
    }
}

pub(super) fn entry(row: &PgRow) -> Result<Entry, Error> {
    decode(row).map_err(|reason| {
        let position = from_i64(row.try_get("number").unwrap_or(0));
        Invalid::Damaged { position, reason: format!("as an entry of the journal: {reason}") }.into()
    })
}

fn decode(row: &PgRow) -> Result<Entry, String> {
    let text = |error: sqlx::Error| error.to_string();
    let number: i64 = row.try_get("number").map_err(text)?;
    let rejection: Option<&str> = row.try_get("rejection").map_err(text)?;
    Ok(Entry {
        number: u64::try_from(number).map_err(|error| error.to_string())?,
        recorded_at: row.try_get::<Time, _>("recorded_at").map_err(text)?.0,
        metadata: metadata(row)?,
        body: Payload::from_stored(row.try_get::<String, _>("body").map_err(text)?),
        outcome: match rejection {
            Some(json) => Outcome::Rejected(serde_json::from_str(json).map_err(|error| error.to_string())?),
            None => Outcome::Accepted(positions(row).map_err(text)?),
        },
    })
}

fn positions(row: &PgRow) -> Result<Vec<Position>, sqlx::Error> {
    let positions: Vec<i64> = row.try_get("positions")?;
    Ok(positions.into_iter().map(from_i64).collect())
}
