//! Progress of a read model that is being built.

use std::{fmt, time::Duration};

use crate::position::Position;

/// Progress of a build until it can be promoted.
///
/// ```
/// use std::time::Duration;
///
/// use annalist::{Position, projection::Progress};
///
/// let progress = Progress {
///     version: 2,
///     build: 0,
///     position: Position::new(400),
///     target: Position::new(1000),
///     done: 300,
///     total: Some(800),
///     per_second: 100,
/// };
/// assert_eq!(progress.left(), Some(Duration::from_secs(5)));
/// assert!(progress.to_string().starts_with("version 2 is being built: 300 of 800 events"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The version that is being built.
    pub version: u32,
    /// The number of the build within its version.
    pub build: u32,
    /// The position up to which it has read.
    pub position: Position,
    /// The position at which it is complete: the end of the log when it was started.
    pub target: Position,
    /// How many events of its types it has read.
    pub done: u64,
    /// How many events of its types there are up to the target; `None` until they are counted.
    pub total: Option<u64>,
    /// How many events it reads per second.
    pub per_second: u64,
}

impl Progress {
    /// Returns the estimated time until the target is reached; `None` if the total or the rate is not known.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use annalist::{Position, projection::Progress};
    ///
    /// # let (version, build, position, target) = (2, 0, Position::new(400), Position::new(1000));
    /// let progress = Progress { done: 300, total: Some(800), per_second: 100, version, build, position, target };
    /// assert_eq!(progress.left(), Some(Duration::from_secs(5)));
    /// assert_eq!(Progress { total: None, ..progress }.left(), None);
    /// ```
    pub fn left(&self) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.done);
        (self.per_second > 0 || left == 0).then(|| Duration::from_secs(left / self.per_second.max(1)))
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, position, target, done, per_second, .. } = self;
        write!(f, "version {version} is being built: ")?;
        match self.total {
            Some(total) => write!(f, "{done} of {total} events")?,
            None => write!(f, "{done} events")?,
        }
        write!(f, ", at position {position} of {target}, {per_second} events a second")?;
        self.left().map_or(Ok(()), |left| write!(f, ", {} s left", left.as_secs()))
    }
}
