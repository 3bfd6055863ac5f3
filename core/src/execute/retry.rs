//! How often or how long a command is attempted, and with which pauses.

use std::time::Duration;

use tokio::time::Instant;

/// How long a command is attempted, or waits for others, unless the user says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How often or how long a command is attempted after conflicts. A store with reservations makes a command wait for
/// the others; otherwise the command pauses between two attempts: a random time up to a limit that doubles with each attempt, so that
/// commands which conflicted once do not conflict again.
///
/// The same time limits how long a command waits in the process for the other commands on its aggregates; then it ends with
/// [`Error::Busy`](crate::error::Error::Busy). If only the number of attempts is limited, this is 30 seconds for each attempt.
///
/// ```
/// use std::time::Duration;
///
/// use annalist::app::Retry;
///
/// let retry = Retry::times(5).pauses(Duration::from_millis(2), Duration::from_millis(100));
/// assert_eq!(retry.tries(), 5);
/// assert_eq!(Retry::default(), Retry::within(Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    tries: u32,
    timeout: Option<Duration>,
    first: Duration,
    longest: Duration,
}

impl Retry {
    /// Attempts a command again until this time is over, with pauses of up to 1 ms at first and up to 20 ms later. It is attempted at
    /// least once, unless other commands of the process are at work on its aggregates the whole time.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use annalist::app::Retry;
    ///
    /// assert_ne!(Retry::within(Duration::from_secs(1)), Retry::default());
    /// ```
    pub fn within(timeout: Duration) -> Self {
        Self {
            tries: u32::MAX,
            timeout: Some(timeout),
            first: Duration::from_millis(1),
            longest: Duration::from_millis(20),
        }
    }

    /// Attempts a command this often, at least once, with pauses of up to 1 ms at first and up to 50 ms later.
    ///
    /// ```
    /// use annalist::app::Retry;
    ///
    /// assert_eq!(Retry::times(3).tries(), 3);
    /// assert_eq!(Retry::times(0).tries(), 1);
    /// ```
    pub fn times(tries: u32) -> Self {
        Self {
            tries: tries.max(1),
            timeout: None,
            first: Duration::from_millis(1),
            longest: Duration::from_millis(50),
        }
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

    /// Returns the largest number of attempts, the first one included; [`u32::MAX`] if only the time limits them.
    ///
    /// ```
    /// use annalist::app::Retry;
    ///
    /// assert_eq!(Retry::times(7).tries(), 7);
    /// assert_eq!(Retry::default().tries(), u32::MAX);
    /// ```
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// When a command that begins now is not attempted again; `None` if only the number of attempts is limited.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timeout.map(after)
    }

    /// How long an attempt that begins now waits for other commands of the process, with this deadline of the command.
    pub(super) fn queue_deadline(deadline: Option<Instant>) -> Instant {
        deadline.unwrap_or_else(|| after(DEFAULT_TIMEOUT))
    }

    /// A random pause after attempt number `attempt`, counted from 1.
    pub(super) fn pause(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        let limit = self.first.saturating_mul(1 << doublings).min(self.longest);
        limit.mul_f64(fastrand::f64())
    }
}

impl Default for Retry {
    /// Attempts for 30 seconds.
    fn default() -> Self {
        Self::within(DEFAULT_TIMEOUT)
    }
}

/// A timeout too long for the clock becomes the longest possible one.
fn after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()))
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
