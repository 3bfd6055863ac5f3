//! Instants, days and times of day of `chrono`.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};

use super::{timestamp, whole_micros};
use crate::{
    error::Invalid,
    limits::refuse,
    rows::{ColumnType, Date, Field, TimeOfDay, Value, date, value::misfit},
};

const NANOS_OF_SECOND: i128 = 1_000_000_000;
/// The days from 0000-12-31 to 1970-01-01.
const EPOCH_FROM_CE: i32 = 719_163;

/// A point in time, as [`Timestamp`](crate::time::Timestamp): a whole number of microseconds in its range, and no leap second. Others are an error before
/// anything is written.
impl Field for DateTime<Utc> {
    const TYPE: ColumnType = ColumnType::Time;

    fn to_value(&self) -> Result<Value, Invalid> {
        let subsec = no_leap_second(self.timestamp_subsec_nanos(), "time", self)?;
        timestamp(i128::from(self.timestamp()) * NANOS_OF_SECOND + subsec, self).map(Value::Time)
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        let Value::Time(time) = value else { return Err(misfit::<Self>(&value)) };
        let micros = time.as_micros();
        Self::from_timestamp_micros(micros)
            .ok_or_else(|| refuse("time", &format!("{micros} µs after 1970"), "`chrono` cannot represent it"))
    }
}

/// A day between the years 1 and 9999. Others are an error before anything is written.
impl Field for NaiveDate {
    const TYPE: ColumnType = ColumnType::Date;

    fn to_value(&self) -> Result<Value, Invalid> {
        let days = self.num_days_from_ce() - EPOCH_FROM_CE;
        Date::from_days(days).map(Value::Date).map_err(|_| date::out_of_range(self))
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        let Value::Date(date) = value else { return Err(misfit::<Self>(&value)) };
        let days = date.as_days();
        Self::from_num_days_from_ce_opt(days + EPOCH_FROM_CE)
            .ok_or_else(|| refuse("date", &format!("{days} days after 1970"), "`chrono` cannot represent it"))
    }
}

/// A time of day: a whole number of microseconds, and no leap second. Others are an error before anything is written.
impl Field for NaiveTime {
    const TYPE: ColumnType = ColumnType::TimeOfDay;

    fn to_value(&self) -> Result<Value, Invalid> {
        let subsec = no_leap_second(self.nanosecond(), "time of day", self)?;
        let nanos = i128::from(self.num_seconds_from_midnight()) * NANOS_OF_SECOND + subsec;
        let micros = whole_micros(nanos, "time of day", self)?;
        TimeOfDay::from_micros(micros as i64).map(Value::TimeOfDay)
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        let Value::TimeOfDay(time) = value else { return Err(misfit::<Self>(&value)) };
        let micros = time.as_micros();
        Ok(Self::MIN + TimeDelta::microseconds(micros))
    }
}

/// The nanoseconds of a second, which are more than a second in a leap second.
fn no_leap_second(nanos: u32, what: &'static str, shown: &dyn std::fmt::Display) -> Result<i128, Invalid> {
    match i128::from(nanos) {
        nanos if nanos < NANOS_OF_SECOND => Ok(nanos),
        _ => Err(refuse(what, &shown.to_string(), "columns hold no leap seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::fields::tests::{check_order, check_refused};

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn values_of_chrono_are_read_back_and_ordered_as_in_rust() {
        let times = [
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "1970-01-01T00:00:00Z",
            "2026-02-03T04:05:06.000001Z",
            "9999-12-30T00:00:00Z",
        ];
        check_order(times.map(time));
        let dates = ["0001-01-01", "1969-12-31", "2024-02-29", "9999-12-31"];
        check_order(dates.map(|date| date.parse::<NaiveDate>().unwrap()));
        let times = ["00:00:00", "00:00:00.000001", "12:00:00", "23:59:59.999999"];
        check_order(times.map(|time| time.parse::<NaiveTime>().unwrap()));
    }

    #[test]
    fn values_of_chrono_that_no_column_holds_are_refused() {
        check_refused(time("2026-02-03T04:05:06.000000001Z"), "microseconds");
        check_refused(time("2016-12-31T23:59:60Z"), "leap seconds");
        check_refused(time("2016-12-31T23:59:60.5Z"), "leap seconds");
        check_refused(DateTime::<Utc>::MIN_UTC, "0001-01-01T00:00:00Z");
        check_refused(DateTime::<Utc>::MAX_UTC.with_nanosecond(0).unwrap(), "9999-12-30T00:00:00Z");
        check_refused(NaiveDate::MIN, "between the years 1 and 9999");
        check_refused(NaiveDate::MAX, "between the years 1 and 9999");
        check_refused("23:59:60".parse::<NaiveTime>().unwrap(), "leap seconds");
        check_refused("23:59:59.9999999".parse::<NaiveTime>().unwrap(), "microseconds");
    }
}
