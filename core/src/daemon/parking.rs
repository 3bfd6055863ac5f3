//! Parked events: a dead letter queue that preserves the order of the events of each row.

use std::collections::{HashMap, HashSet};

use crate::{
    error::Invalid,
    event::Types,
    limits::refuse,
    record::{Position, Record},
    rows::Parked,
    tag::Tag,
};

/// What happens to an event that fails.
///
/// ```
/// use annalist::projection::ErrorPolicy;
///
/// assert_eq!(ErrorPolicy::default(), ErrorPolicy::Stop); // `ProjectionOptions::park` sets `Park`
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorPolicy {
    /// The projection stops before the event and reports it in its [`Status`](super::Status).
    #[default]
    Stop,
    /// The event is parked: it is stored with its error, to be retried or discarded later, and the projection goes on. Later
    /// events of the same rows are parked too, so that they stay in order. A query that waits for a position does not wait
    /// for parked events: every event up to the position is in the rows, or parked.
    Park,
}

/// The parked events of a build, by the keys of the rows that they change.
#[derive(Clone, Debug, Default)]
pub struct Parking {
    error_policy: ErrorPolicy,
    /// The first parked event of each key.
    keys: HashMap<String, Position>,
    /// The keys of the parked events that need a newer program.
    keys_of_newer: HashSet<String>,
    has_newer: bool,
    count: u64,
    single_attempt: bool,
}

impl Parking {
    /// The largest number of parked events of a build. An event that fails beyond it stops the projection.
    pub const MAX_PARKED: u64 = 10_000;

    pub(crate) fn new(error_policy: ErrorPolicy, parked: &[Parked]) -> Self {
        let mut parking = Self { error_policy, ..Self::default() };
        parked.iter().for_each(|parked| parking.add(parked));
        parking
    }

    /// `count` parked events that are not loaded yet.
    pub(crate) fn not_loaded(count: u64) -> Self {
        Self { count, ..Self::default() }
    }

    /// For a retry of parked events: empty. In a manual retry there is a single attempt for each event.
    pub(crate) fn retry(single_attempt: bool) -> Self {
        Self { error_policy: ErrorPolicy::Park, single_attempt, ..Self::default() }
    }

    /// Whether an event that fails is not retried at once.
    pub fn single_attempt(&self) -> bool {
        self.single_attempt
    }

    /// Whether one more event may be parked.
    pub fn can_park(&self) -> bool {
        self.can_park_after(0)
    }

    /// Whether one more event may be parked after `others` that are not added yet.
    pub(crate) fn can_park_after(&self, others: u64) -> bool {
        self.error_policy == ErrorPolicy::Park && self.count + others < Self::MAX_PARKED
    }

    /// Whether no event is parked, and none may be.
    pub(crate) fn is_disabled(&self) -> bool {
        self.error_policy == ErrorPolicy::Stop && self.count == 0
    }

    /// How many events are parked.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The position of the first parked event before `position` that has one of these keys. An event at `position` with these keys has
    /// to be parked too.
    pub fn blocked_by(&self, keys: &[String], position: Position) -> Option<Position> {
        let first = keys.iter().filter_map(|key| self.keys.get(key)).min().copied();
        first.filter(|first| *first < position)
    }

    /// Whether a parked event that has one of these keys needs a newer program.
    pub fn needs_newer(&self, keys: &[String]) -> bool {
        keys.iter().any(|key| self.keys_of_newer.contains(key))
    }

    /// Whether a parked event needs a newer program than the one that parked it.
    pub(crate) fn has_newer(&self) -> bool {
        self.has_newer
    }

    /// Adds a parked event.
    pub fn add(&mut self, parked: &Parked) {
        self.count += 1;
        self.has_newer |= parked.needs_newer;
        for key in &parked.keys {
            let first = self.keys.entry(key.clone()).or_insert(parked.position);
            *first = (*first).min(parked.position);
            if parked.needs_newer {
                self.keys_of_newer.insert(key.clone());
            }
        }
    }
}

/// The tags of a record that order it among parked events: those of one kind, or all. An event without a tag of the kind waits
/// for no other, and none waits for it.
pub(crate) fn order_keys(record: &Record, kind: Option<&str>) -> Vec<String> {
    let tags = record.tags.iter().filter(|tag| kind.is_none_or(|kind| tag.kind() == kind));
    tags.map(Tag::stored_text).collect()
}

