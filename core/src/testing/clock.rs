//! A clock that only a test moves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::time::{Clock, Timestamp};

/// A clock that shows the time it was set to. Clones share the same time.
///
/// ```
/// use std::time::Duration;
///
/// use annalist::{Timestamp, app::Clock, testing::ManualClock};
///
/// let clock = ManualClock::at(Timestamp::EPOCH);
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().to_string(), "1970-01-01T00:01:00Z");
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Creates a clock that shows this time.
    ///
    /// ```
    /// use annalist::{Timestamp, app::Clock, testing::ManualClock};
    ///
    /// assert_eq!(ManualClock::at(Timestamp::MAX).now(), Timestamp::MAX);
    /// assert_eq!(ManualClock::default().now(), Timestamp::EPOCH);
    /// ```
    pub fn at(time: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(time.as_micros())))
    }

    /// Sets the time, forwards or backwards.
    ///
    /// ```
    /// use annalist::{app::Clock, testing::ManualClock};
    ///
    /// let clock = ManualClock::default();
    /// clock.set("2026-01-31T12:00:00Z".parse()?);
    /// assert_eq!(clock.now().to_string(), "2026-01-31T12:00:00Z");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.as_micros(), Ordering::SeqCst);
    }

    /// Moves the time forwards.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use annalist::{Timestamp, app::Clock, testing::ManualClock};
    ///
    /// let clock = ManualClock::default();
    /// let copy = clock.clone();
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(copy.now(), Timestamp::EPOCH.plus(Duration::from_secs(60)));
    /// ```
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().plus(duration));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
