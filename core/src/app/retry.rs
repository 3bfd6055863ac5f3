//! How a command is tried again after a conflict.

use std::time::Duration;

/// How often a command is tried, and how long it pauses in between: a random time up to a limit that doubles with each
/// try, so that those who met once do not meet again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    tries: u32,
    first: Duration,
    longest: Duration,
}

impl Retry {
    /// Tries this often, at least once, with pauses of up to 1 ms at first and up to 50 ms later.
    pub fn times(tries: u32) -> Self {
        Self { tries: tries.max(1), first: Duration::from_millis(1), longest: Duration::from_millis(50) }
    }

    /// The same with other limits for the first pause and for all pauses.
    #[must_use]
    pub fn pauses(self, first: Duration, longest: Duration) -> Self {
        Self { first, longest, ..self }
    }

    /// How often a command is tried in all.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// How long to pause after the try numbered `tried`, counted from 1.
    pub(super) fn pause(&self, tried: u32) -> Duration {
        let doublings = tried.saturating_sub(1).min(16);
        let limit = self.first.saturating_mul(1 << doublings).min(self.longest);
        limit.mul_f64(fastrand::f64())
    }
}

impl Default for Retry {
    /// 30 tries: about a second in all.
    fn default() -> Self {
        Self::times(30)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_below_their_limits() {
        let retry = Retry::times(0).pauses(Duration::from_millis(2), Duration::from_millis(9));
        assert_eq!(retry.tries(), 1);
        for tried in 1..100 {
            assert!(retry.pause(1) <= Duration::from_millis(2));
            assert!(retry.pause(tried) <= Duration::from_millis(9));
        }
    }
}
