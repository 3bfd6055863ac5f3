//! Rows as records, and what goes into rows.

use annalist_core::{
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    payload::Payload,
    record::{Metadata, Position, Record, StoredMetadata},
    store::{EventRef, Receipt},
    tag::Tag,
    time::Timestamp,
};
use sqlx::{
    Decode, Encode, Postgres, Row, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgHasArrayType, PgRow, PgTypeInfo, PgValueRef, types::Oid},
    query::Query,
};
use uuid::Uuid;

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts microseconds, in microseconds since 1970.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// A `timestamptz`, exact to the microsecond. Its type's number is PostgreSQL's own and never changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub(crate) Timestamp);

impl Type<Postgres> for Time {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1184))
    }
}

impl PgHasArrayType for Time {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1185))
    }
}

impl Encode<'_, Postgres> for Time {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<Postgres>>::encode(self.0.as_micros() - POSTGRES_EPOCH, buffer)
    }
}

impl Decode<'_, Postgres> for Time {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = <i64 as Decode<Postgres>>::decode(value)?;
        Ok(Self(Timestamp::from_micros(micros.saturating_add(POSTGRES_EPOCH))))
    }
}

/// What separates the texts of a sheet.
const BETWEEN: char = '\u{1e}';
/// What stands between a type and its version, if that is not 1.
const VERSION: char = '\u{1f}';

/// A position as the database counts.
pub(crate) fn number(position: Position) -> i64 {
    i64::try_from(position.get()).unwrap_or(i64::MAX)
}

/// A position as the core counts.
pub(crate) fn position(number: i64) -> Position {
    Position::new(u64::try_from(number).unwrap_or(0))
}

/// Texts as one array literal (PostgreSQL manual, 8.15.2), for arrays inside arrays whose lengths differ. Any text
/// survives it.
pub(crate) fn literal<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut literal = String::from("{");
    for text in texts {
        if literal.len() > 1 {
            literal.push(',');
        }
        literal.push('"');
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(character);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}

/// Items as columns: the number of what they belong to, their types and their tags.
#[derive(Default)]
pub(crate) struct Items {
    pub(crate) of: Vec<i32>,
    pub(crate) types: Vec<String>,
    pub(crate) tags: Vec<String>,
}

impl Items {
    /// Those of several criteria, each numbered.
    pub(crate) fn of<'a>(criteria: impl IntoIterator<Item = &'a Criteria>) -> Self {
        let mut items = Self::default();
        for (index, criteria) in criteria.into_iter().enumerate() {
            criteria.items().iter().for_each(|item| items.push(index, item));
        }
        items
    }

    /// As the next three parameters.
    pub(crate) fn bind<'q>(
        self,
        query: Query<'q, Postgres, PgArguments>,
    ) -> Query<'q, Postgres, PgArguments> {
        query.bind(self.of).bind(self.types).bind(self.tags)
    }

    pub(crate) fn push(&mut self, of: usize, item: &Item) {
        // No stored name contains NUL, and PostgreSQL cannot even be asked for one: such an item matches nothing.
        let types = item.type_names().iter().map(AsRef::as_ref).filter(|name: &&str| !name.contains('\0'));
        let types: Vec<&str> = types.collect();
        if types.is_empty() && !item.type_names().is_empty() {
            return;
        }
        self.of.push(ordinal(of));
        self.types.push(literal(types));
        self.tags.push(literal(item.tags().iter().map(Tag::as_str)));
    }
}

/// A number counted from 0, as SQL counts it.
pub(crate) fn ordinal(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX - 1) + 1
}

/// The record in a row that begins with an event's columns: position, type, version, data, id, recorded_at, tags, metadata.
pub(crate) fn record(row: &PgRow) -> Result<Record, Error> {
    let row = Event { row, position: Position::START };
    let row = Event { position: position(row.column(0)?), ..row };
    let Tags(tags) = row.column(6)?;
    Ok(Record {
        id: row.column(4)?,
        recorded_at: row.column::<Time>(5)?.0,
        tags,
        origin: StoredMetadata::from_stored(row.column::<&str>(7)?),
        ..row.payload_only(row.column(1)?, row.column(2)?, row.column(3)?)?
    })
}

