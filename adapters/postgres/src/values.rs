//! Values of columns and parameters.

use annalist_core::{
    criteria::{Criteria, Item},
    record::Position,
    rows::{Date, TimeOfDay},
    tag::Tag,
    time::Timestamp,
};
use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgHasArrayType, PgTypeInfo, PgValueRef, types::Oid},
    query::Query,
};

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in microseconds since 1970.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// A `timestamptz`, exact to the microsecond. The oid of a built-in type never changes.
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

/// JSON as a `json` parameter, which is checked when it arrives and not copied again. The oid of a built-in type never changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T> Type<Postgres> for Json<T> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(114))
    }
}

impl<T> PgHasArrayType for Json<T> {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(199))
    }
}

impl<'q, T: Encode<'q, Postgres>> Encode<'q, Postgres> for Json<T> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        self.0.encode_by_ref(buffer)
    }

    fn size_hint(&self) -> usize {
        self.0.size_hint()
    }
}

/// 2000-01-01 in days since 1970.
const POSTGRES_EPOCH_DAY: i32 = 10_957;

/// A `date`. `infinity` and days out of range are errors when they are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Day(pub(crate) Date);

impl Type<Postgres> for Day {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1082))
    }
}

impl PgHasArrayType for Day {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1182))
    }
}

impl Encode<'_, Postgres> for Day {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i32 as Encode<Postgres>>::encode(self.0.as_days() - POSTGRES_EPOCH_DAY, buffer)
    }
}

impl Decode<'_, Postgres> for Day {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let days = <i32 as Decode<Postgres>>::decode(value)?;
        Ok(Self(Date::from_days(days.saturating_add(POSTGRES_EPOCH_DAY))?))
    }
}

/// A `time`, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DayTime(pub(crate) TimeOfDay);

impl Type<Postgres> for DayTime {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1083))
    }
}

impl PgHasArrayType for DayTime {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1183))
    }
}

impl Encode<'_, Postgres> for DayTime {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<Postgres>>::encode(self.0.as_micros(), buffer)
    }
}

impl Decode<'_, Postgres> for DayTime {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = <i64 as Decode<Postgres>>::decode(value)?;
        Ok(Self(TimeOfDay::from_micros(micros)?))
    }
}

/// A position as a `bigint`.
pub(crate) fn to_i64(position: Position) -> i64 {
    i64::try_from(position.get()).unwrap_or(i64::MAX)
}

/// A position from a `bigint`.
pub(crate) fn from_i64(number: i64) -> Position {
    Position::new(u64::try_from(number).unwrap_or(0))
}

/// An index as the database counts: from 1.
pub(crate) fn ordinal(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX - 1) + 1
}

/// An index from a number of the database.
pub(crate) fn from_ordinal(ordinal: i32) -> usize {
    usize::try_from(ordinal.saturating_sub(1)).unwrap_or(usize::MAX)
}

/// Texts as one array literal (PostgreSQL manual, 8.15.2), for arrays of arrays of different lengths. Any text can be a part.
pub(crate) fn array_literal<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
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

/// Items as parameters: arrays with one element an item.
#[derive(Default)]
pub(crate) struct ItemParams {
    /// The number of the criteria that the item belongs to.
    pub(crate) of: Vec<i32>,
    pub(crate) types: Vec<String>,
    pub(crate) tags: Vec<String>,
}

impl ItemParams {
    /// The items of several criteria, which are numbered from 1.
    pub(crate) fn new<'a>(criteria: impl IntoIterator<Item = &'a Criteria>) -> Self {
        let mut items = Self::default();
        for (index, criteria) in criteria.into_iter().enumerate() {
            criteria.items().iter().for_each(|item| items.push(index, item));
        }
        items
    }

    fn push(&mut self, of: usize, item: &Item) {
        // No stored name contains NUL, and PostgreSQL does not accept it as a parameter: such an item matches nothing.
        let types = item.type_names().iter().map(AsRef::as_ref).filter(|name: &&str| !name.contains('\0'));
        let types: Vec<&str> = types.collect();
        if types.is_empty() && !item.type_names().is_empty() {
            return;
        }
        self.of.push(ordinal(of));
        self.types.push(array_literal(types));
        self.tags.push(array_literal(item.tags().iter().map(Tag::as_str)));
    }

    /// Binds them as the next three parameters.
    pub(crate) fn bind<'q>(
        &self,
        query: Query<'q, Postgres, PgArguments>,
    ) -> Query<'q, Postgres, PgArguments> {
        query.bind(&self.of).bind(&self.types).bind(&self.tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn array_literal_escapes_special_characters() {
        assert_eq!(array_literal([]), "{}");
        assert_eq!(array_literal(["a:1", "", "NULL"]), r#"{"a:1","","NULL"}"#);
        assert_eq!(array_literal([r#"a:"\,{}"#, "ü\n"]), "{\"a:\\\"\\\\,{}\",\"ü\n\"}");
    }
}
