//! Rows as records.

use annalist_core::{
    error::{Error, Invalid},
    payload::Payload,
    record::{Metadata, Position, Record, StoredMetadata},
    store::{EventRef, Receipt},
    tag::Tag,
    time::Timestamp,
};
use sqlx::{
    Decode, Postgres, Row,
    error::BoxDynError,
    postgres::{PgRow, PgValueRef},
};
use uuid::Uuid;

use crate::values::{Time, from_i64};

/// Separates the texts of packed events.
const SEPARATOR: char = '\u{1e}';
/// Separates a type from its version, unless the version is 1.
const VERSION_SEPARATOR: char = '\u{1f}';

/// The record of a row with the columns of an event: position, type, version, data, id, recorded_at, tags, metadata.
pub(super) fn record(row: &PgRow) -> Result<Record, Error> {
    let event = EventRow::new(row)?;
    event.record(event.column(3)?)
}

/// As [`record`], and whether the row has its payload: a large one is NULL.
pub(super) fn record_of_page(row: &PgRow) -> Result<(Record, bool), Error> {
    let event = EventRow::new(row)?;
    let data: Option<&str> = event.column(3)?;
    Ok((event.record(data.unwrap_or_default())?, data.is_some()))
}

/// Adds the records of a row of packed events: positions, types with versions, payloads. The other fields are empty.
pub(super) fn add_packed_page(row: &PgRow, records: &mut Vec<Record>) -> Result<(), Error> {
    let page = EventRow { row, position: Position::START };
    let positions: Vec<i64> = page.column(0)?;
    let position_of = |index| match *positions.as_slice() {
        [first] => Some(first.saturating_add_unsigned(index)),
        _ => positions.get(usize::try_from(index).ok()?).copied(),
    };
    let types = page.column::<&str>(1)?.split(SEPARATOR);
    let mut data = page.column::<&str>(2)?.split(SEPARATOR);
    for (index, name) in (0..).zip(types) {
        let (Some(position), Some(data)) = (position_of(index), data.next()) else {
            return Err(page.damaged("its packed columns have different lengths".into()));
        };
        let event = EventRow { row, position: from_i64(position) };
        let (name, version) = name.split_once(VERSION_SEPARATOR).unwrap_or((name, "1"));
        let version = version.parse().map_err(|_| event.damaged(format!("{version} is not a version")))?;
        records.push(event.payload_only(name, version, data)?);
    }
    Ok(())
}

/// A row with an event.
struct EventRow<'r> {
    row: &'r PgRow,
    position: Position,
}

impl<'r> EventRow<'r> {
    fn new(row: &'r PgRow) -> Result<Self, Error> {
        let event = Self { row, position: Position::START };
        Ok(Self { position: from_i64(event.column(0)?), ..event })
    }

    fn record(&self, data: &str) -> Result<Record, Error> {
        let Tags(tags) = self.column(6)?;
        Ok(Record {
            id: self.column(4)?,
            recorded_at: self.column::<Time>(5)?.0,
            tags,
            stored_metadata: StoredMetadata::from_stored(self.column::<&str>(7)?),
            ..self.payload_only(self.column(1)?, self.column(2)?, data)?
        })
    }

    /// Unchecked: the type of each column is known from the statement, and JSON is read as text.
    fn column<T: Decode<'r, Postgres>>(&self, index: usize) -> Result<T, Error> {
        self.row.try_get_unchecked(index).map_err(|error| self.damaged(error.to_string()))
    }

    fn payload_only(&self, name: &str, version: i64, data: &str) -> Result<Record, Error> {
        let version =
            u32::try_from(version).map_err(|_| self.damaged(format!("{version} is not a version")))?;
        Ok(Record {
            position: self.position,
            recorded_at: Timestamp::EPOCH,
            id: Uuid::nil(),
            name: name.to_owned().into(),
            version,
            tags: Vec::new(),
            data: Payload::from_stored(data),
            stored_metadata: StoredMetadata::default(),
        })
    }

    fn damaged(&self, reason: String) -> Error {
        Invalid::Damaged { position: self.position, reason }.into()
    }
}

/// Tags as `text[]`.
struct Tags(Vec<Tag>);

impl Decode<'_, Postgres> for Tags {
    /// The binary form of an array: the number of dimensions, flags, the type of the elements; for each dimension its length and its
    /// first index; for each element its length and its bytes.
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let mut bytes = value.as_bytes()?;
        let dimensions = next_i32(&mut bytes)?;
        next_i32(&mut bytes)?;
        next_i32(&mut bytes)?;
        let length = match dimensions {
            0 => 0,
            1 => next_i32(&mut bytes)?,
            _ => return Err("its tags have more than one dimension".into()),
        };
        if dimensions == 1 {
            next_i32(&mut bytes)?;
        }
        (0..length).map(|_| next_tag(&mut bytes)).collect::<Result<_, _>>().map(Self)
    }
}

fn next_tag(bytes: &mut &[u8]) -> Result<Tag, BoxDynError> {
    let length = usize::try_from(next_i32(bytes)?).map_err(|_| "one of its tags is NULL")?;
    let (text, rest) = bytes.split_at_checked(length).ok_or(TRUNCATED)?;
    *bytes = rest;
    Ok(Tag::parse(str::from_utf8(text)?)?)
}

fn next_i32(bytes: &mut &[u8]) -> Result<i32, BoxDynError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(TRUNCATED)?;
    *bytes = rest;
    Ok(i32::from_be_bytes(*number))
}

const TRUNCATED: &str = "its tags are truncated";

/// The metadata in a row, or a description of the damage.
pub(super) fn metadata(row: &PgRow) -> Result<Metadata, String> {
    let text: &str = row.try_get("metadata").map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| format!("its metadata: {error}"))
}

/// The receipt in a row with positions and event ids.
pub(super) fn receipt(row: &PgRow) -> Result<Receipt, sqlx::Error> {
    let positions: Vec<i64> = row.try_get("positions")?;
    let ids: Vec<Uuid> = row.try_get("event_ids")?;
    let events =
        positions.into_iter().zip(ids).map(|(number, id)| EventRef { position: from_i64(number), id });
    Ok(Receipt { events: events.collect(), ..Receipt::default() })
}
