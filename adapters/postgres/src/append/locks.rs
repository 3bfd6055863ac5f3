//! The keys of the advisory locks that make append conditions exact.
//!
//! An item of a condition and an event that matches it share at least one key: the item's append takes it exclusively, the
//! event's append at least shared. So of two such appends one ends before the other checks its conditions. If two
//! unrelated things have the same key by accident, their appends wait for each other, and no more: whether an event
//! matches is decided by comparing texts.
//!
//! | what | locks |
//! |---|---|
//! | item with types and tags | for each type: its bucket with the first tag, exclusively |
//! | item with tags only | every bucket with the first tag, exclusively |
//! | item with types only | each type, exclusively |
//! | item without types and tags | the log, exclusively |
//! | event | its type, and its type's bucket with each tag, shared |
//! | command id | the id, exclusively |
//! | row that an inline build changes | the row, exclusively |
//! | every append | the log, shared |
//! | append that adds successors of event names | the log, exclusively |
//! | new keys of subjects | all keys, shared |
//! | erasure of a subject | all keys, exclusively |
//! | reservation after a conflict | the first tag of each item, exclusively, in a transaction of its own |
//!
//! The hash must never change: all processes that append to a log must compute the same keys. A change of anything in this module
//! needs a new [`VERSION`], which is stored in the log.

use annalist_core::{
    criteria::{Criteria, Item},
    record::Draft,
    rows::{Inline, Key, key_text},
    store::Append,
};

use super::inline::{draft_records, row_keys};

/// The version of the keys: the same for all processes of a log.
pub(crate) const VERSION: i32 = 1;

/// Maximum number of locks of a single append. Appends with more take the log exclusively instead, to save space in the lock
/// table of the server, which all sessions share.
const MAX_LOCKS: usize = 64;
/// The same for the appends of an atomic batch together.
const MAX_LOCKS_OF_BATCH: usize = 256;

/// The number of buckets of types beside a tag: few enough that an item without types can lock all of them.
const BUCKETS: u64 = 16;

/// Computes the keys of one log.
pub(crate) struct AdvisoryKeys {
    seed: u64,
}

/// The locks of appends: the keys in ascending order without duplicates, and whether each is exclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LockSet(Vec<(i64, bool)>);

impl LockSet {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The union of several sets, as two arrays.
    pub(crate) fn union<'a>(all: impl IntoIterator<Item = &'a Self>) -> (Vec<i64>, Vec<bool>) {
        let all = all.into_iter().flat_map(|locks| &locks.0).copied();
        all.collect::<Self>().0.into_iter().unzip()
    }
}

/// From any order. A key that is exclusive once is exclusive.
impl FromIterator<(i64, bool)> for LockSet {
    fn from_iter<I: IntoIterator<Item = (i64, bool)>>(locks: I) -> Self {
        let mut locks: Vec<(i64, bool)> = locks.into_iter().collect();
        locks.sort_unstable_by_key(|(key, exclusive)| (*key, !exclusive));
        locks.dedup_by_key(|(key, _)| *key);
        Self(locks)
    }
}

impl AdvisoryKeys {
    pub(crate) fn new(schema: &str) -> Self {
        Self { seed: fnv(FNV_START, schema.as_bytes()) }
    }

    /// The key under which the schema and the builds are created and changed.
    pub(crate) fn migration(&self) -> i64 {
        self.key(b'm', &[])
    }

    /// The locks of the appends of a job.
    pub(crate) fn locks(&self, appends: &[Append]) -> LockSet {
        let mut locks = vec![(self.log(), false)];
        let is_complete = appends.iter().all(|append| self.add_locks(append, &mut locks));
        let locks = LockSet::from_iter(locks);
        let max = if appends.len() > 1 { MAX_LOCKS_OF_BATCH } else { MAX_LOCKS };
        // With the log locked exclusively, no other locks are needed.
        if locks.len() > max || !is_complete { LockSet(vec![(self.log(), true)]) } else { locks }
    }

