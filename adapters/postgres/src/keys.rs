//! The keys of the advisory locks that make conditions exact.
//!
//! For every pair of an item and an event that matches it there is a key that both take: the item exclusively, because
//! it watches, the event at least shared, because it writes. So of two such appends one ends before the other
//! looks. A key that two things share by accident makes them wait for each other, and nothing worse: what matches is decided
//! by comparing texts.
//!
//! | | takes |
//! |---|---|
//! | item with types and tags | for each type: its bucket with the first tag |
//! | item with tags | every bucket with the first tag |
//! | item with types | each type |
//! | item without either | the log, exclusively |
//! | event | its type; its type's bucket with each tag |
//! | command id | the id, exclusively |
//! | row that an inline build changes | the row, exclusively |
//! | every append | the log, shared |
//!
//! The hash is fixed for ever: all processes that append to a log must take the same keys. Whoever changes anything here
//! raises [`VERSION`], which the log's row remembers.

use annalist_core::{
    criteria::Item,
    record::Draft,
    rows::{Inline, Key, key_text},
    store::Append,
};

use crate::inline::{drafted, keys};

/// The version of the keys, which all processes of one log must have in common.
pub(crate) const VERSION: i32 = 1;

/// More keys than this for an append, and for several that stand together, are not worth their place in the server's lock
/// table, which all its sessions share.
const MOST: (usize, usize) = (64, 256);

/// Into how many buckets types fall beside a tag, so that an item without types can name them all.
const BUCKETS: u64 = 16;

/// Makes the keys of one log.
pub(crate) struct Keys {
    seed: u64,
}

/// The locks of appends: the keys in ascending order, each once, and whether to take them exclusively.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Locks(Vec<(i64, bool)>);

impl Locks {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, as columns.
    pub(crate) fn together<'a>(all: impl IntoIterator<Item = &'a Self>) -> (Vec<i64>, Vec<bool>) {
        let all = all.into_iter().flat_map(|locks| &locks.0).copied();
        all.collect::<Self>().0.into_iter().unzip()
    }
}

/// In any order; what is taken exclusively once is taken so.
impl FromIterator<(i64, bool)> for Locks {
    fn from_iter<I: IntoIterator<Item = (i64, bool)>>(taken: I) -> Self {
        let mut locks: Vec<(i64, bool)> = taken.into_iter().collect();
        locks.sort_unstable_by_key(|(key, exclusive)| (*key, !exclusive));
        locks.dedup_by_key(|(key, _)| *key);
        Self(locks)
    }
}

impl Keys {
    pub(crate) fn new(schema: &str) -> Self {
        Self { seed: fnv(FNV_START, schema.as_bytes()) }
    }

    /// The key under which the schema is made and changed.
    pub(crate) fn migration(&self) -> i64 {
        self.key(b'm', &[])
    }

    /// The locks that appends need which stand together.
    pub(crate) fn locks(&self, appends: &[Append]) -> Locks {
        let mut taken = vec![(self.log(), false)];
        let known = appends.iter().all(|append| self.taken(append, &mut taken));
        let locks = Locks::from_iter(taken);
        let most = if appends.len() > 1 { MOST.1 } else { MOST.0 };
        // Alone in the log, they need no finer locks.
        if locks.len() > most || !known { Locks(vec![(self.log(), true)]) } else { locks }
    }

    /// What an append takes. False if it cannot be said.
    fn taken(&self, append: &Append, taken: &mut Vec<(i64, bool)>) -> bool {
        for item in append.conditions.iter().flat_map(|condition| condition.criteria.items()) {
            self.watched(item, &mut |key| taken.push((key, true)));
        }
        if let Some(key) = &append.key {
            taken.push((self.key(b'c', &[key.id()]), true));
        }
        for draft in &append.events {
            self.written(draft, &mut |key| taken.push((key, false)));
        }
        append.inline.iter().all(|inline| self.changed(append, &**inline, taken))
    }

    /// The rows that an inline build will change. False if the build cannot say: its fold will say why.
    fn changed(&self, append: &Append, inline: &dyn Inline, taken: &mut Vec<(i64, bool)>) -> bool {
        let Ok(keys) = keys(inline, &drafted(append, inline)) else { return false };
        let table = inline.table().name();
        taken.extend(keys.iter().map(|key| (self.row(&table, key), true)));
        true
    }

