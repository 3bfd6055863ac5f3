//! Decimal numbers as columns store them.

use std::{cmp::Ordering, fmt, str::FromStr};

use crate::{error::Invalid, limits::refuse};

/// A decimal number: a whole number of less than 96 bits, divided by a power of ten of at most 28. These are the numbers that a
/// `rust_decimal::Decimal` can be. Trailing zeros after the point and the sign of zero are no part of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i128,
    scale: u32,
}

impl Decimal {
    /// The greatest number: 79228162514264337593543950335.
    pub const MAX: Self = Self { mantissa: (1 << 96) - 1, scale: 0 };
    /// The maximum number of digits after the point.
    pub const MAX_SCALE: u32 = 28;
    /// The smallest number: -79228162514264337593543950335.
    pub const MIN: Self = Self { mantissa: 1 - (1 << 96), scale: 0 };

    /// Creates the number `mantissa` / 10^`scale`.
    ///
    /// # Errors
    /// [`Invalid`] if, without trailing zeros, it has more than 28 digits after the point, or all its digits are a number of more
    /// than 96 bits.
    pub fn new(mut mantissa: i128, mut scale: u32) -> Result<Self, Invalid> {
        let (given, given_scale) = (mantissa, scale);
        while scale > 0 && mantissa % 10 == 0 && mantissa != 0 {
            mantissa /= 10;
            scale -= 1;
        }
        if mantissa == 0 {
            scale = 0;
        }
        let range = Self::MIN.mantissa..=Self::MAX.mantissa;
        match scale <= Self::MAX_SCALE && range.contains(&mantissa) {
            true => Ok(Self { mantissa, scale }),
            false => Err(out_of_range(&format!("{given} / 10^{given_scale}"))),
        }
    }

    /// Returns all digits as a whole number.
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// Returns the number of digits after the point.
    pub const fn scale(self) -> u32 {
        self.scale
    }

    /// The digits before the point as a number, and the digits after the point as a number of 28 digits, both with the sign.
    fn parts(self) -> (i128, i128) {
        let unit = 10_i128.pow(self.scale);
        (self.mantissa / unit, self.mantissa % unit * 10_i128.pow(Self::MAX_SCALE - self.scale))
    }
}

fn out_of_range(number: &str) -> Invalid {
    refuse(
        "decimal number",
        number,
        "columns hold decimal numbers with at most 28 digits after the point, whose digits are a number of at most 96 bits",
    )
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let unit = 10_u128.pow(self.scale);
        let digits = self.mantissa.unsigned_abs();
        match self.scale {
            0 => write!(f, "{sign}{digits}"),
            scale => write!(f, "{sign}{}.{:0width$}", digits / unit, digits % unit, width = scale as usize),
        }
    }
}

impl FromStr for Decimal {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{}{fraction}", whole.trim_start_matches('0'));
        let is_number = !whole.is_empty()
            && [whole, fraction].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_number {
            return Err(refuse("decimal number", text, "it is written as digits with a point"));
        }
        let mantissa = if digits.is_empty() { Ok(0) } else { digits.parse::<i128>() };
        let (Ok(mantissa), Ok(scale)) = (mantissa, u32::try_from(fraction.len())) else {
            return Err(out_of_range(text));
        };
        Self::new(if negative { -mantissa } else { mantissa }, scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn decimal_is_written_and_read_without_trailing_zeros() {
        for (text, written) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("1.10", "1.1"),
            ("-0.05", "-0.05"),
            ("100", "100"),
            ("007.5000", "7.5"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
            ("7.9228162514264337593543950335", "7.9228162514264337593543950335"),
            ("-0.0000000000000000000000000001", "-0.0000000000000000000000000001"),
            (&format!("1.{}", "0".repeat(100)), "1"),
        ] {
            assert_eq!(number(text).to_string(), written);
            assert_eq!(number(written), number(text));
        }
        assert_eq!(number("79228162514264337593543950335"), Decimal::MAX);
        assert_eq!((number("1.10").mantissa(), number("1.10").scale()), (11, 1));
        assert_eq!(Decimal::new(0, u32::MAX).unwrap().to_string(), "0");
    }

    #[test]
    fn number_that_does_not_fit_is_refused() {
        let long = format!("0.{}1", "0".repeat(28));
        let huge = "9".repeat(60);
        for wrong in
            ["", "-", ".", ".5", "1e3", "+1", "NaN", "1.2.3", "79228162514264337593543950336", &long, &huge]
        {
            assert!(wrong.parse::<Decimal>().is_err(), "{wrong}");
        }
        assert!(Decimal::new(1 << 96, 0).is_err() && Decimal::new(i128::MIN, 0).is_err());
        assert!(Decimal::new(1, 29).is_err() && Decimal::new(10, 29).is_ok());
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let texts = [
            "-79228162514264337593543950335",
            "-12.55",
            "-12.5",
            "-12",
            "-0.0000000000000000000000000001",
            "0",
            "0.0000000000000000000000000001",
            "0.1",
            "7.9228162514264337593543950335",
            "12",
            "12.5",
            "12.55",
            "100",
            "79228162514264337593543950334",
            "79228162514264337593543950335",
        ];
        assert!(texts.map(number).is_sorted());
        assert_eq!(texts.map(number).map(|number| number.to_string()), texts);
    }
}
