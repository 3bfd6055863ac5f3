//! Decimal numbers in the binary format of `numeric`: digits to the base 10,000 (PostgreSQL source, `numeric_send`).

use annalist_core::rows::Decimal;
use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef, types::Oid},
};

/// Decimal digits in a digit to the base 10,000.
const GROUP: usize = 4;
/// The sign of a negative number.
const NEGATIVE: i16 = 0x4000;
/// More digits to the base 10,000, before the point or in all, than any number that fits.
const MAX_GROUPS: i16 = 5_000;

/// A `numeric`. NaN, infinity and numbers that do not fit are errors when they are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numeric(pub(crate) Decimal);

impl Type<Postgres> for Numeric {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1700))
    }
}

impl PgHasArrayType for Numeric {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1231))
    }
}

impl Encode<'_, Postgres> for Numeric {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        for part in parts(self.0)? {
            buffer.extend_from_slice(&part.to_be_bytes());
        }
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Numeric {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let bytes = value.as_bytes()?;
        let parts: Vec<i16> = bytes.as_chunks::<2>().0.iter().map(|part| i16::from_be_bytes(*part)).collect();
        number(&parts).map(Self)
    }
}

/// The number of digits, the weight of the first one, the sign, the number of decimal digits after the point, and the digits.
fn parts(number: Decimal) -> Result<Vec<i16>, BoxDynError> {
    let shown = number.to_string();
    let unsigned = shown.trim_start_matches('-');
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let (before, after) = (whole.len().div_ceil(GROUP), fraction.len().div_ceil(GROUP));
    let padded =
        format!("{whole:0>before$}{fraction:0<after$}", before = before * GROUP, after = after * GROUP);
    let digits: Vec<i16> = padded
        .as_bytes()
        .chunks(GROUP)
        .map(|group| std::str::from_utf8(group)?.parse().map_err(BoxDynError::from))
        .collect::<Result<_, _>>()?;
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let sign = if shown.starts_with('-') { NEGATIVE } else { 0 };
    let count = i16::try_from(digits.len() - zeros)?;
    // Zero has no digits, and the weight 0.
    let weight = if count == 0 { 0 } else { i16::try_from(before)? - 1 - i16::try_from(zeros)? };
    let mut parts = vec![count, weight, sign, i16::try_from(fraction.len())?];
    parts.extend(&digits[zeros..]);
    Ok(parts)
}

fn number(parts: &[i16]) -> Result<Decimal, BoxDynError> {
    let [count, weight, sign, _, digits @ ..] = parts else { return Err("a `numeric` is too short".into()) };
    let sign = match *sign {
        0 => "",
        NEGATIVE => "-",
        _ => return Err("NaN and infinity are no decimal numbers".into()),
    };
    if usize::try_from(*count) != Ok(digits.len()) {
        return Err("a `numeric` has another number of digits than it states".into());
    }
    if digits.len() > usize::from(MAX_GROUPS.unsigned_abs()) || !(-MAX_GROUPS..MAX_GROUPS).contains(weight) {
        return Err("the number has too many digits for a decimal number".into());
    }
    let group = |power: i16| {
        let digit = usize::try_from(weight - power).ok().and_then(|index| digits.get(index)).copied();
        format!("{:04}", digit.unwrap_or(0))
    };
    let last = weight - *count + 1;
    let whole: String = (0..=(*weight).max(0)).rev().map(group).collect();
    let fraction: String = (last.min(0)..0).rev().map(group).collect();
    Ok(format!("{sign}{whole}.{fraction}").parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_survive_the_format_of_numeric() {
        for (text, expected) in [
            ("0", vec![0, 0, 0, 0]),
            ("1", vec![1, 0, 0, 0, 1]),
            ("-12.5", vec![2, 0, NEGATIVE, 1, 12, 5000]),
            ("10000", vec![2, 1, 0, 0, 1, 0]),
            ("0.00005", vec![1, -2, 0, 5, 5000]),
        ] {
            let decimal: Decimal = text.parse().unwrap();
            assert_eq!(parts(decimal).unwrap(), expected, "{text}");
            assert_eq!(number(&expected).unwrap(), decimal);
        }
        for text in [
            "79228162514264337593543950335",
            "-7.9228162514264337593543950335",
            "0.0000000000000000000000000001",
        ] {
            let decimal: Decimal = text.parse().unwrap();
            assert_eq!(number(&parts(decimal).unwrap()).unwrap(), decimal);
        }
        // The server leaves out digits that are zero at the end.
        assert_eq!(number(&[1, 1, 0, 0, 3]).unwrap(), "30000".parse().unwrap());
        assert_eq!(number(&[1, 0, 0, 2, 3]).unwrap(), "3.00".parse().unwrap());
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        for parts in [
            vec![],
            vec![0, 0, 0x7fff, 0],
            vec![0, 0, -0x4000, 0],
            vec![0, 0, -0x3000, 0],
            vec![1, 32767, 0, 0, 1],
            vec![1, -32768, 0, 0, 1],
            vec![1, 10, 0, 0, 1],
            vec![1, -8, 0, 0, 1],
            vec![2, 0, 0, 0, 1],
        ] {
            assert!(number(&parts).is_err(), "{parts:?}");
        }
    }
}
