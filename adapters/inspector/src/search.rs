//! Finds events from any position in both directions, without counting, and with a limit for each request.

use annalist_core::{
    criteria::Criteria,
    record::{Position, Record},
    store::{EventStore, PageLimit},
    time::Timestamp,
};

use crate::{failure::Failure, fragments::metadata};

/// The largest number of events that one request looks at.
pub(crate) const MAX_EXAMINED: usize = 20_000;
/// The limit of one call of the store.
const CHUNK: PageLimit = PageLimit { records: 500, bytes: 4 << 20 };
/// The largest number of bytes of the payloads on one page, unless a single one has more.
const MAX_BYTES: usize = 8 << 20;

/// Which events a search finds.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// What the store searches for.
    pub(crate) criteria: Criteria,
    /// The correlation, if it is given. No index has it.
    pub(crate) correlation: String,
    /// The actor, if it is given. No index has it.
    pub(crate) actor: String,
}

impl Wanted {
    pub(crate) fn all() -> Self {
        Self { criteria: Criteria::all(), correlation: String::new(), actor: String::new() }
    }

    fn has(&self, record: &Record) -> bool {
        if self.correlation.is_empty() && self.actor.is_empty() {
            return true;
        }
        let Some(metadata) = metadata(record) else { return false };
        let is = |wanted: &str, stored: &Option<annalist_core::record::Name>| {
            wanted.is_empty() || stored.as_ref().is_some_and(|stored| stored.as_str() == wanted)
        };
        is(&self.correlation, &metadata.correlation) && is(&self.actor, &metadata.actor)
    }
}

/// What a search has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order of the search.
    pub(crate) records: Vec<Record>,
    /// The last position that was looked at: where the search continues.
    pub(crate) reached: Position,
    /// Whether there may be more.
    pub(crate) has_more: bool,
}

/// Collects records until one of the limits is reached.
struct Collector<'a> {
    wanted: &'a Wanted,
    count: usize,
    budget: usize,
    bytes: usize,
    records: Vec<Record>,
}

impl<'a> Collector<'a> {
    fn new(wanted: &'a Wanted, count: usize, budget: usize) -> Self {
        Self { wanted, count, budget, bytes: 0, records: Vec::new() }
    }

    fn is_full(&self) -> bool {
        self.records.len() >= self.count || self.budget == 0 || self.bytes >= MAX_BYTES
    }

    fn add(&mut self, record: Record) {
        self.budget = self.budget.saturating_sub(1);
        if self.wanted.has(&record) {
            self.bytes += record.data.as_str().len();
            self.records.push(record);
        }
    }
}

/// Finds the last events up to a position, the newest first. A store has no search from the end, so windows of positions are read, each
/// longer than the one after it, and shorter again where they have more events than one call returns.
pub(crate) async fn backward(
    store: &dyn EventStore,
    wanted: &Wanted,
    up_to: Position,
    count: usize,
    budget: usize,
) -> Result<Found, Failure> {
    let mut collector = Collector::new(wanted, count, budget);
    let (mut up_to, mut length) = (up_to, 2 * count.max(1) as u64);
    while up_to > Position::START && !collector.is_full() {
        let after = Position::new(up_to.get().saturating_sub(length));
        let page = store.feed(&wanted.criteria, after, CHUNK).await?;
        if page.is_full && page.up_to < up_to && length > 1 {
            length = (length / 4).max(1);
            continue;
        }
        let mut reached = after;
        for record in page.records.into_iter().filter(|record| record.position <= up_to).rev() {
            if collector.is_full() {
                break;
            }
            reached = Position::new(record.position.get() - 1);
            collector.add(record);
        }
        up_to = if collector.is_full() { reached } else { after };
        length = length.saturating_mul(2);
    }
    Ok(Found { records: collector.records, reached: up_to, has_more: up_to > Position::START })
}

/// Finds the next events after a position, the oldest first.
pub(crate) async fn forward(
    store: &dyn EventStore,
    wanted: &Wanted,
    after: Position,
    count: usize,
    budget: usize,
) -> Result<Found, Failure> {
    let mut collector = Collector::new(wanted, count, budget);
    let mut after = after;
    loop {
        let page = store.feed(&wanted.criteria, after, CHUNK).await?;
        let mut rest = page.records.into_iter();
        for record in rest.by_ref() {
            after = record.position;
            collector.add(record);
            if collector.is_full() {
                break;
            }
        }
        let has_more = page.is_full || rest.next().is_some();
        if !has_more {
            after = after.max(page.up_to);
        }
        if collector.is_full() || !has_more {
            return Ok(Found { records: collector.records, reached: after, has_more });
        }
    }
}

/// The event at a position.
pub(crate) async fn at(store: &dyn EventStore, position: Position) -> Result<Option<Record>, Failure> {
    let Some(before) = position.get().checked_sub(1) else { return Ok(None) };
    let page = store.feed(&Criteria::all(), Position::new(before), PageLimit::records(1)).await?;
    Ok(page.records.into_iter().next().filter(|record| record.position == position))
}

/// The position of the last event that was recorded until a time, by halving the log: right if its clocks were, and otherwise near it.
pub(crate) async fn position_at(
    store: &dyn EventStore,
    time: Timestamp,
    end: Position,
) -> Result<Position, Failure> {
    let (mut low, mut high) = (0, end.get());
    while low < high {
        let middle = low + (high - low) / 2;
        let page = store.feed(&Criteria::all(), Position::new(middle), PageLimit::records(1)).await?;
        match page.records.first() {
            Some(record) if record.recorded_at <= time && record.position.get() <= high => {
                low = record.position.get();
            }
            _ => high = middle,
        }
    }
    Ok(Position::new(low))
}
