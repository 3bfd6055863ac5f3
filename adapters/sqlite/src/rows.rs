//! Rows of the tables as values of the port. What does not have the form that was written is damaged, never guessed at.

use std::fmt::Display;

use annalist_core::{
    error::Invalid,
    payload::Payload,
    record::{Metadata, Position, Record},
    store::{Entry, Outcome, Receipt, Stored},
    time::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Decode, Row, Sqlite, Type, sqlite::SqliteRow};
use uuid::Uuid;

/// A row of the events.
pub(crate) fn record(row: &SqliteRow) -> Result<Record, Invalid> {
    let position = number(row, "position").and_then(position)?;
    let row = Columns { row, position };
    Ok(Record {
        position,
        recorded_at: row.time("recorded_at")?,
        id: row.parsed("id", Uuid::try_parse)?,
        name: row.get::<String>("type")?.into(),
        version: row.parsed("version", |version: i64| u32::try_from(version))?,
        tags: row.json("tags")?,
        data: Payload::from_stored(row.get::<String>("data")?),
        origin: row.json::<Metadata>("metadata")?.into(),
    })
}

/// A row of the journal. Its number stands for the position in the error.
pub(crate) fn entry(row: &SqliteRow) -> Result<Entry, Invalid> {
    let number = number(row, "number")?;
    let row = Columns { row, position: position(number)? };
    Ok(Entry {
        number: row.position.get(),
        recorded_at: row.time("recorded_at")?,
        metadata: row.json("metadata")?,
        body: Payload::from_stored(row.get::<String>("body")?),
        outcome: match row.get::<Option<String>>("rejection")? {
            Some(error) => Outcome::Rejected(error),
            None => Outcome::Accepted(row.json("positions")?),
        },
    })
}

/// A receipt as it is stored: `[[1,"0192…"],[2,"0192…"]]`.
pub(crate) fn receipt_text(receipt: &Receipt) -> String {
    let events: Vec<(Position, Uuid)> =
        receipt.events.iter().map(|event| (event.position, event.id)).collect();
    json(&events)
}

/// A receipt from its text.
pub(crate) fn receipt(text: &str) -> Result<Receipt, serde_json::Error> {
    let events: Vec<(Position, Uuid)> = serde_json::from_str(text)?;
    Ok(Receipt { events: events.into_iter().map(|(position, id)| Stored { position, id }).collect() })
}

/// A value of ours as JSON text. Texts, numbers and lists of them can always be written.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A position as SQLite keeps it. [`Position::END`] is the largest number that it can.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(row: &SqliteRow, column: &str) -> Result<i64, Invalid> {
    row.try_get(column).map_err(|error| damaged(Position::START, column, error))
}

fn position(number: i64) -> Result<Position, Invalid> {
    match u64::try_from(number) {
        Ok(number) if number > 0 => Ok(Position::new(number)),
        _ => Err(damaged(Position::START, "position", format!("{number} is none"))),
    }
}

fn damaged(position: Position, column: &str, reason: impl Display) -> Invalid {
    Invalid::Damaged { position, reason: format!("column `{column}`: {reason}") }
}

/// The columns of a row whose position is known.
struct Columns<'a> {
    row: &'a SqliteRow,
    position: Position,
}

impl<'a> Columns<'a> {
    fn get<T: Decode<'a, Sqlite> + Type<Sqlite>>(&self, column: &str) -> Result<T, Invalid> {
        self.row.try_get(column).map_err(|error| damaged(self.position, column, error))
    }

    fn parsed<S, T, E>(&self, column: &str, parse: impl FnOnce(S) -> Result<T, E>) -> Result<T, Invalid>
    where
        S: Decode<'a, Sqlite> + Type<Sqlite>,
        E: Display,
    {
        parse(self.get(column)?).map_err(|error| damaged(self.position, column, error))
    }

    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, Invalid> {
        self.parsed(column, |text: &str| serde_json::from_str(text))
    }

    fn time(&self, column: &str) -> Result<Timestamp, Invalid> {
        self.parsed(column, |micros: i64| {
            let time = Timestamp::from_micros(micros);
            if time.as_micros() == micros { Ok(time) } else { Err(format!("{micros} µs is out of range")) }
        })
    }
}
