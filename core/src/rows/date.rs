//! Days and times of day without a time zone, as columns store them.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, civil};

use crate::{error::Invalid, limits::refuse};

const EPOCH: civil::Date = civil::Date::constant(1970, 1, 1);
const HOURS_OF_DAY: i64 = 24;

/// A day of the Gregorian calendar, between the years 1 and 9999 like a [`Timestamp`](crate::time::Timestamp).
///
/// `Display` and `FromStr` use ISO 8601: `2026-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

impl Date {
    /// 0001-01-01.
    pub const MIN: Self = Self(-719_162);
    /// 9999-12-31.
    pub const MAX: Self = Self(2_932_896);

    /// Creates the day this many days after 1970-01-01.
    ///
    /// # Errors
    /// [`Invalid`] if it is before the year 1 or after the year 9999.
    pub fn from_days(days: i32) -> Result<Self, Invalid> {
        let date = Self(days);
        match (Self::MIN..=Self::MAX).contains(&date) {
            true => Ok(date),
            false => Err(out_of_range(format!("{days} days after 1970-01-01"))),
        }
    }

    /// Returns the days since 1970-01-01.
    pub const fn as_days(self) -> i32 {
        self.0
    }

    pub(super) fn from_civil(date: civil::Date) -> Result<Self, Invalid> {
        let days = date.duration_since(EPOCH).as_hours() / HOURS_OF_DAY;
        i32::try_from(days).ok().and_then(|days| Self::from_days(days).ok()).ok_or_else(|| out_of_range(date))
    }

    /// The day as `jiff` represents it. All days are within the range of both.
    pub(super) fn to_civil(self) -> civil::Date {
        let days = SignedDuration::from_hours(HOURS_OF_DAY * i64::from(self.0));
        EPOCH.checked_add(days).unwrap_or(EPOCH)
    }
}

/// The error for a day that no column can hold.
pub(super) fn out_of_range(date: impl ToString) -> Invalid {
    refuse("date", &date.to_string(), "columns hold the days between the years 1 and 9999")
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_civil().fmt(f)
    }
}

impl FromStr for Date {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let date =
            text.parse().map_err(|error| refuse("date", text, format!("it cannot be read: {error}")))?;
        let date = Self::from_civil(date)?;
        // Texts of another form would not sort like the days.
        match date.to_string() == text {
            true => Ok(date),
            false => Err(refuse("date", text, format!("it is written {date}"))),
        }
    }
}

/// A time of day in microseconds, without leap seconds.
///
/// `Display` and `FromStr` use ISO 8601, always with six digits after the point, so that texts sort like the times:
/// `12:00:00.000000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(i64);

impl TimeOfDay {
    /// 00:00:00.
    pub const MIN: Self = Self(0);
    /// 23:59:59.999999.
    pub const MAX: Self = Self(86_399_999_999);

    /// Creates the time this many microseconds after midnight.
    ///
    /// # Errors
    /// [`Invalid`] if it is not before the next midnight.
    pub fn from_micros(micros: i64) -> Result<Self, Invalid> {
        let time = Self(micros);
        match (Self::MIN..=Self::MAX).contains(&time) {
            true => Ok(time),
            false => Err(refuse(
                "time of day",
                &format!("{micros} µs after midnight"),
                "columns hold times from 00:00:00 to 23:59:59.999999",
            )),
        }
    }

    /// Returns the microseconds since midnight.
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        write!(f, "{:02}:{:02}:{:02}.{micros:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

impl FromStr for TimeOfDay {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let time: civil::Time = text
            .parse()
            .map_err(|error| refuse("time of day", text, format!("it cannot be read: {error}")))?;
        let time = Self::from_micros(time.duration_since(civil::Time::MIN).as_micros() as i64)?;
        // Texts of another form, such as one with nanoseconds, would not sort like the times.
        match time.to_string() == text {
            true => Ok(time),
            false => Err(refuse("time of day", text, format!("it is written {time}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_since_1970_and_iso_texts_that_sort_like_them() {
        let texts = [
            "0001-01-01",
            "0999-12-31",
            "1582-10-15",
            "1969-12-31",
            "1970-01-01",
            "2000-02-29",
            "9999-12-31",
        ];
        let dates: Vec<Date> = texts.iter().map(|text| text.parse().unwrap()).collect();
        assert!(dates.is_sorted() && texts.is_sorted());
        assert_eq!(dates.iter().map(ToString::to_string).collect::<Vec<_>>(), texts);
        assert_eq!((dates[0], dates[6]), (Date::MIN, Date::MAX));
        assert_eq!(dates[5].as_days(), 11_016);
        for days in (Date::MIN.0..=Date::MAX.0).step_by(97) {
            let date = Date::from_days(days).unwrap();
            assert_eq!(date.to_string().parse::<Date>().ok(), Some(date));
        }
        for wrong in
            ["0000-12-31", "-000001-01-01", "2001-02-29", "20010228", "2001-02-28T00:00", "infinity", ""]
        {
            assert!(wrong.parse::<Date>().is_err(), "{wrong}");
        }
        assert!(Date::from_days(Date::MIN.0 - 1).is_err() && Date::from_days(i32::MAX).is_err());
    }

    #[test]
    fn times_of_day_are_texts_of_one_length() {
        for (micros, text) in
            [(0, "00:00:00.000000"), (1, "00:00:00.000001"), (3_661_500_000, "01:01:01.500000")]
        {
            let time = TimeOfDay::from_micros(micros).unwrap();
            assert_eq!((time.to_string(), text.parse().ok()), (text.to_owned(), Some(time)));
        }
        assert_eq!(TimeOfDay::MAX.to_string(), "23:59:59.999999");
        assert!(TimeOfDay::from_micros(-1).is_err() && TimeOfDay::from_micros(TimeOfDay::MAX.0 + 1).is_err());
        for wrong in ["24:00:00.000000", "12:00", "12:00:00", "12:00:00.0000001", "23:59:60.000000", ""] {
            assert!(wrong.parse::<TimeOfDay>().is_err(), "{wrong}");
        }
    }
}
