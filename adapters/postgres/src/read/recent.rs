//! The newest events that this process has appended, for followers that have handled all events before them.
//!
//! A position that has an event never gets another one. So events at consecutive positions after a settled one are exactly the log
//! between them, and a follower at the settled position needs no page of the database for them. An event of another process, a gap and
//! an append whose outcome is unknown interrupt the sequence.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use annalist_core::{
    criteria::Criteria,
    record::{Position, Record},
    store::{FeedPage, PageBuilder, PageLimit, Seen},
};

/// Maximum number of events.
const MAX_EVENTS: usize = 256;
/// Maximum number of bytes of their payloads.
const MAX_BYTES: usize = 1 << 20;

#[derive(Default)]
pub(crate) struct RecentEvents {
    events: Mutex<Events>,
    /// Whether any follower has asked for a page.
    is_used: AtomicBool,
}

#[derive(Default)]
struct Events {
    /// The epoch of the log in which all of them were appended.
    epoch: u64,
    /// The version of the list of successors with which all of them were appended.
    successors: u64,
    by_position: BTreeMap<Position, Record>,
    bytes: usize,
}

impl RecentEvents {
    /// Whether any follower has asked for a page: without followers no event is added.
    pub(crate) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    /// Adds events that this process has appended in an epoch of the log, while the list of successors had this version.
    pub(crate) fn add(&self, epoch: u64, successors: u64, records: Vec<Record>) {
        let mut events = self.lock();
        if (events.epoch, events.successors) != (epoch, successors) {
            if events.epoch > epoch {
                return;
            }
            *events = Events { epoch, successors, ..Events::default() };
        }
        for record in records {
            events.bytes += size(&record);
            events.by_position.insert(record.position, record);
        }
        while events.by_position.len() > MAX_EVENTS || events.bytes > MAX_BYTES {
            let Some((_, oldest)) = events.by_position.pop_first() else { break };
            events.bytes -= size(&oldest);
        }
    }

