//! Pauses between retries.

use std::time::Duration;

/// Exponential back-off: each pause is twice as long as the one before, up to a maximum.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Starts with a pause of `first`, and never exceeds `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The next pause. The one after it is twice as long.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.next.min(self.longest);
        self.next = pause.saturating_mul(2);
        pause
    }

    /// Starts again with the first pause.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// Changes the maximum of the next pauses.
    pub fn set_longest(&mut self, longest: Duration) {
        self.longest = longest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(backoff: &mut Backoff, count: usize) -> Vec<u128> {
        (0..count).map(|_| backoff.next_pause().as_millis()).collect()
    }

    #[test]
    fn pauses_double_up_to_the_longest_until_reset() {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(100));
        assert_eq!(pauses(&mut backoff, 5), [20, 40, 80, 100, 100]);
        backoff.reset();
        assert_eq!(pauses(&mut backoff, 2), [20, 40]);
    }

    #[test]
    fn a_changed_maximum_applies_to_the_next_pause() {
        let mut backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(50));
        assert_eq!(pauses(&mut backoff, 4), [2, 4, 8, 16]);
        backoff.set_longest(Duration::from_millis(10));
        assert_eq!(pauses(&mut backoff, 2), [10, 10]);
        backoff.set_longest(Duration::from_millis(250));
        assert_eq!(pauses(&mut backoff, 2), [20, 40]);
    }
}
