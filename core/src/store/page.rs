//! The limit of a page, and the counting of its records.

use super::read::{FeedPage, Gap};
use crate::record::{Position, Record};

/// How much one page has at most: a number of records, and a number of bytes of their payloads.
///
/// A page ends before the first record that would exceed one of the two. But its first record is always returned, however large its
/// payload is, so that a reader gets past it.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::{Criteria, Position, raw::store::PageLimit};
///
/// let limit = PageLimit { records: 1_000, bytes: 1 }; // every payload is larger
/// let page = app.store().feed(&Criteria::all(), Position::START, limit).await?;
/// assert_eq!((page.records.len(), page.is_full), (1, true));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit {
    /// The largest number of records. With 0 the page has no records.
    pub records: usize,
    /// The largest number of bytes of all payloads, unless a single record has more.
    pub bytes: usize,
}

impl PageLimit {
    /// The limit of a chunk of [`EventStore::read_chunked`](super::EventStore::read_chunked): 1,000 records and 8 MiB.
    pub const CHUNK: Self = Self { records: 1_000, bytes: 8 << 20 };

    /// The limit of the events that are folded while a build becomes inline: a full page has more than 1,000 of them or too many bytes,
    /// and the build has to catch up first.
    pub const CATCH_UP: Self = Self { records: 1_001, bytes: 32 << 20 };

    /// A number of records, whatever their size.
    pub const fn records(records: usize) -> Self {
        Self { records, bytes: usize::MAX }
    }
}

/// Collects what a page has, up to its limit: records of a feed, or entries of the journal.
///
/// ```
/// use annalist::raw::store::{PageBuilder, PageLimit};
///
/// let limit = PageLimit { records: 10, bytes: 100 };
/// let mut page: PageBuilder<&str> = PageBuilder::new(limit);
/// assert!(page.add("first", 70)); // an item and its size
/// assert!(!page.add("second", 70)); // does not fit
/// assert!(page.is_full());
/// assert_eq!(page.into_items(), ["first"]);
/// ```
#[derive(Debug)]
pub struct PageBuilder<T = Record> {
    items: Vec<T>,
    room: PageLimit,
    is_full: bool,
}

impl<T> PageBuilder<T> {
    /// An empty page.
    pub fn new(limit: PageLimit) -> Self {
        Self { items: Vec::new(), room: limit, is_full: limit.records == 0 }
    }

    /// Adds an item with a size in bytes if it fits, and returns whether it did. If not, the page is full.
    pub fn add(&mut self, item: T, bytes: usize) -> bool {
        self.is_full |= !self.has_room_for(bytes);
        if self.is_full {
            return false;
        }
        self.items.push(item);
        self.room.records -= 1;
        self.room.bytes = self.room.bytes.saturating_sub(bytes);
        self.is_full = self.room.records == 0 || self.room.bytes == 0;
        true
    }

    /// Returns `true` if the page is not full and the next item fits with this many bytes.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        !self.is_full && (self.items.is_empty() || bytes <= self.room.bytes)
    }

    /// Ends the page here, as if the next item did not fit.
    pub fn end(&mut self) {
        self.is_full = true;
    }

    /// Returns `true` if the page has reached its limit.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// How much the page can still take.
    pub fn room(&self) -> PageLimit {
        self.room
    }

    /// The items.
    pub fn into_items(self) -> Vec<T> {
        self.items
    }
}

impl PageBuilder {
    /// Adds a record if it fits, and returns whether it did. If not, the page is full.
    pub fn add_record(&mut self, record: Record) -> bool {
        let bytes = record.data.as_str().len();
        self.add(record, bytes)
    }

    /// The page of a feed that was read after a position, from a log that is settled up to another. Unless the page is full, it has
    /// all matching records up to there. `successors` is the version of the list of successors, read after or with the records.
    pub fn into_page(
        self,
        after: Position,
        settled: Position,
        gap: Option<Gap>,
        successors: u64,
    ) -> FeedPage {
        let Self { items: records, is_full, .. } = self;
        let last = records.last().map_or(after, |record| record.position);
        let up_to = if is_full { last } else { settled.max(after) };
        FeedPage { records, up_to, is_full, gap: gap.filter(|_| !is_full), successors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: PageLimit, sizes: &[usize]) -> (Vec<usize>, bool) {
        let mut page = PageBuilder::new(limit);
        for size in sizes {
            if !page.add(*size, *size) {
                break;
            }
        }
        let is_full = page.is_full();
        (page.into_items(), is_full)
    }

    #[test]
    fn page_ends_before_the_first_item_that_does_not_fit() {
        let limit = PageLimit { records: 3, bytes: 10 };
        assert_eq!(page(limit, &[4, 4, 4]), (vec![4, 4], true));
        assert_eq!(page(limit, &[1, 1, 1, 1]), (vec![1, 1, 1], true));
        assert_eq!(page(limit, &[4, 4]), (vec![4, 4], false));
        assert_eq!(page(limit, &[4, 6, 0]), (vec![4, 6], true));
        // A smaller item after one that does not fit would leave a gap.
        assert_eq!(page(limit, &[4, 7, 1]), (vec![4], true));
    }

    #[test]
    fn first_item_always_fits_unless_the_page_has_no_items() {
        assert_eq!(page(PageLimit { records: 3, bytes: 10 }, &[11, 1]), (vec![11], true));
        assert_eq!(page(PageLimit { records: 3, bytes: 0 }, &[1, 1]), (vec![1], true));
        assert_eq!(page(PageLimit { records: 3, bytes: 0 }, &[]), (vec![], false));
        assert_eq!(page(PageLimit { records: 0, bytes: 10 }, &[1]), (vec![], true));
        assert_eq!(page(PageLimit::records(usize::MAX), &[9, 0, 9]), (vec![9, 0, 9], false));
    }

    #[test]
    fn page_that_is_not_full_ends_at_the_settled_position() {
        let (after, settled) = (Position::new(3), Position::new(7));
        let up_to = |limit, settled| {
            PageBuilder::new(PageLimit::records(limit)).into_page(after, settled, None, 0).up_to
        };
        assert_eq!(up_to(1, settled), settled);
        assert_eq!(up_to(0, settled), after);
        assert_eq!(up_to(1, Position::START), after);
    }
}
