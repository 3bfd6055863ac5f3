//! How long and how random a run is.

use std::time::Duration;

/// How long and how random a run is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Multiplies the rounds of every case that races or chooses at random: 1 in a usual test run, more for a soak.
    pub scale: usize,
    /// The start of all random choices.
    pub seed: u64,
    /// After this time a case is given up as stuck. Nothing else is measured in time.
    pub patience: Duration,
}

impl Default for Settings {
    /// One round of everything, with a fresh seed.
    fn default() -> Self {
        Self { scale: 1, seed: fastrand::u64(..), patience: Duration::from_secs(120) }
    }
}

impl Settings {
    /// The defaults, changed by `ANNALIST_CONFORMANCE_SCALE`, `…_SEED` and `…_PATIENCE` (seconds).
    ///
    /// # Panics
    /// If one of them is set and is no number.
    pub fn from_env() -> Self {
        let Self { scale, seed, patience } = Self::default();
        Self {
            scale: number("SCALE").map_or(scale, |scale| usize::try_from(scale).unwrap_or(usize::MAX).max(1)),
            seed: number("SEED").unwrap_or(seed),
            patience: number("PATIENCE").map_or(patience, Duration::from_secs),
        }
    }

    /// The same with another scale.
    #[must_use]
    pub fn scaled(self, scale: usize) -> Self {
        Self { scale, ..self }
    }

    /// The same with another seed.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The same with another patience.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

fn number(name: &str) -> Option<u64> {
    let name = format!("ANNALIST_CONFORMANCE_{name}");
    let text = std::env::var(&name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}")))
}
