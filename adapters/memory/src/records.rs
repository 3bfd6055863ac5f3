//! The records of a log, with an index by tag and type, so that a search does not walk the log.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, binary_heap::PeekMut},
    iter, mem,
    ops::Bound,
};

use annalist_core::{
    criteria::{Criteria, Item},
    payload::Payload,
    record::{Position, Record},
    store::{EventRef, StoredType, StoredVersion},
    tag::Tag,
};
use uuid::Uuid;

/// The records in position order. Their positions are 1, 2, 3 and so on, unless some of an imported log have no event.
#[derive(Debug, Default)]
pub(crate) struct Records {
    records: Vec<Record>,
    positions: Vec<Position>,
    by_type: PositionsByType,
    /// The positions of the records of each type and version, except those of version 1.
    by_version: BTreeMap<Cow<'static, str>, BTreeMap<u32, Vec<Position>>>,
    by_tag: HashMap<Tag, PositionsByType>,
    /// The ids of the events that have left the log for an archive, by their positions.
    tombstones: BTreeMap<Position, Uuid>,
    /// The number of records that were inspected so far.
    #[cfg(test)]
    pub(crate) inspected: std::cell::Cell<usize>,
}

/// The positions of the records of each type, in order. There are few types, so comparing their names is faster than hashing them.
type PositionsByType = BTreeMap<Cow<'static, str>, Vec<Position>>;

impl Records {
    pub(crate) fn last(&self) -> Option<&Record> {
        self.records.last()
    }

    /// The position of the last record, whether it is still in the log or in an archive.
    pub(crate) fn head(&self) -> Position {
        let archived = self.tombstones.last_key_value().map(|(position, _)| *position);
        self.positions.last().copied().max(archived).unwrap_or_default()
    }

    /// The event that is or was at a position.
    pub(crate) fn event_at(&self, position: Position) -> Option<EventRef> {
        let stored = self.at(position).map(|record| record.id);
        let id = stored.or_else(|| self.tombstones.get(&position).copied())?;
        Some(EventRef { position, id })
    }

    /// The events that have left the log for an archive, after a position.
    pub(crate) fn tombstones(&self, after: Position) -> impl Iterator<Item = EventRef> {
        let later = self.tombstones.range((Bound::Excluded(after), Bound::Unbounded));
        later.map(|(position, id)| EventRef { position: *position, id: *id })
    }

    /// Adds the tombstone of an event.
    pub(crate) fn add_tombstone(&mut self, event: EventRef) {
        self.tombstones.insert(event.position, event.id);
    }

    /// Removes the records at these positions, and leaves tombstones.
    pub(crate) fn remove(&mut self, positions: &BTreeSet<Position>) {
        let (stay, leave) = mem::take(&mut self.records)
            .into_iter()
            .partition::<Vec<_>, _>(|record| !positions.contains(&record.position));
        let left = leave.into_iter().map(|record| (record.position, record.id));
        let mut tombstones = mem::take(&mut self.tombstones);
        tombstones.extend(left);
        self.rebuild(stay, tombstones);
    }

    /// Whether there is a tombstone of each of these records, which are all different.
    pub(crate) fn has_tombstones_of(&self, records: &[Record]) -> bool {
        let is_there = |record: &Record| self.tombstones.get(&record.position) == Some(&record.id);
        let positions: BTreeSet<Position> = records.iter().map(|record| record.position).collect();
        positions.len() == records.len() && records.iter().all(is_there)
    }

    /// Puts records back to their tombstones.
    pub(crate) fn put_back(&mut self, records: Vec<Record>) {
        let (mut all, mut tombstones) = (mem::take(&mut self.records), mem::take(&mut self.tombstones));
        for record in &records {
            tombstones.remove(&record.position);
        }
        all.extend(records);
        all.sort_unstable_by_key(|record| record.position);
        self.rebuild(all, tombstones);
    }

    /// Replaces all records, and the index of them.
    fn rebuild(&mut self, records: Vec<Record>, tombstones: BTreeMap<Position, Uuid>) {
        *self = Self { tombstones, ..Self::default() };
        records.into_iter().for_each(|record| self.push(record));
    }

