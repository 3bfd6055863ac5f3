//! How often a command is attempted, and with which pauses.

use std::time::Duration;

/// How often a command is attempted, and how long it pauses between two attempts: a random time up to a limit that doubles
/// with each attempt, so that commands which conflicted once do not conflict again.
///
/// ```
/// use std::time::Duration;
///
/// use annalist::app::Retry;
///
/// let retry = Retry::times(5).pauses(Duration::from_millis(2), Duration::from_millis(100));
/// assert_eq!(retry.tries(), 5);
/// assert_eq!(Retry::default().tries(), 30);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    tries: u32,
    first: Duration,
    longest: Duration,
}

impl Retry {
    /// Attempts a command this often, at least once, with pauses of up to 1 ms at first and up to 50 ms later.
    ///
    /// ```
    /// use annalist::app::Retry;
    ///
    /// assert_eq!(Retry::times(3).tries(), 3);
    /// assert_eq!(Retry::times(0).tries(), 1);
    /// ```
    pub fn times(tries: u32) -> Self {
        Self { tries: tries.max(1), first: Duration::from_millis(1), longest: Duration::from_millis(50) }
    }

    /// Sets the limit of the first pause, and the limit of all pauses.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use annalist::app::Retry;
    ///
    /// let patient = Retry::times(5).pauses(Duration::from_millis(10), Duration::from_secs(1));
    /// assert_ne!(patient, Retry::times(5));
    /// ```
    #[must_use]
    pub fn pauses(self, first: Duration, longest: Duration) -> Self {
        Self { first, longest, ..self }
    }

    /// Returns the number of attempts, the first one included.
    ///
    /// ```
    /// use annalist::app::Retry;
    ///
    /// assert_eq!(Retry::default().tries(), 30);
    /// ```
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// A random pause after attempt number `attempt`, counted from 1.
    pub(super) fn pause(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        let limit = self.first.saturating_mul(1 << doublings).min(self.longest);
        limit.mul_f64(fastrand::f64())
    }
}

impl Default for Retry {
    /// 30 attempts: about a second in all.
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
        for attempt in 1..100 {
            assert!(retry.pause(1) <= Duration::from_millis(2));
            assert!(retry.pause(attempt) <= Duration::from_millis(9));
        }
    }
}
