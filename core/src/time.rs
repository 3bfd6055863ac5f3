//! Points in time, and the clock that an app reads them from.

use std::{fmt, str::FromStr, time::SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: microseconds since 1970-01-01T00:00:00Z, between the years 1 and 9999.
///
/// `Display`, `FromStr` and serde use RFC 3339 (`2026-01-31T12:00:00Z`).
///
/// ```
/// use std::time::Duration;
///
/// use annalist::Timestamp;
///
/// let noon: Timestamp = "2026-01-31T12:00:00Z".parse()?;
/// assert_eq!(noon.plus(Duration::from_millis(1500)).to_string(), "2026-01-31T12:00:01.5Z");
/// assert_eq!(Timestamp::from_micros(0), Timestamp::EPOCH);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The latest point in time: 9999-12-30T00:00:00Z.
    pub const MAX: Self = Self(253_402_128_000_000_000);
    /// The earliest point in time: 0001-01-01T00:00:00Z. Every store can hold it.
    pub const MIN: Self = Self(-62_135_596_800_000_000);

    /// Returns the current time of the operating system.
    ///
    /// ```
    /// use annalist::Timestamp;
    ///
    /// assert!(Timestamp::now() > Timestamp::EPOCH);
    /// ```
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    /// Creates the point in time this many microseconds after 1970-01-01T00:00:00Z, limited to [`MIN`](Self::MIN) and
    /// [`MAX`](Self::MAX).
    ///
    /// ```
    /// use annalist::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_micros(1_500_000).to_string(), "1970-01-01T00:00:01.5Z");
    /// assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
    /// ```
    pub const fn from_micros(micros: i64) -> Self {
        if micros > Self::MAX.0 {
            Self::MAX
        } else if micros < Self::MIN.0 {
            Self::MIN
        } else {
            Self(micros)
        }
    }

    /// Returns the microseconds since 1970-01-01T00:00:00Z.
    ///
    /// ```
    /// use annalist::Timestamp;
    ///
    /// let time: Timestamp = "1970-01-01T00:00:01Z".parse()?;
    /// assert_eq!(time.as_micros(), 1_000_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Adds a duration. The result is at most [`Timestamp::MAX`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use annalist::Timestamp;
    ///
    /// assert_eq!(Timestamp::EPOCH.plus(Duration::from_secs(60)).to_string(), "1970-01-01T00:01:00Z");
    /// assert_eq!(Timestamp::MAX.plus(Duration::from_secs(60)), Timestamp::MAX);
    /// ```
    pub fn plus(self, duration: std::time::Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// Subtracts a duration. The result is at least [`Timestamp::MIN`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use annalist::Timestamp;
    ///
    /// assert_eq!(Timestamp::EPOCH.minus(Duration::from_secs(60)).to_string(), "1969-12-31T23:59:00Z");
    /// ```
    pub fn minus(self, duration: std::time::Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(micros))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Self::EPOCH.plus(since),
            Err(before) => Self::EPOCH.minus(before.duration()),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time: jiff::Timestamp =
            text.parse().map_err(|source| ParseTimestampError { text: text.into(), source })?;
        Ok(Self::from_micros(time.as_microsecond()))
    }
}

/// The error of a text that is not a point in time.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a time such as 2026-01-31T12:00:00Z: {source}")]
pub struct ParseTimestampError {
    text: String,
    source: jiff::Error,
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// The source of the time that an app records with events and passes to decisions.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::{App, Memory, Timestamp, app::Clock, testing::ManualClock};
///
/// let clock = ManualClock::at("2026-01-31T12:00:00Z".parse()?);
/// let app = App::builder(Memory::new()).clock(clock.clone()).start().await?;
/// app.execute(open("ann", "Ann")).await?;
///
/// let history = app.history::<AccountEvent>(&id("ann")).await?;
/// assert_eq!(history[0].recorded_at, clock.now());
/// # Ok(())
/// # });
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_is_printed_and_parsed_as_rfc_3339() {
        let time = Timestamp::from_micros(1_769_860_800_000_001);
        assert_eq!(time.to_string(), "2026-01-31T12:00:00.000001Z");
        assert_eq!("2026-01-31T12:00:00.000001Z".parse::<Timestamp>().unwrap(), time);
        assert!("yesterday".parse::<Timestamp>().unwrap_err().to_string().contains("2026-01-31T12:00:00Z"));
    }

    #[test]
    fn earliest_and_latest_timestamps_are_printed_parsed_and_never_exceeded() {
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T00:00:00Z");
        assert_eq!("0001-01-01T00:00:00Z".parse::<Timestamp>().unwrap(), Timestamp::MIN);
        assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_micros(i64::MIN), Timestamp::MIN);
        assert_eq!(Timestamp::MIN.minus(std::time::Duration::MAX), Timestamp::MIN);
    }
}
