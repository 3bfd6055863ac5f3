//! Types of other crates as columns, each behind the feature with the name of the crate.

#[cfg(feature = "chrono")]
mod chrono;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;

#[cfg(any(feature = "chrono", feature = "jiff"))]
use crate::{error::Invalid, limits::refuse, time::Timestamp};

/// The timestamp this many nanoseconds after 1970, if a column can hold it.
#[cfg(any(feature = "chrono", feature = "jiff"))]
fn timestamp(nanos: i128, shown: &dyn std::fmt::Display) -> Result<Timestamp, Invalid> {
    let micros = whole_micros(nanos, "time", shown)?;
    let time = i64::try_from(micros).ok().map(Timestamp::from_micros);
    // Times out of range become the first or the last one.
    time.filter(|time| i128::from(time.as_micros()) == micros).ok_or_else(|| {
        let rule = format!("columns hold the times from {} to {}", Timestamp::MIN, Timestamp::MAX);
        refuse("time", &shown.to_string(), rule)
    })
}

/// Nanoseconds as whole microseconds, in which every store keeps times.
#[cfg(any(feature = "chrono", feature = "jiff"))]
fn whole_micros(nanos: i128, what: &'static str, shown: &dyn std::fmt::Display) -> Result<i128, Invalid> {
    match nanos % 1_000 {
        0 => Ok(nanos / 1_000),
        _ => Err(refuse(
            what,
            &shown.to_string(),
            "columns hold whole microseconds: round it where the row takes it from the event",
        )),
    }
}

#[cfg(all(test, any(feature = "chrono", feature = "jiff", feature = "rust_decimal")))]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fmt::Debug;

    use crate::rows::Field;

    /// Checks that values in ascending order are read back unchanged, and that columns sort them in the same order.
    #[track_caller]
    pub(super) fn check_order<F: Field + Ord + Debug, const COUNT: usize>(values: [F; COUNT]) {
        for one in &values {
            assert_eq!(F::from_value(one.to_value().unwrap()).unwrap(), *one);
            for other in &values {
                let stored = one.to_value().unwrap().order(&other.to_value().unwrap());
                assert_eq!(stored, one.cmp(other), "{one:?} and {other:?}");
            }
        }
        assert!(values.is_sorted());
    }

    /// Checks that a value is refused with an error that contains this text.
    #[track_caller]
    #[allow(dead_code, reason = "every decimal fits")]
    pub(super) fn check_refused<F: Field + Debug>(value: F, text: &str) {
        let error = value.to_value().unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}
