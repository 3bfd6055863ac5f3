//! Length, randomness and time limit of a run.

use std::time::Duration;

/// Length, randomness and time limit of a run.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Multiplies the rounds of every case with races or random choices: 1 in a normal run, more for a soak test.
    pub scale: usize,
    /// The seed of all random choices.
    pub seed: u64,
    /// The time after which a case is stopped and counts as failed. No case measures time otherwise.
    pub timeout: Duration,
}

impl Default for Settings {
    /// Scale 1, a random seed, and a timeout of two minutes.
    fn default() -> Self {
        Self { scale: 1, seed: fastrand::u64(..), timeout: Duration::from_secs(120) }
    }
}

impl Settings {
    /// Reads `ANNALIST_CONFORMANCE_SCALE`, `…_SEED` and `…_TIMEOUT` (seconds); a variable that is not set leaves the
    /// default.
    ///
    /// # Panics
    /// If a variable is set to something other than a whole number.
    pub fn from_env() -> Self {
        let Self { scale, seed, timeout } = Self::default();
        Self {
            scale: number("SCALE").map_or(scale, |scale| usize::try_from(scale).unwrap_or(usize::MAX).max(1)),
            seed: number("SEED").unwrap_or(seed),
            timeout: number("TIMEOUT").map_or(timeout, Duration::from_secs),
        }
    }

    /// Sets the scale.
    #[must_use]
    pub fn with_scale(self, scale: usize) -> Self {
        Self { scale, ..self }
    }

    /// Sets the seed.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sets the timeout.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

fn number(name: &str) -> Option<u64> {
    let name = format!("ANNALIST_CONFORMANCE_{name}");
    let text = std::env::var(&name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}")))
}
