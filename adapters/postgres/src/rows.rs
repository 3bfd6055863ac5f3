//! Rows as records, and what goes into rows.

use annalist_core::{
    error::{Error, Invalid},
    payload::Payload,
    query::Item,
    record::{Metadata, Position, Record, StoredMetadata},
    store::{Receipt, Stored},
    tag::Tag,
    time::Timestamp,
};
use sqlx::{
    Decode, Encode, Postgres, Row, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgRow, PgTypeInfo, PgValueRef, types::Oid},
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

/// The record in a row of `read`.
pub(crate) fn record(row: &PgRow, position: Position) -> Result<Record, Error> {
    let damaged = |reason: String| Error::from(Invalid::Damaged { position, reason });
    let unread = |error: sqlx::Error| damaged(error.to_string());
    let version: i64 = row.try_get("version").map_err(unread)?;
    let tags: Vec<String> = row.try_get("tags").map_err(unread)?;
    Ok(Record {
        position,
        recorded_at: row.try_get::<Time, _>("recorded_at").map_err(unread)?.0,
        id: row.try_get("id").map_err(unread)?,
        name: row.try_get::<String, _>("type").map_err(unread)?.into(),
        version: u32::try_from(version).map_err(|_| damaged(format!("{version} is no version")))?,
        tags: tags
            .into_iter()
            .map(Tag::parse)
            .collect::<Result<_, _>>()
            .map_err(|error| damaged(error.to_string()))?,
        data: Payload::from_stored(row.try_get::<String, _>("data").map_err(unread)?),
        origin: StoredMetadata::from_stored(row.try_get::<String, _>("metadata").map_err(unread)?),
    })
}

/// The metadata in a row, or what is wrong with it.
pub(crate) fn metadata(row: &PgRow) -> Result<Metadata, String> {
    let text: &str = row.try_get("metadata").map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| format!("its metadata: {error}"))
}

/// The receipt in a row with positions and event ids.
pub(crate) fn receipt(row: &PgRow) -> Result<Receipt, sqlx::Error> {
    let positions: Vec<i64> = row.try_get("positions")?;
    let ids: Vec<Uuid> = row.try_get("event_ids")?;
    let events = positions.into_iter().zip(ids).map(|(number, id)| Stored { position: position(number), id });
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