/// Adds the records in a row that begins with a sheet: positions, types with their versions, data. They have nothing else.
pub(crate) fn sheet(row: &PgRow, records: &mut Vec<Record>) -> Result<(), Error> {
    let sheet = Event { row, position: Position::START };
    let positions: Vec<i64> = sheet.column(0)?;
    let place = |index| match *positions.as_slice() {
        [first] => Some(first.saturating_add_unsigned(index)),
        _ => positions.get(usize::try_from(index).ok()?).copied(),
    };
    let types = sheet.column::<&str>(1)?.split(BETWEEN);
    let mut data = sheet.column::<&str>(2)?.split(BETWEEN);
    for (index, name) in (0..).zip(types) {
        let (Some(place), Some(data)) = (place(index), data.next()) else {
            return Err(sheet.damaged("the parts of its sheet differ in length".into()));
        };
        let event = Event { row, position: position(place) };
        let (name, version) = name.split_once(VERSION).unwrap_or((name, "1"));
        let version = version.parse().map_err(|_| event.damaged(format!("{version} is no version")))?;
        records.push(event.payload_only(name, version, data)?);
    }
    Ok(())
}

/// A row with an event in it.
struct Event<'r> {
    row: &'r PgRow,
    position: Position,
}

impl<'r> Event<'r> {
    /// The statement says of which type the column is. JSON travels as its text.
    fn column<T: Decode<'r, Postgres>>(&self, index: usize) -> Result<T, Error> {
        self.row.try_get_unchecked(index).map_err(|error| self.damaged(error.to_string()))
    }

    /// What a fold needs.
    fn payload_only(&self, name: &str, version: i64, data: &str) -> Result<Record, Error> {
        Ok(Record {
            position: self.position,
            recorded_at: Timestamp::EPOCH,
            id: Uuid::nil(),
            name: name.to_owned().into(),
            version: u32::try_from(version).map_err(|_| self.damaged(format!("{version} is no version")))?,
            tags: Vec::new(),
            data: Payload::from_stored(data),
            origin: StoredMetadata::default(),
        })
    }

    fn damaged(&self, reason: String) -> Error {
        Invalid::Damaged { position: self.position, reason }.into()
    }
}

/// Tags as `text[]`.
struct Tags(Vec<Tag>);

impl Decode<'_, Postgres> for Tags {
    /// In the binary form of an array: the number of dimensions, flags, the type of the elements, of each dimension its length and
    /// its first index, then of each element its length and its bytes.
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let mut bytes = value.as_bytes()?;
        let dimensions = next(&mut bytes)?;
        next(&mut bytes)?;
        next(&mut bytes)?;
        let length = match dimensions {
            0 => 0,
            1 => next(&mut bytes)?,
            _ => return Err("its tags have more than one dimension".into()),
        };
        if dimensions == 1 {
            next(&mut bytes)?;
        }
        (0..length).map(|_| tag(&mut bytes)).collect::<Result<_, _>>().map(Self)
    }
}

fn tag(bytes: &mut &[u8]) -> Result<Tag, BoxDynError> {
    let length = usize::try_from(next(bytes)?).map_err(|_| "one of its tags is NULL")?;
    let (text, rest) = bytes.split_at_checked(length).ok_or(CUT)?;
    *bytes = rest;
    Ok(Tag::parse(str::from_utf8(text)?)?)
}

fn next(bytes: &mut &[u8]) -> Result<i32, BoxDynError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(CUT)?;
    *bytes = rest;
    Ok(i32::from_be_bytes(*number))
}

const CUT: &str = "its tags end too early";

/// The metadata in a row, or what is wrong with it.
pub(crate) fn metadata(row: &PgRow) -> Result<Metadata, String> {
    let text: &str = row.try_get("metadata").map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| format!("its metadata: {error}"))
}

/// The receipt in a row with positions and event ids.
pub(crate) fn receipt(row: &PgRow) -> Result<Receipt, sqlx::Error> {
    let positions: Vec<i64> = row.try_get("positions")?;
    let ids: Vec<Uuid> = row.try_get("event_ids")?;
    let events =
        positions.into_iter().zip(ids).map(|(number, id)| EventRef { position: position(number), id });
    Ok(Receipt { events: events.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_quotes_what_has_a_meaning_in_it() {
        assert_eq!(literal([]), "{}");
        assert_eq!(literal(["a:1", "", "NULL"]), r#"{"a:1","","NULL"}"#);
        assert_eq!(literal([r#"a:"\,{}"#, "ü\n"]), "{\"a:\\\"\\\\,{}\",\"ü\n\"}");
    }
}