    fn watched(&self, item: &Item, take: &mut dyn FnMut(i64)) {
        let types = item.type_names();
        match item.tags().first() {
            Some(tag) if types.is_empty() => {
                (0..BUCKETS).for_each(|bucket| take(self.pair(bucket, tag.as_str())));
            }
            Some(tag) => types.iter().for_each(|name| take(self.pair(bucket(name), tag.as_str()))),
            None if types.is_empty() => take(self.log()),
            None => types.iter().for_each(|name| take(self.name(name))),
        }
    }

    fn written(&self, draft: &Draft, take: &mut dyn FnMut(i64)) {
        take(self.name(draft.name()));
        let bucket = bucket(draft.name());
        draft.tags().iter().for_each(|tag| take(self.pair(bucket, tag.as_str())));
    }

    /// The key that every append shares, and that those hold alone whom none may pass.
    pub(crate) fn log(&self) -> i64 {
        self.key(b'l', &[])
    }

    fn name(&self, name: &str) -> i64 {
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

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input reaches every bit of the key.
fn spread(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use annalist_core::{
        criteria::Criteria,
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

    fn watch(item: Item) -> Append {
        Append {
            conditions: vec![Condition { criteria: item.into(), marker: Marker::START }],
            ..Append::default()
        }
    }

    fn locks(append: &Append) -> BTreeMap<i64, bool> {
        Keys::new("annalist").locks(std::slice::from_ref(append)).0.into_iter().collect()
    }

    #[test]
    fn an_item_and_an_event_that_matches_share_a_key_that_the_item_takes_alone() {
        let mut random = fastrand::Rng::with_seed(7);
        let names = ["opened", "closed", "moved", "paid"];
        for _ in 0..2000 {
            let mut item = Item::any().types(names.into_iter().filter(|_| random.u8(..3) == 0));
            for value in (0..4).filter(|_| random.u8(..3) == 0) {
                item = item.tag(tag(value));
            }
            let written = event(names[random.usize(..4)], (0..4).filter(|_| random.bool()).map(tag));
            let draft = &written.events[0];
            let (watching, writing) = (locks(&watch(item.clone())), locks(&written));
            let conflicting_position =
                watching.iter().any(|(key, alone)| *alone && writing.contains_key(key));
            assert!(conflicting_position || !item.matches(draft.name(), draft.tags()), "{item:?} {draft:?}");
        }
    }

    #[test]
    fn a_key_that_is_watched_and_written_is_taken_alone() {
        let mut both = event("opened", [tag(1)]);
        both.conditions = watch(Item::any().types(["opened"]).tag(tag(1))).conditions;
        let watched = locks(&watch(Item::any().types(["opened"]).tag(tag(1))));
        for (key, alone) in watched {
            assert_eq!(locks(&both)[&key], alone);
        }
    }

    #[test]
    fn appends_that_travel_together_take_each_key_once() {
        let keys = Keys::new("annalist");
        let [one, two] =
            [event("opened", [tag(1)]), watch(Item::any().types(["opened"]))].map(|it| keys.locks(&[it]));
        let (union, exclusive) = Locks::together([&one, &two]);
        assert!(union.is_sorted_by(|a, b| a < b));
        assert_eq!(union.len(), 3);
        assert_eq!(exclusive.iter().filter(|exclusive| **exclusive).count(), 1);
    }

    #[test]
    fn too_many_keys_become_the_log_alone() {
        let many = event("opened", (0..MOST.0).map(tag));
        assert_eq!(locks(&many), BTreeMap::from([(Keys::new("annalist").log(), true)]));
        let all = Append {
            conditions: vec![Condition { criteria: Criteria::all(), marker: Marker::START }],
            ..Append::default()
        };
        assert_eq!(locks(&all), locks(&many));
        let few = event("opened", (0..MOST.0 - 2).map(tag));
        assert_eq!(locks(&few).len(), MOST.0);
        // Several that stand together may have more between them.
        let keys = Keys::new("annalist");
        let several = |tags| [few.clone(), event("closed", (0..tags).map(tag))];
        assert_eq!(keys.locks(&several(20)).len(), MOST.0 + 21);
        assert_eq!(keys.locks(&several(MOST.1)), keys.locks(&[all]));
    }

    #[test]
    fn schemas_share_no_key() {
        let append = event("opened", [tag(1)]);
        let other = Keys::new("other").locks(std::slice::from_ref(&append));
        assert!(other.0.iter().all(|(key, _)| !locks(&append).contains_key(key)));
    }

    /// If this fails, processes of two versions do not see each other's locks: restore the hash, or raise `VERSION`.
    #[test]
    fn the_hash_is_fixed_for_ever() {
        let keys = Keys::new("annalist");
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
                keys.name("opened"),
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
