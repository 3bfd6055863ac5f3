//! The recorded times of a log, as far as a process has seen them, compared with the times that it appends.

use std::{
    sync::atomic::{AtomicI8, AtomicI64, Ordering},
    time::Duration,
};

use crate::time::Timestamp;

/// How far a recorded time may be before the latest one: appends overtake each other, and clocks of machines differ.
const MAX_BACK: Duration = Duration::from_secs(10);
/// How far a recorded time may be after the latest one: a log may be idle.
const MAX_AHEAD: Duration = Duration::from_secs(30 * 24 * 3600);

/// The latest recorded time that this process has seen.
#[derive(Debug)]
pub(super) struct RecordedTimes {
    latest: AtomicI64,
    /// The direction in which the last append was out of line, or 0: a clock that stays wrong is reported once.
    reported: AtomicI8,
}

/// The distance of the recorded time of an append from the latest one of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockJump {
    /// It is earlier.
    Back(Duration),
    /// It is much later.
    Ahead(Duration),
}

impl Default for RecordedTimes {
    fn default() -> Self {
        Self { latest: AtomicI64::new(i64::MIN), reported: AtomicI8::new(0) }
    }
}

impl RecordedTimes {
    /// Takes note of the time of an event of the log.
    pub(super) fn saw(&self, time: Timestamp) {
        self.latest.fetch_max(time.as_micros(), Ordering::Relaxed);
    }

    /// Takes note of an append of this process. Returns how far its time is out of line, unless that was just reported.
    pub(super) fn appended(&self, time: Timestamp) -> Option<ClockJump> {
        let before = self.latest.fetch_max(time.as_micros(), Ordering::Relaxed);
        let jump = jump(before, time.as_micros());
        let direction = jump.map_or(0, ClockJump::direction);
        let reported = self.reported.swap(direction, Ordering::Relaxed);
        jump.filter(|_| reported != direction)
    }
}

impl ClockJump {
    fn direction(self) -> i8 {
        match self {
            Self::Back(_) => -1,
            Self::Ahead(_) => 1,
        }
    }
}

fn jump(latest: i64, time: i64) -> Option<ClockJump> {
    let distance = Duration::from_micros(time.abs_diff(latest));
    match latest {
        i64::MIN => None,
        _ if time < latest => (distance > MAX_BACK).then_some(ClockJump::Back(distance)),
        _ => (distance > MAX_AHEAD).then_some(ClockJump::Ahead(distance)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn seconds(seconds: i64) -> Duration {
        Duration::from_secs(seconds.unsigned_abs())
    }

    #[test]
    fn times_that_grow_or_overtake_each_other_a_little_are_in_line() {
        let times = RecordedTimes::default();
        for second in [-5, 0, 7, 3, 8, 20, 10, 30 * DAY, 60 * DAY] {
            assert_eq!(times.appended(at(second)), None, "{second}");
        }
    }

    #[test]
    fn clock_that_goes_back_is_reported_once_until_it_is_in_line_again() {
        let times = RecordedTimes::default();
        assert_eq!(times.appended(at(100)), None);
        assert_eq!(times.appended(at(89)), Some(ClockJump::Back(seconds(11))));
        assert_eq!(times.appended(at(89)), None);
        assert_eq!(times.appended(at(101)), None);
        assert_eq!(times.appended(at(0)), Some(ClockJump::Back(seconds(101))));
    }

    #[test]
    fn clock_far_ahead_of_the_log_is_reported() {
        let times = RecordedTimes::default();
        times.saw(at(100));
        assert_eq!(times.appended(at(100 + 31 * DAY)), Some(ClockJump::Ahead(seconds(31 * DAY))));
        // It is the latest time now.
        assert_eq!(times.appended(at(101 + 31 * DAY)), None);
        assert_eq!(times.appended(at(100)), Some(ClockJump::Back(seconds(1 + 31 * DAY))));
    }

    #[test]
    fn events_of_other_processes_count() {
        let times = RecordedTimes::default();
        times.saw(at(500));
        times.saw(at(400));
        assert_eq!(times.appended(at(450)), Some(ClockJump::Back(seconds(50))));
        assert_eq!(RecordedTimes::default().appended(Timestamp::MAX), None);
        assert_eq!(RecordedTimes::default().appended(Timestamp::MIN), None);
    }
}
