//! Events that are put aside, and those that have to wait behind them.

use std::collections::HashMap;

use crate::{
    record::{Position, Record},
    rows::Parked,
};

/// What becomes of an event that cannot be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorPolicy {
    /// The projection stands still before it, and says so.
    #[default]
    Stop,
    /// It is parked: kept aside with its error, to be tried again or discarded. Later events of the same rows are parked
    /// behind it; those of other rows go on. A question that waits for a position passes over what is parked: everything up
    /// to there is in the rows, or parked.
    Park,
}

/// Which events are parked.
#[derive(Clone, Debug, Default)]
pub struct Parking {
    error_policy: ErrorPolicy,
    /// The first parked event of each key.
    keys: HashMap<String, Position>,
    count: u64,
    single_attempt: bool,
}

impl Parking {
    /// More is not put aside: who parks so much is not parking an exception.
    pub const MAX_PARKED: u64 = 10_000;

    /// With these events in it.
    pub(crate) fn of(error_policy: ErrorPolicy, parked: &[Parked]) -> Self {
        let mut parking = Self { error_policy, ..Self::default() };
        parked.iter().for_each(|parked| parking.add(parked));
        parking
    }

    /// With nothing in it, for events that were parked and that somebody wants to be tried now.
    pub(crate) fn manual() -> Self {
        Self { error_policy: ErrorPolicy::Park, single_attempt: true, ..Self::default() }
    }

    /// Whether what fails is not to be tried again at once.
    pub fn single_attempt(&self) -> bool {
        self.single_attempt
    }

    /// Whether one more event may be parked.
    pub fn can_park(&self) -> bool {
        self.can_park_after(0)
    }

    /// Whether one more event may be parked behind so many others that are not in here yet.
    pub(crate) fn can_park_after(&self, others: u64) -> bool {
        self.error_policy == ErrorPolicy::Park && self.count + others < Self::MAX_PARKED
    }

    /// Whether nothing is parked, and nothing will be.
    pub(crate) fn is_disabled(&self) -> bool {
        self.error_policy == ErrorPolicy::Stop && self.count == 0
    }

    /// How many events are parked.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The parked event behind which one with these keys has to wait.
    pub fn blocked_by(&self, keys: &[String]) -> Option<Position> {
        keys.iter().filter_map(|key| self.keys.get(key)).min().copied()
    }

    /// Puts an event aside.
    pub fn add(&mut self, parked: &Parked) {
        self.count += 1;
        for key in &parked.keys {
            self.keys.entry(key.clone()).or_insert(parked.position);
        }
    }
}

/// A record that was tried and failed.
pub(crate) fn park_failed(record: &Record, keys: Vec<String>, error: String) -> Parked {
    Parked { position: record.position, event: record.id, keys, error, attempts: 1 }
}

/// A record that was not tried, because one before it is parked.
pub(crate) fn park_waiting(record: &Record, keys: Vec<String>, before: Position) -> Parked {
    let error = format!("waits for the event at position {before}");
    Parked { position: record.position, event: record.id, keys, error, attempts: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parked(position: u64, keys: &[&str]) -> Parked {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let position = Position::new(position);
        Parked { position, event: uuid::Uuid::nil(), keys, error: String::new(), attempts: 1 }
    }

    fn before(parking: &Parking, keys: &[&str]) -> Option<u64> {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        parking.blocked_by(&keys).map(Position::get)
    }

    #[test]
    fn an_event_waits_for_the_first_that_shares_a_key() {
        let parking = Parking::of(ErrorPolicy::Park, &[parked(3, &["a"]), parked(5, &["a", "b"])]);
        assert_eq!((before(&parking, &["a"]), before(&parking, &["b"])), (Some(3), Some(5)));
        assert_eq!((before(&parking, &["c", "b"]), before(&parking, &["b", "a"])), (Some(5), Some(3)));
        assert_eq!((before(&parking, &["c"]), before(&parking, &[])), (None, None));
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let mut parking = Parking::of(ErrorPolicy::Park, &[]);
        assert!(
            parking.can_park_after(Parking::MAX_PARKED - 1) && !parking.can_park_after(Parking::MAX_PARKED)
        );
        parking.add(&parked(1, &["a"]));
        assert!(!parking.can_park_after(Parking::MAX_PARKED - 1));
        assert!(!Parking::of(ErrorPolicy::Stop, &[]).can_park());
    }

    #[test]
    fn only_who_parks_nothing_and_has_nothing_parked_need_not_look() {
        assert!(Parking::of(ErrorPolicy::Stop, &[]).is_disabled());
        assert!(!Parking::of(ErrorPolicy::Stop, &[parked(1, &[])]).is_disabled());
        assert!(!Parking::of(ErrorPolicy::Park, &[]).is_disabled());
    }
}