    /// Adds a record at a position after all records.
    pub(crate) fn push(&mut self, record: Record) {
        self.positions.push(record.position);
        add(&mut self.by_type, &record);
        if record.version > 1 {
            let by_version = self.by_version.entry(record.name.clone()).or_default();
            by_version.entry(record.version).or_default().push(record.position);
        }
        for tag in &record.tags {
            match self.by_tag.get_mut(tag) {
                Some(by_type) => add(by_type, &record),
                None => add(self.by_tag.entry(tag.clone()).or_default(), &record),
            }
        }
        self.records.push(record);
    }

    /// Replaces the payload of the event at a position, if it has this name.
    pub(crate) fn replace_payload(&mut self, position: Position, name: &str, payload: &Payload) {
        let Ok(index) = self.index_of(position) else { return };
        let record = &mut self.records[index];
        if record.name == name {
            record.data = payload.clone();
        }
    }

    /// Adds tags to the event at a position, if it has this name.
    pub(crate) fn add_tags(&mut self, position: Position, name: &str, tags: &[Tag]) {
        let Ok(index) = self.index_of(position) else { return };
        let record = &mut self.records[index];
        if record.name != name {
            return;
        }
        for tag in tags {
            let Err(place) = record.tags.binary_search(tag) else { continue };
            record.tags.insert(place, tag.clone());
            let positions =
                self.by_tag.entry(tag.clone()).or_default().entry(record.name.clone()).or_default();
            if let Err(place) = positions.binary_search(&position) {
                positions.insert(place, position);
            }
        }
    }

    /// The event at a position.
    pub(crate) fn at(&self, position: Position) -> Option<&Record> {
        self.records.get(self.index_of(position).ok()?)
    }

    /// The records after a position, in order, each with its position.
    pub(crate) fn after(&self, position: Position) -> impl Iterator<Item = (Position, &Record)> {
        let start = self.index_of(position).map_or_else(|later| later, |index| index + 1);
        let positions = self.positions.get(start..).unwrap_or_default();
        positions.iter().copied().zip(self.records.get(start..).unwrap_or_default())
    }

    /// The index of the record at a position, or else of the first one after it.
    fn index_of(&self, position: Position) -> Result<usize, usize> {
        let dense = usize::try_from(position.get()).unwrap_or(usize::MAX).wrapping_sub(1);
        match self.positions.get(dense) {
            Some(found) if *found == position => Ok(dense),
            _ => self.positions.binary_search(&position),
        }
    }

    /// What the index lacks of a record.
    pub(crate) fn missing_in_index(&self, record: &Record) -> Option<String> {
        let has = |by_type: &PositionsByType| {
            let positions = by_type.get(&record.name);
            positions.is_some_and(|positions| positions.binary_search(&record.position).is_ok())
        };
        if !has(&self.by_type) {
            return Some(format!("the index has no row of type `{}`", record.name));
        }
        let missing = record.tags.iter().find(|tag| !self.by_tag.get(*tag).is_some_and(has))?;
        Some(format!("the tag index has no row of tag `{missing}` with type `{}`", record.name))
    }

    /// The tags of the index after one, in order.
    pub(crate) fn tags_after(&self, tag: Option<&str>) -> Vec<&Tag> {
        let is_later = |one: &&Tag| tag.is_none_or(|tag| one.as_str() > tag);
        let mut tags: Vec<&Tag> = self.by_tag.keys().filter(is_later).collect();
        tags.sort_unstable();
        tags
    }

    /// The rows of a tag in the index whose events do not have this tag and type: their types and positions.
    pub(crate) fn strays(&self, tag: &Tag) -> Vec<(&str, Position)> {
        let rows = self.by_tag.get(tag).into_iter().flatten();
        let rows =
            rows.flat_map(|(name, positions)| positions.iter().map(move |position| (&**name, *position)));
        let belongs = |record: &Record, name: &str| record.name == name && record.tags.contains(tag);
        rows.filter(|(name, position)| !self.at(*position).is_some_and(|record| belongs(record, name)))
            .collect()
    }

    /// The records themselves, for tests that damage them.
    #[cfg(test)]
    pub(crate) fn damage(&mut self) -> &mut Vec<Record> {
        &mut self.records
    }

