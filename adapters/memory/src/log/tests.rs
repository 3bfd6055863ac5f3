//! Compares the log with a plain walk over its records, and counts the records that it inspects.

use std::{collections::BTreeMap, iter::repeat_with, ops::Range};

use annalist_core::{criteria::Item, payload::Payload, record::Draft, store::StoredVersion, tag::Tag};

use super::*;

/// The types of criteria. No event has the last one.
const TYPES: [&str; 5] = ["opened", "deposited", "moved", "closed", "renamed"];

#[test]
fn indexed_answers_equal_a_walk_over_the_log() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..200 {
        let (log, records) = random_log(&mut random);
        assert_eq!(log.stored_types(), types_by_walk(&records));
        for (name, version) in TYPES.iter().flat_map(|name| (2..5).map(move |version| (*name, version))) {
            let of_type = |record: &&Record| record.name == name;
            let of_version = |record: &&Record| record.name == name && record.version == version;
            let counts = (log.count_type(name, None), log.count_type(name, Some(version)));
            let all = records.iter().filter(of_type).count();
            assert_eq!(counts, (all as u64, records.iter().filter(of_version).count() as u64));
        }
        for _ in 0..50 {
            let criteria: Criteria = (0..random.usize(..4)).map(|_| random_item(&mut random)).collect();
            let (after, up_to) = (random_position(&mut random), random_position(&mut random));
            let later: Vec<&Record> = records
                .iter()
                .filter(|record| record.position > after && criteria.matches(&record.name, &record.tags))
                .collect();
            let bounded: Vec<&Record> =
                later.iter().copied().filter(|record| record.position <= up_to).collect();
            let context = format!("{criteria:?} after {after}, up to {up_to}");

            let read = Read::all(criteria.clone()).after(after).up_to(up_to);
            assert_eq!(log.read(&read).unwrap().records.iter().collect::<Vec<_>>(), bounded, "{context}");
            assert_eq!(log.count(&criteria, after, up_to), bounded.len() as u64, "{context}");

            let limit = random.usize(..6);
            let page = log.feed(&criteria, after, PageLimit::records(limit)).records;
            let expected: Vec<&Record> = later.iter().copied().take(limit).collect();
            assert_eq!(page.iter().collect::<Vec<_>>(), expected, "{context}, limit {limit}");

            let seen = random.u64(..3);
            let newest = later.last().map(|record| record.position);
            let expected = newest.filter(|_| later.len() as u64 != seen);
            let condition = Condition { criteria, marker: Marker::new(after, seen) };
            assert_eq!(log.conflicting_position(&condition), expected, "{context}, seen {seen}");
        }
    }
}

#[test]
fn inspected_records_do_not_depend_on_the_length_of_the_log() {
    let (short, long) = (log_of(1_000), log_of(32_000));
    for Work(work, expected, inspect) in WORK {
        let inspected = [&short, &long].map(|log| {
            let before = log.records.inspected.get();
            inspect(log);
            log.records.inspected.get() - before
        });
        assert_eq!(inspected, [*expected; 2], "{work}");
    }
}

