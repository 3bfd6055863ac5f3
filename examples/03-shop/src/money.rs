//! Amounts of money: stored in cents, displayed as `12.50`.

use std::{fmt, str::FromStr};

use annalist::prelude::*;

/// An amount of money in cents.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
pub struct Cents(u64);

impl Cents {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The maximum cost of an order: the largest value of a column.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// Creates an amount from cents.
    pub const fn new(cents: u64) -> Self {
        Self(cents)
    }

    /// The number of cents as a signed number, for databases.
    pub const fn signed(self) -> i64 {
        self.0.cast_signed()
    }

    /// Returns the amount for this many units, or `None` on overflow.
    pub fn times(self, count: u32) -> Option<Self> {
        self.0.checked_mul(count.into()).map(Self)
    }

    /// Returns the sum, or `None` on overflow.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// A text that is not an amount.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("an amount looks like 12 or 12.50")]
pub struct ParseCentsError;

impl FromStr for Cents {
    type Err = ParseCentsError;

    fn from_str(text: &str) -> Result<Self, ParseCentsError> {
        let (whole, cents) = text.split_once('.').unwrap_or((text, "00"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(cents) || cents.len() != 2 {
            return Err(ParseCentsError);
        }
        let number = |text: &str| text.parse::<u64>().map_err(|_| ParseCentsError);
        let whole = number(whole)?.checked_mul(100).ok_or(ParseCentsError)?;
        whole.checked_add(number(cents)?).map(Self).ok_or(ParseCentsError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_amounts() {
        for (text, cents) in [("12", 1200), ("12.50", 1250), ("0.05", 5), ("184467440737095516.15", u64::MAX)]
        {
            assert_eq!(text.parse(), Ok(Cents::new(cents)), "{text}");
        }
        assert_eq!(Cents::new(5).to_string(), "0.05");
        for text in ["", ".", "12.", ".50", "12.5", "-1", "+1", "1e3", "1,00", "184467440737095516.16"] {
            assert_eq!(text.parse::<Cents>(), Err(ParseCentsError), "{text}");
        }
    }
}
