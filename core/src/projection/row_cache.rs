//! Rows that stay in memory from one batch to the next.

use std::{collections::HashMap, mem};

use super::{Projection, row_set::RowEntry};
use crate::record::Position;

/// About so many rows are kept: twice as many at most, and those of one batch.
const ROWS: usize = 8192;
/// A row with more bytes of text is not kept.
const SIZE: usize = 4096;

/// Rows as they stand in the store: those that were changed last.
///
/// They are right where the checkpoint and the number of parked events are what they were when the rows were written: a row
/// changes only together with one of these. So they are as safe as the comparison that each commit begins with: who folds on
/// rows that somebody else has changed since is refused, and learns another place.
pub(super) struct RowCache<P: Projection> {
    at: Option<CacheVersion>,
    recent: HashMap<P::Key, Option<P>>,
    older: HashMap<P::Key, Option<P>>,
}

/// Where a checkpoint stands, and how many events are parked there.
pub(super) type CacheVersion = (Position, u64);

impl<P: Projection> Default for RowCache<P> {
    fn default() -> Self {
        Self { at: None, recent: HashMap::new(), older: HashMap::new() }
    }
}

impl<P: Projection> RowCache<P> {
    /// Those that are right at this place.
    pub(super) fn at(&mut self, at: CacheVersion) -> &mut Self {
        if self.at != Some(at) {
            *self = Self { at: Some(at), ..Self::default() };
        }
        self
    }

    /// Takes one out, if it is known: a row, or that there is none.
    pub(super) fn take(&mut self, key: &P::Key) -> Option<Option<P>> {
        self.recent.remove(key).or_else(|| self.older.remove(key))
    }

    /// They are right at another place now, with these rows among them.
    pub(super) fn move_to(&mut self, at: CacheVersion, rows: Vec<RowEntry<P>>) {
        self.at = Some(at);
        if self.recent.len() >= ROWS {
            self.older = mem::take(&mut self.recent);
        }
        let small = rows.into_iter().filter(|entry| entry.size <= SIZE);
        self.recent.extend(small.map(|entry| (entry.key, entry.row)));
    }
}
