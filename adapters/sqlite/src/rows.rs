//! Rows of the tables as values of the port. A value of unexpected form is an error, never a guess.

use std::fmt::Display;

use annalist_core::{
    error::Invalid,
    payload::Payload,
    record::{Name, Position, Record, StoredMetadata},
    store::{AcceptedCommand, CommandKey, Entry, EventRef, Outcome, Receipt},
    time::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Column, Decode, Row, Sqlite, Type, sqlite::SqliteRow};
use uuid::Uuid;

use crate::error::TransactionError;

/// Decodes an event from a row of `read.sql`, and whether the row has its payload: a large one is NULL.
pub(crate) fn record_of_page(row: &SqliteRow) -> Result<(Record, bool), Invalid> {
    let data: Option<String> = Columns::new(row, 1)?.get(4)?;
    let has_payload = data.is_some();
    Ok((record_with(row, data.unwrap_or_default())?, has_payload))
}

/// Decodes an event from a row of `verify_records.sql`.
pub(crate) fn record(row: &SqliteRow) -> Result<Record, Invalid> {
    record_with(row, Columns::new(row, 1)?.get(4)?)
}

/// The last four columns are NULL if only the payload was read.
fn record_with(row: &SqliteRow, data: String) -> Result<Record, Invalid> {
    let row = Columns::new(row, 1)?;
    let mut record = Record {
        position: row.position,
        recorded_at: Timestamp::EPOCH,
        id: Uuid::nil(),
        name: row.get::<String>(2)?.into(),
        version: row.parsed(3, |version: i64| u32::try_from(version))?,
        tags: Vec::new(),
        data: Payload::from_stored(data),
        stored_metadata: StoredMetadata::default(),
    };
    if let Some(id) = row.get::<Option<&str>>(5)? {
        record.id = Uuid::try_parse(id).map_err(|error| row.damaged(5, error))?;
        record.recorded_at = row.time(6)?;
        record.tags = row.json(7)?;
        record.stored_metadata = StoredMetadata::from_stored(row.get::<String>(8)?);
    }
    Ok(record)
}

/// Decodes a journal entry from a row of `journal.sql`. An error has its number as the position.
pub(crate) fn entry(row: &SqliteRow) -> Result<Entry, Invalid> {
    let row = Columns::new(row, 0)?;
    Ok(Entry {
        number: row.position.get(),
        recorded_at: row.time(1)?,
        metadata: row.json(2)?,
        body: Payload::from_stored(row.get::<String>(3)?),
        outcome: match row.get::<Option<String>>(5)? {
            Some(error) => Outcome::Rejected(error),
            None => Outcome::Accepted(row.json(4)?),
        },
    })
}

/// Decodes an accepted command from a row of `command_ids.sql`.
pub(crate) fn accepted_command(row: &SqliteRow) -> Result<AcceptedCommand, TransactionError> {
    let id: String = row.try_get(0)?;
    let damaged =
        |error: &dyn Display| TransactionError::Unusable(format!("command id `{id}` is damaged: {error}"));
    let command: String = row.try_get(1)?;
    let micros = row.try_get(3)?;
    let recorded_at = Timestamp::from_micros(micros);
    if recorded_at.as_micros() != micros {
        return Err(damaged(&format!("{micros} µs is out of range")));
    }
    Ok(AcceptedCommand {
        key: CommandKey::from_stored(
            Name::new("command id", id.clone()).map_err(|error| damaged(&error))?,
            Name::new("command", command).map_err(|error| damaged(&error))?,
            row.try_get::<String, _>(2)?,
        ),
        recorded_at,
        receipt: receipt(row.try_get(4)?).map_err(|error| damaged(&error))?,
    })
}

/// Encodes a receipt for storage: `[[1,"0192…"],[2,"0192…"]]`.
pub(crate) fn receipt_text(receipt: &Receipt) -> String {
    let events: Vec<(Position, Uuid)> =
        receipt.events.iter().map(|event| (event.position, event.id)).collect();
    json(&events)
}

/// Decodes a stored receipt.
pub(crate) fn receipt(text: &str) -> Result<Receipt, serde_json::Error> {
    let events: Vec<(Position, Uuid)> = serde_json::from_str(text)?;
    let events = events.into_iter().map(|(position, id)| EventRef { position, id }).collect();
    Ok(Receipt { events, ..Receipt::default() })
}

/// Encodes a value as JSON. Texts, numbers and lists of them never fail.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A position as a SQLite integer. [`Position::END`] becomes the largest one.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A SQLite integer as a position.
pub(crate) fn position(number: i64) -> Position {
    Position::new(u64::try_from(number).unwrap_or_default())
}

/// The columns of a row, by their index, and the position for errors.
struct Columns<'a> {
    row: &'a SqliteRow,
    position: Position,
}

impl<'a> Columns<'a> {
    fn new(row: &'a SqliteRow, position: usize) -> Result<Self, Invalid> {
        let start = Self { row, position: Position::START };
        let number = start.parsed(position, |number: i64| match u64::try_from(number) {
            Ok(number) if number > 0 => Ok(Position::new(number)),
            _ => Err(format!("{number} is not a position")),
        })?;
        Ok(Self { row, position: number })
    }

    fn get<T: Decode<'a, Sqlite> + Type<Sqlite>>(&self, column: usize) -> Result<T, Invalid> {
        self.row.try_get(column).map_err(|error| self.damaged(column, error))
    }

    fn parsed<S, T, E>(&self, column: usize, parse: impl FnOnce(S) -> Result<T, E>) -> Result<T, Invalid>
    where
        S: Decode<'a, Sqlite> + Type<Sqlite>,
        E: Display,
    {
        parse(self.get(column)?).map_err(|error| self.damaged(column, error))
    }

    fn damaged(&self, column: usize, reason: impl Display) -> Invalid {
        let name = self.row.columns().get(column).map_or("?", Column::name);
        Invalid::Damaged { position: self.position, reason: format!("column `{name}`: {reason}") }
    }

    fn json<T: DeserializeOwned>(&self, column: usize) -> Result<T, Invalid> {
        self.parsed(column, |text: &str| serde_json::from_str(text))
    }

    fn time(&self, column: usize) -> Result<Timestamp, Invalid> {
        self.parsed(column, |micros: i64| {
            let time = Timestamp::from_micros(micros);
            if time.as_micros() == micros { Ok(time) } else { Err(format!("{micros} µs is out of range")) }
        })
    }
}
