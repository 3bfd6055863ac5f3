//! How many calls of a process are under way at the same time.

use std::time::Duration;

/// How much the last call counts among those before it: one part in so many.
const MEMORY: f64 = 8.0;

/// Keeps the database at work without cutting what waits into small pieces.
///
/// A call is partly inside the function in the database, and partly on its way or waiting for the disk. So many calls are
/// under way that one of them is inside at any time: where a commit takes long, others go on meanwhile; where it does
/// not, few large calls are cheaper than many small ones.
#[derive(Debug)]
pub(crate) struct Pace {
    /// How long calls take, in seconds.
    whole: f64,
    /// How much of it they are inside the function.
    inside: f64,
}

impl Default for Pace {
    /// Nothing is known: half of the time is on the way.
    fn default() -> Self {
        Self { whole: 0.0004, inside: 0.0002 }
    }
}

impl Pace {
    /// How many calls may be under way: one at least.
    pub(crate) fn calls(&self) -> u32 {
        // A ratio that is no number, or none that fits, becomes one that is.
        ((self.whole / self.inside).ceil() as u32).max(1)
    }

    /// Takes another call into account.
    pub(crate) fn learn(&mut self, whole: Duration, inside: Duration) {
        self.whole += (whole.as_secs_f64() - self.whole) / MEMORY;
        self.inside += (inside.as_secs_f64() - self.inside) / MEMORY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After many calls that were all the same, in microseconds.
    fn after(whole: u64, inside: u64) -> Pace {
        let mut pace = Pace::default();
        for _ in 0..1000 {
            pace.learn(Duration::from_micros(whole), Duration::from_micros(inside));
        }
        pace
    }

    #[test]
    fn slow_commits_want_more_calls_than_fast_ones() {
        assert_eq!(Pace::default().calls(), 2);
        assert_eq!(after(1000, 800).calls(), 2);
        assert_eq!(after(1800, 400).calls(), 5);
        assert_eq!(after(10_400, 500).calls(), 21);
    }

    #[test]
    fn whatever_is_measured_there_is_one() {
        assert_eq!(Pace { whole: 0.0, inside: 0.0 }.calls(), 1);
        assert!(after(100, 0).calls() > 1000);
        assert_eq!(after(100, 1000).calls(), 1, "another clock");
    }

    #[test]
    fn one_call_that_is_out_of_line_changes_little() {
        let mut pace = after(1000, 800);
        pace.learn(Duration::from_millis(3), Duration::from_millis(1));
        assert_eq!(pace.calls(), 2);
        (0..50).for_each(|_| pace.learn(Duration::from_millis(3), Duration::from_millis(1)));
        assert_eq!(pace.calls(), 3);
    }
}