/// One kind of work on a log, and the number of records that it inspects.
struct Work(&'static str, usize, fn(&Log));

const WORK: &[Work] = &[
    Work("condition of a new aggregate", 0, |log| {
        assert_eq!(log.conflicting_position(&condition(&events_of(1_000_000), 0)), None);
    }),
    Work("condition of a known aggregate", 0, |log| {
        assert_eq!(log.conflicting_position(&condition(&events_of(0), 10)), None);
    }),
    Work("violated condition", 2, |log| {
        let conflict = log.conflicting_position(&condition(&events_of(0), 8));
        assert_eq!(conflict, Some(Position::new(10)));
    }),
    Work("read of one aggregate", 10, |log| {
        assert_eq!(log.read(&Read::all(events_of(3))).unwrap().records.len(), 10);
    }),
    Work("read on of one aggregate", 1, |log| {
        let read = Read::all(events_of(3)).after(Position::new(39));
        assert_eq!(log.read(&read).unwrap().records.len(), 1);
    }),
    Work("count of one aggregate", 10, |log| {
        assert_eq!(log.count(&events_of(3), Position::START, Position::END), 10);
    }),
    Work("feed of a rare type", 1, |log| {
        let page = log.feed(&Item::any().types(["audited"]).into(), Position::START, PageLimit::records(10));
        assert_eq!((page.records.len(), page.up_to), (1, log.head()));
    }),
    Work("page of a feed of all events", 5, |log| {
        assert_eq!(log.feed(&Criteria::all(), Position::new(500), PageLimit::records(5)).records.len(), 5);
    }),
    Work("rare type of a frequent tag", 1, |log| {
        let audits = Item::any().types(["audited"]).tag(bank()).into();
        assert_eq!(log.read(&Read::all(audits)).unwrap().records.len(), 1);
    }),
    Work("frequent and rare tag together", 10, |log| {
        let both = Item::any().tag(bank()).tag(account(3)).into();
        assert_eq!(log.read(&Read::all(both)).unwrap().records.len(), 10);
    }),
    Work("stored types", 0, |log| assert_eq!(log.stored_types().len(), 2)),
    Work("count of a type", 0, |log| assert!(log.count_type("deposited", None) > 900)),
];

/// A log of a bank whose accounts have 10 events each, and of one audit at position 500.
fn log_of(events: usize) -> Log {
    let mut log = Log::default();
    for number in 0..events {
        let name = if number == 499 { "audited" } else { "deposited" };
        write(&mut log, name, [bank(), account(number / 10)]);
    }
    log
}

fn bank() -> Tag {
    Tag::parse("bank:north").unwrap()
}

fn account(number: usize) -> Tag {
    Tag::new("account", number).unwrap()
}

fn events_of(number: usize) -> Criteria {
    Item::any().types(["deposited", "moved"]).tag(account(number)).into()
}

fn condition(criteria: &Criteria, settled: u64) -> Condition {
    Condition { criteria: criteria.clone(), marker: Marker::new(Position::new(settled), 0) }
}

fn write(log: &mut Log, name: &'static str, tags: impl IntoIterator<Item = Tag>) {
    write_version(log, name, 1, tags);
}

fn write_version(log: &mut Log, name: &'static str, version: u32, tags: impl IntoIterator<Item = Tag>) {
    let draft = Draft::new(name, version, tags, Payload::from_stored("{}")).unwrap();
    log.write(Append { events: vec![draft], ..Append::default() });
}

const LENGTHS: Range<usize> = 0..40;

fn random_log(random: &mut fastrand::Rng) -> (Log, Vec<Record>) {
    let mut log = Log::default();
    for _ in 0..random.usize(LENGTHS) {
        write_version(&mut log, TYPES[random.usize(..4)], random.u32(1..4), random_tags(random));
    }
    let records = log.records.all().cloned().collect();
    (log, records)
}

/// Up to 3 of 4 tags.
fn random_tags(random: &mut fastrand::Rng) -> Vec<Tag> {
    let number = random.usize(..4);
    repeat_with(|| account(random.usize(..4))).take(number).collect()
}

fn random_item(random: &mut fastrand::Rng) -> Item {
    let number = random.usize(..4);
    let names: Vec<&str> = repeat_with(|| random.choice(TYPES).unwrap()).take(number).collect();
    random_tags(random).into_iter().fold(Item::any().types(names), Item::tag)
}

fn random_position(random: &mut fastrand::Rng) -> Position {
    if random.u8(..8) == 0 { Position::END } else { Position::new(random.u64(..LENGTHS.end as u64)) }
}

fn types_by_walk(records: &[Record]) -> Vec<StoredType> {
    let mut types: BTreeMap<&str, StoredType> = BTreeMap::new();
    for Record { name, version, position: at, .. } in records {
        let (first, last) = (*at, *at);
        let new = || StoredType { name: name.to_string(), first, last, later_versions: Vec::new() };
        let known = types.entry(name).or_insert_with(new);
        known.last = last;
        match known.later_versions.binary_search_by_key(version, |one| one.version) {
            _ if *version == 1 => {}
            Ok(index) => known.later_versions[index].last = last,
            Err(index) => {
                known.later_versions.insert(index, StoredVersion { version: *version, first, last });
            }
        }
    }
    types.into_values().collect()
}