    /// The matching events after a settled position, up to the first position whose event is not known. Returns `None` if that is the
    /// next position, or the events are of another epoch than what was seen, or of another list of successors.
    pub(crate) fn page(
        &self,
        (seen, successors): (Seen, u64),
        filter: &Criteria,
        after: Position,
        limit: PageLimit,
    ) -> Option<FeedPage> {
        self.is_used.store(true, Ordering::Relaxed);
        let events = self.lock();
        let is_current = (events.epoch, events.successors) == (seen.epoch, successors);
        let mut settled = after;
        if !is_current || seen.settled <= after {
            return None;
        }
        let mut page = PageBuilder::new(limit);
        for (position, record) in events.by_position.range(next(after)..=seen.settled) {
            if *position != next(settled) || page.is_full() {
                break;
            }
            settled = *position;
            if filter.matches(&record.name, &record.tags) {
                page.add_record(record.clone());
            }
        }
        (settled > after).then(|| page.into_page(after, settled, None, successors))
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next(position: Position) -> Position {
    Position::new(position.get().saturating_add(1))
}

fn size(record: &Record) -> usize {
    record.data.as_str().len()
}

#[cfg(test)]
mod tests {
    use annalist_core::{criteria::Item, payload::Payload, record::Draft, time::Timestamp};

    use super::*;

    fn record(position: u64, name: &'static str, payload: &str) -> Record {
        let data = Payload::parse(format!("{payload:?}")).unwrap();
        let draft = Draft::new(name, 1, [], data).unwrap();
        draft.record(
            Position::new(position),
            Timestamp::default(),
            annalist_core::record::Metadata::default(),
        )
    }

    fn records(positions: &[u64]) -> Vec<Record> {
        positions.iter().map(|position| record(*position, "noted", "")).collect()
    }

    fn seen(epoch: u64, settled: u64) -> (Seen, u64) {
        (Seen { epoch, settled: Position::new(settled), newest: None }, 0)
    }

    /// The positions of the records of a page, its end, and whether it is full.
    fn page(
        recent: &RecentEvents,
        seen: (Seen, u64),
        filter: &Criteria,
        after: u64,
        limit: usize,
    ) -> Option<(Vec<u64>, u64, bool)> {
        let limit = PageLimit { records: limit, bytes: 1000 };
        let page = recent.page(seen, filter, Position::new(after), limit)?;
        let positions = page.records.iter().map(|record| record.position.get()).collect();
        Some((positions, page.up_to.get(), page.is_full))
    }

    fn all(recent: &RecentEvents, seen: (Seen, u64), after: u64) -> Option<(Vec<u64>, u64, bool)> {
        page(recent, seen, &Criteria::all(), after, 100)
    }

    #[test]
    fn page_ends_before_the_first_event_that_is_not_known() {
        let recent = RecentEvents::default();
        assert_eq!(all(&recent, seen(0, 9), 0), None);
        // In the order in which two calls end, with a gap at 5.
        recent.add(0, 0, records(&[4, 6, 7]));
        recent.add(0, 0, records(&[3]));
        assert_eq!(all(&recent, seen(0, 9), 2), Some((vec![3, 4], 4, false)));
        assert_eq!(all(&recent, seen(0, 9), 3), Some((vec![4], 4, false)));
        assert_eq!(all(&recent, seen(0, 9), 5), Some((vec![6, 7], 7, false)));
        // Another process has appended at 1, 2, 5 or 8.
        for after in [0, 1, 4, 7, 8] {
            assert_eq!(all(&recent, seen(0, 9), after), None, "{after}");
        }
    }

    #[test]
    fn page_ends_at_the_settled_position() {
        let recent = RecentEvents::default();
        recent.add(0, 0, records(&[3, 4, 5]));
        assert_eq!(all(&recent, seen(0, 4), 2), Some((vec![3, 4], 4, false)));
        assert_eq!(all(&recent, seen(0, 2), 2), None);
        assert_eq!(all(&recent, seen(0, 1), 2), None);
    }

    #[test]
    fn page_has_the_matching_events_and_ends_at_its_limit() {
        let recent = RecentEvents::default();
        recent.add(0, 0, vec![record(3, "noted", ""), record(4, "moved", ""), record(5, "noted", "")]);
        let noted = Criteria::from(Item::any().types(["noted"]));
        assert_eq!(page(&recent, seen(0, 5), &noted, 2, 100), Some((vec![3, 5], 5, false)));
        assert_eq!(page(&recent, seen(0, 5), &noted, 2, 1), Some((vec![3], 3, true)));
        assert_eq!(page(&recent, seen(0, 5), &Criteria::none(), 2, 100), Some((vec![], 5, false)));
        recent.add(0, 0, vec![record(6, "noted", &"x".repeat(999)), record(7, "noted", "")]);
        assert_eq!(page(&recent, seen(0, 7), &noted, 4, 100), Some((vec![5], 5, true)));
        assert_eq!(page(&recent, seen(0, 7), &noted, 5, 100), Some((vec![6], 6, true)));
    }

    #[test]
    fn events_of_another_epoch_or_list_of_successors_are_not_returned() {
        let recent = RecentEvents::default();
        recent.add(1, 0, records(&[3]));
        assert_eq!(all(&recent, seen(0, 9), 2), None);
        assert_eq!(all(&recent, seen(2, 9), 2), None);
        assert_eq!(all(&recent, (seen(1, 9).0, 1), 2), None);
        // A call that ends late.
        recent.add(0, 0, records(&[3, 4]));
        assert_eq!(all(&recent, seen(1, 9), 2), Some((vec![3], 3, false)));
        recent.add(1, 5, records(&[4]));
        assert_eq!(all(&recent, seen(1, 9), 2), None);
        assert_eq!(all(&recent, (seen(1, 9).0, 5), 3), Some((vec![4], 4, false)));
        recent.add(2, 5, records(&[3]));
        assert_eq!(all(&recent, (seen(2, 9).0, 5), 2), Some((vec![3], 3, false)));
    }

    #[test]
    fn number_and_bytes_are_limited() {
        let recent = RecentEvents::default();
        let count = MAX_EVENTS as u64 + 10;
        recent.add(0, 0, records(&(1..=count).collect::<Vec<_>>()));
        assert_eq!(all(&recent, seen(0, count), 9), None);
        assert_eq!(all(&recent, seen(0, count), 10).map(|page| page.0.len()), Some(100));
        let large = |position| record(position, "noted", &"x".repeat(MAX_BYTES / 4));
        recent.add(0, 0, (count + 1..count + 5).map(large).collect());
        let found: Vec<u64> = recent.lock().by_position.keys().map(|position| position.get()).collect();
        assert_eq!(found, [count + 2, count + 3, count + 4]);
        recent.add(0, 0, vec![record(count + 5, "noted", &"x".repeat(MAX_BYTES))]);
        assert!(recent.lock().by_position.is_empty());
        assert_eq!(recent.lock().bytes, 0);
    }
}
