//! The sizes of a run.

/// The amount of work and the number of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Smoke,
    Quick,
    Full,
}

impl Size {
    /// Chooses the number for this size.
    pub(crate) fn of<T>(self, smoke: T, quick: T, full: T) -> T {
        match self {
            Self::Smoke => smoke,
            Self::Quick => quick,
            Self::Full => full,
        }
    }

    pub(crate) fn pairs(self) -> usize {
        self.of(1, 5, 15)
    }
}
