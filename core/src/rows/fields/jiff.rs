//! Instants, days and times of day of `jiff`.

use jiff::{SignedDuration, civil};

use super::{timestamp, whole_micros};
use crate::{
    error::Invalid,
    limits::refuse,
    rows::{ColumnType, Date, Field, TimeOfDay, Value, value::misfit},
};

/// A point in time, as [`Timestamp`](crate::time::Timestamp): a whole number of microseconds in its range. Others are an error before anything is written.
impl Field for jiff::Timestamp {
    const TYPE: ColumnType = ColumnType::Time;

    fn to_value(&self) -> Result<Value, Invalid> {
        timestamp(self.as_nanosecond(), self).map(Value::Time)
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        let Value::Time(time) = value else { return Err(misfit::<Self>(&value)) };
        let micros = time.as_micros();
        Self::from_microsecond(micros)
            .map_err(|error| refuse("time", &format!("{micros} µs after 1970"), error.to_string()))
    }
}

/// A day between the years 1 and 9999. Others are an error before anything is written.
impl Field for civil::Date {
    const TYPE: ColumnType = ColumnType::Date;

    fn to_value(&self) -> Result<Value, Invalid> {
        Date::from_civil(*self).map(Value::Date)
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        match value {
            Value::Date(date) => Ok(date.to_civil()),
            _ => Err(misfit::<Self>(&value)),
        }
    }
}

/// A time of day: a whole number of microseconds. Others are an error before anything is written.
impl Field for civil::Time {
    const TYPE: ColumnType = ColumnType::TimeOfDay;

    fn to_value(&self) -> Result<Value, Invalid> {
        let nanos = self.duration_since(Self::MIN).as_nanos();
        let micros = whole_micros(nanos, "time of day", self)?;
        TimeOfDay::from_micros(micros as i64).map(Value::TimeOfDay)
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        let Value::TimeOfDay(time) = value else { return Err(misfit::<Self>(&value)) };
        let micros = time.as_micros();
        Ok(Self::MIN.saturating_add(SignedDuration::from_micros(micros)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::fields::tests::{check_order, check_refused};

    #[test]
    fn values_of_jiff_are_read_back_and_ordered_as_in_rust() {
        let times = [
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "1970-01-01T00:00:00Z",
            "2026-02-03T04:05:06.000001Z",
            "9999-12-30T00:00:00Z",
        ];
        check_order(times.map(|time| time.parse::<jiff::Timestamp>().unwrap()));
        let dates = ["0001-01-01", "1969-12-31", "2024-02-29", "9999-12-31"];
        check_order(dates.map(|date| date.parse::<civil::Date>().unwrap()));
        let times = ["00:00:00", "00:00:00.000001", "12:00:00", "23:59:59.999999"];
        check_order(times.map(|time| time.parse::<civil::Time>().unwrap()));
    }

    #[test]
    fn values_of_jiff_that_no_column_holds_are_refused() {
        let nano: jiff::Timestamp = "2026-02-03T04:05:06.000000001Z".parse().unwrap();
        check_refused(nano, "microseconds");
        check_refused(jiff::Timestamp::MIN, "0001-01-01T00:00:00Z");
        check_refused("9999-12-30T22:00:00Z".parse::<jiff::Timestamp>().unwrap(), "9999-12-30T00:00:00Z");
        check_refused(civil::Date::MIN, "between the years 1 and 9999");
        check_refused(civil::Date::constant(0, 12, 31), "between the years 1 and 9999");
        check_refused(civil::Time::MAX, "microseconds");
    }
}