    /// The keys of a reservation in ascending order, one for each item. Conditions are exact without them.
    pub(super) fn reservation(&self, criteria: &[Criteria]) -> Vec<i64> {
        let key = |item: &Item| match item.tags().first() {
            Some(tag) => self.key(b'q', &[tag.as_str()]),
            None => self.key(b'q', &[]),
        };
        let mut keys: Vec<i64> = criteria.iter().flat_map(Criteria::items).map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Adds the locks of an append. Returns `false` if they cannot be determined.
    fn add_locks(&self, append: &Append, locks: &mut Vec<(i64, bool)>) -> bool {
        for item in append.conditions.iter().flat_map(|condition| condition.criteria.items()) {
            self.item_keys(item, &mut |key| locks.push((key, true)));
        }
        if let Some(key) = &append.key {
            locks.push((self.key(b'c', &[key.id()]), true));
        }
        for draft in &append.events {
            self.event_keys(draft, &mut |key| locks.push((key, false)));
        }
        if append.adds_successors() {
            locks.push((self.log(), true));
        }
        append.inline.iter().all(|inline| self.add_rows(append, &**inline, locks))
    }

    /// Adds the rows that an inline build will change. Returns `false` if the build cannot name them: its fold will report the
    /// error.
    fn add_rows(&self, append: &Append, inline: &dyn Inline, locks: &mut Vec<(i64, bool)>) -> bool {
        let Ok(keys) = row_keys(inline, &draft_records(append, inline)) else { return false };
        let table = inline.table().name();
        locks.extend(keys.iter().map(|key| (self.row(&table, key), true)));
        true
    }

    fn item_keys(&self, item: &Item, add: &mut dyn FnMut(i64)) {
        let types = item.type_names();
        match item.tags().first() {
            Some(tag) if types.is_empty() => {
                (0..BUCKETS).for_each(|bucket| add(self.pair(bucket, tag.as_str())));
            }
            Some(tag) => types.iter().for_each(|name| add(self.pair(bucket(name), tag.as_str()))),
            None if types.is_empty() => add(self.log()),
            None => types.iter().for_each(|name| add(self.event_type(name))),
        }
    }

    fn event_keys(&self, draft: &Draft, add: &mut dyn FnMut(i64)) {
        add(self.event_type(draft.name()));
        let bucket = bucket(draft.name());
        draft.tags().iter().for_each(|tag| add(self.pair(bucket, tag.as_str())));
    }

    /// The key of the log, which every append takes at least shared.
    pub(crate) fn log(&self) -> i64 {
        self.key(b'l', &[])
    }

    /// The key under which keys of subjects are stored, shared, and erased, exclusively.
    pub(crate) fn subject_keys(&self) -> i64 {
        self.key(b'k', &[])
    }

    fn event_type(&self, name: &str) -> i64 {
        self.key(b't', &[name])
    }

    fn pair(&self, bucket: u64, tag: &str) -> i64 {
        self.key(b'p', &[&bucket.to_string(), tag])
    }

    fn row(&self, table: &str, key: &Key) -> i64 {
        self.key(b'r', &[table, &key_text(key)])
    }

    fn key(&self, kind: u8, parts: &[&str]) -> i64 {
        let hash =
            parts.iter().fold(fnv(self.seed, &[0, kind]), |hash, part| fnv(fnv(hash, &[0]), part.as_bytes()));
        i64::from_ne_bytes(spread(hash).to_ne_bytes())
    }
}

fn bucket(name: &str) -> u64 {
    spread(fnv(FNV_START, name.as_bytes())) % BUCKETS
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a with 64 bits (Fowler, Noll, Vo).
fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input affects every bit of the key.
fn spread(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use annalist_core::{
        payload::Payload,
        record::Name,
        rows::Value,
        store::{CommandKey, Condition, Marker},
        tag::Tag,
        time::Timestamp,
    };

    use super::*;

    fn tag(value: usize) -> Tag {
        Tag::new("a", value).unwrap()
    }

    fn event(name: &'static str, tags: impl IntoIterator<Item = Tag>) -> Append {
        let draft = Draft::new(name, 1, tags, Payload::parse("{}").unwrap()).unwrap();
        Append { events: vec![draft], ..Append::default() }
    }

    fn condition(item: Item) -> Append {
        Append {
            conditions: vec![Condition { criteria: item.into(), marker: Marker::START }],
            ..Append::default()
        }
    }

    fn locks(append: &Append) -> BTreeMap<i64, bool> {
        AdvisoryKeys::new("annalist").locks(std::slice::from_ref(append)).0.into_iter().collect()
    }

    #[test]
    fn item_and_matching_event_share_a_key_that_is_exclusive_for_the_item() {
        let mut random = fastrand::Rng::with_seed(7);
        let names = ["opened", "closed", "moved", "paid"];
        for _ in 0..2000 {
            let mut item = Item::any().types(names.into_iter().filter(|_| random.u8(..3) == 0));
            for value in (0..4).filter(|_| random.u8(..3) == 0) {
                item = item.tag(tag(value));
            }
            let written = event(names[random.usize(..4)], (0..4).filter(|_| random.bool()).map(tag));
            let draft = &written.events[0];
            let (of_item, of_event) = (locks(&condition(item.clone())), locks(&written));
            let shares_a_key =
                of_item.iter().any(|(key, exclusive)| *exclusive && of_event.contains_key(key));
            assert!(shares_a_key || !item.matches(draft.name(), draft.tags()), "{item:?} {draft:?}");
        }
    }

    #[test]
    fn key_of_both_item_and_event_is_exclusive() {
        let mut both = event("opened", [tag(1)]);
        both.conditions = condition(Item::any().types(["opened"]).tag(tag(1))).conditions;
        let of_item = locks(&condition(Item::any().types(["opened"]).tag(tag(1))));
        for (key, exclusive) in of_item {
            assert_eq!(locks(&both)[&key], exclusive);
        }
    }

    #[test]
    fn union_has_each_key_once() {
        let keys = AdvisoryKeys::new("annalist");
        let [one, two] = [event("opened", [tag(1)]), condition(Item::any().types(["opened"]))]
            .map(|append| keys.locks(&[append]));
        let (union, exclusive) = LockSet::union([&one, &two]);
        assert!(union.is_sorted_by(|a, b| a < b));
        assert_eq!(union.len(), 3);
        assert_eq!(exclusive.iter().filter(|exclusive| **exclusive).count(), 1);
    }

    #[test]
    fn too_many_locks_become_an_exclusive_lock_on_the_log() {
        let many = event("opened", (0..MAX_LOCKS).map(tag));
        assert_eq!(locks(&many), BTreeMap::from([(AdvisoryKeys::new("annalist").log(), true)]));
        let all = Append {
            conditions: vec![Condition { criteria: Criteria::all(), marker: Marker::START }],
            ..Append::default()
        };
        assert_eq!(locks(&all), locks(&many));
        let few = event("opened", (0..MAX_LOCKS - 2).map(tag));
        assert_eq!(locks(&few).len(), MAX_LOCKS);
        // An atomic batch may have more.
        let keys = AdvisoryKeys::new("annalist");
        let several = |tags| [few.clone(), event("closed", (0..tags).map(tag))];
        assert_eq!(keys.locks(&several(20)).len(), MAX_LOCKS + 21);
        assert_eq!(keys.locks(&several(MAX_LOCKS_OF_BATCH)), keys.locks(&[all]));
    }

    #[test]
    fn schemas_have_different_keys() {
        let append = event("opened", [tag(1)]);
        let other = AdvisoryKeys::new("other").locks(std::slice::from_ref(&append));
        assert!(other.0.iter().all(|(key, _)| !locks(&append).contains_key(key)));
    }

    /// If this fails, processes of different versions do not respect each other's locks: restore the hash, or increase `VERSION`.
    #[test]
    fn hash_does_not_change() {
        let keys = AdvisoryKeys::new("annalist");
        let name = |text: &'static str| Name::new("name", text).unwrap();
        let mut append = event("opened", [tag(1)]);
        append.key = Some(CommandKey::new(name("c-1"), name("open"), []));
        let key = vec![
            Value::Int(-1),
            Value::Text("ü\n".to_owned()),
            Value::Uuid(uuid::Uuid::nil()),
            Value::Time(Timestamp::from_micros(1_769_860_800_123_457)),
            Value::Bool(true),
        ];
        assert_eq!(VERSION, 1);
        assert_eq!(
            [
                keys.migration(),
                keys.log(),
                keys.event_type("opened"),
                keys.pair(bucket("opened"), "a:1"),
                keys.row("balances_v1", &key)
            ],
            [
                16_297_579_817_584_842,
                962_148_088_324_948_588,
                6_872_282_302_392_815_344,
                5_985_262_505_865_706_642,
                7_214_965_503_228_549_860
            ]
        );
        assert_eq!(locks(&append).len(), 4);
    }
}
