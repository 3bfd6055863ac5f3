//! Rows cached from one batch to the next.

use super::{Projection, key::StoredKey, row_set::RowEntry};
use crate::{cache::GenerationalCache, record::Position};

/// The largest number of cached rows.
const MAX_ROWS: usize = 32 << 10;
/// A row with more bytes of text than this is not cached.
const MAX_ROW_BYTES: usize = 4096;

/// The stored rows that were changed last.
///
/// Cached rows are valid for one checkpoint and number of parked events, since a row changes only together with one of
/// these. A commit based on stale cached rows fails the comparison of the checkpoint; the runner then continues from the
/// stored checkpoint, which is another version, and the cache is cleared.
pub(super) struct RowCache<P: Projection> {
    version: Option<CacheVersion>,
    /// A cached `None` is a row that does not exist.
    rows: GenerationalCache<StoredKey, Option<P>>,
}

/// What cached rows are valid for: the checkpoint and the number of parked events.
pub(super) type CacheVersion = (Position, u64);

impl<P: Projection> Default for RowCache<P> {
    fn default() -> Self {
        Self { version: None, rows: GenerationalCache::new(MAX_ROWS) }
    }
}

impl<P: Projection> RowCache<P> {
    /// The cache for a version: cleared if its rows are valid for another one.
    pub(super) fn at(&mut self, version: CacheVersion) -> &mut Self {
        if self.version != Some(version) {
            self.version = Some(version);
            self.rows.clear();
        }
        self
    }

    /// Removes a row and returns it: `Some(None)` if it is known not to exist, `None` if it is not cached.
    pub(super) fn take(&mut self, key: &StoredKey) -> Option<Option<P>> {
        self.rows.remove(key)
    }

    /// Adds written rows; the cache is valid for another version now.
    pub(super) fn move_to(&mut self, version: CacheVersion, rows: Vec<RowEntry<P>>) {
        self.version = Some(version);
        for entry in rows.into_iter().filter(|entry| entry.size <= MAX_ROW_BYTES) {
            self.rows.insert(entry.stored_key, entry.row);
        }
    }
}