    /// All records, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().inspect(|_| self.count_inspected())
    }

    /// The records after a position that match criteria, in order.
    pub(crate) fn matching(&self, criteria: &Criteria, after: Position) -> impl Iterator<Item = &Record> {
        let lists = criteria.items().iter().flat_map(|item| self.lists(item, after));
        let found = merge(lists.collect()).filter_map(|position| self.at(position));
        // The lists of an item with at most one tag contain the records that match, and no others.
        let is_exact = criteria.items().iter().all(|item| item.tags().len() <= 1);
        found
            .inspect(|_| self.count_inspected())
            .filter(move |record| is_exact || criteria.matches(&record.name, &record.tags))
    }

    /// The types of all records, sorted by name.
    pub(crate) fn types(&self) -> Vec<StoredType> {
        let ends = |positions: &[Position]| Some((*positions.first()?, *positions.last()?));
        let stored = |(name, positions): (&Cow<'_, str>, &Vec<Position>)| {
            let (first, last) = ends(positions)?;
            let later_versions = self.by_version.get(name).into_iter().flatten();
            let later_versions = later_versions.filter_map(|(version, positions)| {
                let (first, last) = ends(positions)?;
                Some(StoredVersion { version: *version, first, last })
            });
            Some(StoredType { name: name.to_string(), first, last, later_versions: later_versions.collect() })
        };
        self.by_type.iter().filter_map(stored).collect()
    }

    /// The number of records of a type, in one version after version 1 or in all versions.
    pub(crate) fn count_type(&self, name: &str, version: Option<u32>) -> usize {
        let positions = match version {
            None => self.by_type.get(name),
            Some(version) => self.by_version.get(name).and_then(|by_version| by_version.get(&version)),
        };
        positions.map_or(0, Vec::len)
    }

    /// Lists of positions after a position that contain every record that matches an item. Those of an item with several tags are
    /// the lists of its rarest tag, and contain records without its other tags too.
    fn lists(&self, item: &Item, after: Position) -> Vec<&[Position]> {
        match item.tags() {
            [] if item.type_names().is_empty() => vec![later(&self.positions, after)],
            [] => lists_of_types(&self.by_type, item, after),
            tags => {
                let lists = |tag| Some(lists_of_types(self.by_tag.get(tag)?, item, after));
                let of_tags = tags.iter().map(|tag| lists(tag).unwrap_or_default());
                let length = |lists: &Vec<&[Position]>| lists.iter().map(|list| list.len()).sum::<usize>();
                of_tags.min_by_key(length).unwrap_or_default()
            }
        }
    }

    #[cfg(test)]
    fn count_inspected(&self) {
        self.inspected.set(self.inspected.get() + 1);
    }

    #[cfg(not(test))]
    fn count_inspected(&self) {}
}

fn add(by_type: &mut PositionsByType, record: &Record) {
    match by_type.get_mut(&record.name) {
        Some(positions) => positions.push(record.position),
        None => drop(by_type.insert(record.name.clone(), vec![record.position])),
    }
}

/// The lists of the types of an item, or of all types if the item has none, from the first position after a position on.
fn lists_of_types<'a>(by_type: &'a PositionsByType, item: &Item, after: Position) -> Vec<&'a [Position]> {
    let has_later = |list: &Vec<Position>| list.last() > Some(&after);
    match item.type_names() {
        [] => by_type.values().filter(|list| has_later(list)).map(|list| later(list, after)).collect(),
        // Compares the names of a few lists instead of hashing them.
        names if by_type.len() <= names.len() => by_type
            .iter()
            .filter(|(name, list)| has_later(list) && names.contains(name))
            .map(|(_, list)| later(list, after))
            .collect(),
        names => {
            let lists = names.iter().filter_map(|name| by_type.get(name));
            lists.filter(|list| has_later(list)).map(|list| later(list, after)).collect()
        }
    }
}

/// The part of a sorted list after a position.
fn later(list: &[Position], after: Position) -> &[Position] {
    &list[list.partition_point(|position| *position <= after)..]
}

/// Merges sorted lists into one, which contains each position once.
fn merge(mut rest: Vec<&[Position]>) -> impl Iterator<Item = Position> {
    let first_of = |(list, positions): (usize, &&[Position])| Some(Reverse((*positions.first()?, list)));
    let mut firsts: BinaryHeap<_> = rest.iter().enumerate().filter_map(first_of).collect();
    iter::from_fn(move || {
        let Reverse((next, _)) = *firsts.peek()?;
        while let Some(mut first) = firsts.peek_mut().filter(|first| first.0.0 == next) {
            let list = first.0.1;
            rest[list] = &rest[list][1..];
            match rest[list].first() {
                Some(later) => first.0.0 = *later,
                None => drop(PeekMut::pop(first)),
            }
        }
        Some(next)
    })
}