/// Checks the kind of the id that orders the events of a follower.
///
/// # Errors
/// [`Invalid`] if no event carries such an id.
pub(crate) fn check_order(
    what: &'static str,
    name: &str,
    kind: Option<&str>,
    events: &[Types],
) -> Result<(), Invalid> {
    match kind {
        Some(kind) if !events.iter().any(|types| types.carries(kind)) => Err(refuse(
            what,
            name,
            format!("`order_by` names the ids `{kind}:…`, which none of its events carries"),
        )),
        _ => Ok(()),
    }
}

/// Parks an event that failed, because a newer program is needed or for another reason.
pub(crate) fn park_failed(record: &Record, keys: Vec<String>, error: String, needs_newer: bool) -> Parked {
    Parked { position: record.position, event: record.id, keys, error, attempts: 1, needs_newer }
}

/// Parks an event that was not tried, because it waits for the parked event at `blocker`.
pub(crate) fn park_waiting(
    record: &Record,
    keys: Vec<String>,
    blocker: Position,
    needs_newer: bool,
) -> Parked {
    let error = waiting_reason(blocker);
    Parked { position: record.position, event: record.id, keys, error, attempts: 0, needs_newer }
}

/// Why an event is parked that waits for the parked event at `blocker`.
pub(crate) fn waiting_reason(blocker: Position) -> String {
    format!("waits for the event at position {blocker}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parked(position: u64, keys: &[&str]) -> Parked {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let position = Position::new(position);
        let error = String::new();
        Parked { position, event: uuid::Uuid::nil(), keys, error, attempts: 1, needs_newer: false }
    }

    fn blocked_by(parking: &Parking, keys: &[&str]) -> Option<u64> {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        parking.blocked_by(&keys, Position::new(9)).map(Position::get)
    }

    #[test]
    fn event_is_blocked_by_the_first_parked_event_that_shares_a_key() {
        let parking = Parking::new(ErrorPolicy::Park, &[parked(3, &["a"]), parked(5, &["a", "b"])]);
        assert_eq!((blocked_by(&parking, &["a"]), blocked_by(&parking, &["b"])), (Some(3), Some(5)));
        assert_eq!(
            (blocked_by(&parking, &["c", "b"]), blocked_by(&parking, &["b", "a"])),
            (Some(5), Some(3))
        );
        assert_eq!((blocked_by(&parking, &["c"]), blocked_by(&parking, &[])), (None, None));
    }

    #[test]
    fn event_is_not_blocked_by_later_events() {
        let parking = Parking::new(ErrorPolicy::Park, &[parked(5, &["a"])]);
        let blocked = |position| parking.blocked_by(&["a".to_owned()], Position::new(position));
        assert_eq!([blocked(4), blocked(5), blocked(6)], [None, None, Some(Position::new(5))]);
    }

    #[test]
    fn event_waits_for_a_newer_program_if_a_parked_event_of_its_keys_does() {
        let newer = Parked { needs_newer: true, ..parked(5, &["a", "b"]) };
        let parking = Parking::new(ErrorPolicy::Park, &[parked(3, &["a", "c"]), newer]);
        let needs_newer = |key: &str| parking.needs_newer(&[key.to_owned()]);
        assert_eq!(
            [needs_newer("a"), needs_newer("b"), needs_newer("c"), needs_newer("d")],
            [true, true, false, false]
        );
        assert!(parking.has_newer() && !Parking::new(ErrorPolicy::Park, &[parked(3, &["a"])]).has_newer());
    }

    #[test]
    fn parking_is_limited_to_the_maximum() {
        let mut parking = Parking::new(ErrorPolicy::Park, &[]);
        let max = Parking::MAX_PARKED;
        assert!(parking.can_park_after(max - 1) && !parking.can_park_after(max));
        parking.add(&parked(1, &["a"]));
        assert!(!parking.can_park_after(max - 1));
        assert!(!Parking::new(ErrorPolicy::Stop, &[]).can_park());
    }

    #[test]
    fn parking_is_disabled_only_with_stop_policy_and_no_parked_events() {
        assert!(Parking::new(ErrorPolicy::Stop, &[]).is_disabled());
        assert!(!Parking::new(ErrorPolicy::Stop, &[parked(1, &[])]).is_disabled());
        assert!(!Parking::new(ErrorPolicy::Park, &[]).is_disabled());
    }
}
