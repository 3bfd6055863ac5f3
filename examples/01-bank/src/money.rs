//! Amounts of money: stored in cents, displayed as `12.50`.

use std::{
    fmt,
    ops::{AddAssign, SubAssign},
    str::FromStr,
};

use annalist::prelude::*;

/// An amount of money in cents.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
pub struct Cents(u64);

impl Cents {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The maximum balance of an account: the largest value of a column.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// Creates an amount from cents.
    pub const fn new(cents: u64) -> Self {
        Self(cents)
    }

    /// The number of cents.
    pub const fn cents(self) -> u64 {
        self.0
    }

    /// Returns the sum, or `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

/// Saturates: decisions refuse what would overflow, and a fold must not panic on history.
impl AddAssign for Cents {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

/// Saturates, for the same reason.
impl SubAssign for Cents {
    fn sub_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_sub(other.0);
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
        let (whole, cents): (u64, u64) =
            (whole.parse().map_err(|_| ParseCentsError)?, cents.parse().map_err(|_| ParseCentsError)?);
        whole.checked_mul(100).and_then(|whole| whole.checked_add(cents)).map(Self).ok_or(ParseCentsError)
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
