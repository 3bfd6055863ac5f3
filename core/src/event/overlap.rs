//! Finds at compile time which sets of event types have a stored name in common.
//!
//! The compiler evaluates these functions for each derived type, and refuses a constant with more than two million steps. The
//! number of steps therefore grows with the number of names and not with its square: a table holds the hashes of the
//! names, and only names with equal hashes are compared.

use std::marker::PhantomData;

use super::{
    hash::fnv,
    types::{EventType, Types},
};

/// Sets of event types in order: the `on` entries of an aggregate, a projection or a policy, or the variants of an event enum.
#[derive(Clone, Copy, Debug)]
pub enum Sets<'a> {
    /// The sets themselves.
    Owned(&'a [Types]),
    /// References to the sets.
    Borrowed(&'a [&'a Types]),
}

/// A type with several sets of event types.
pub trait TypeSets {
    /// The sets.
    const SETS: Sets<'static>;
}

/// The overlaps among the `N` sets of `S`. The compiler evaluates them once for each `S`.
#[derive(Debug)]
pub struct Overlaps<S, const N: usize>(PhantomData<S>);

impl<S: TypeSets, const N: usize> Overlaps<S, N> {
    /// For each set, whether it has a stored name or alias in common with an earlier set, or one of the two has the retired event type
    /// from which the other is made. Several sets can be made from the same one.
    pub const WITH_EARLIER: [bool; N] = with_sources(S::SETS, search(S::SETS, Among::Sets));
}

impl Types {
    /// Returns `true` if the sets have a stored name or alias in common.
    ///
    /// ```
    /// use annalist::manual::{EventType, Types};
    ///
    /// const OPENED: Types = Types::One(EventType::new("opened", "Opened"));
    /// const RENAMED: Types = Types::One(EventType::new("registered", "Registered").aliases(&["opened"]));
    ///
    /// assert!(OPENED.overlaps(&RENAMED));
    /// ```
    pub const fn overlaps(&self, other: &Types) -> bool {
        let [_, overlaps] = search(Sets::Borrowed(&[self, other]), Among::Sets);
        overlaps
    }

    /// Returns `true` if no two members of a union have a stored name or alias in common.
    ///
    /// ```
    /// use annalist::manual::{EventType, Types};
    ///
    /// const OPENED: Types = Types::One(EventType::new("opened", "Opened"));
    /// const CLOSED: Types = Types::One(EventType::new("closed", "Closed"));
    ///
    /// assert!(Types::Sum(&[&OPENED, &CLOSED]).distinct());
    /// assert!(!Types::Sum(&[&OPENED, &OPENED]).distinct());
    /// ```
    pub const fn distinct(&self) -> bool {
        let [overlaps] = search(Sets::Borrowed(&[self]), Among::EventTypes);
        !overlaps
    }
}

/// What is compared.
#[derive(Clone, Copy)]
enum Among {
    /// Each set with the sets before it.
    Sets,
    /// Each event type with the event types before it.
    EventTypes,
}

/// For each of `N` sets, whether it, or an event type of it, has a stored name or alias in common with an earlier one.
const fn search<const N: usize>(sets: Sets<'_>, among: Among) -> [bool; N] {
    // At least twice as many slots as names, so that most names find a free slot at once.
    match sets.count_names() {
        0..=32 => Search::<64>::new(sets).run(among),
        33..=256 => Search::<512>::new(sets).run(among),
        257..=2048 => Search::<4096>::new(sets).run(among),
        _ => Search::<32_768>::new(sets).run(among),
    }
}

/// Adds the sets that overlap with an earlier one because one of the two is made from the other.
const fn with_sources<const N: usize>(sets: Sets<'_>, mut overlaps: [bool; N]) -> [bool; N] {
    if !sets.have_sources() {
        return overlaps;
    }
    let mut i = 0;
    while i < N {
        let mut j = 0;
        while j < i {
            let (one, other) = (sets.get(i), sets.get(j));
            overlaps[i] |= one.is_made_from_any(other) || other.is_made_from_any(one);
            j += 1;
        }
        i += 1;
    }
    overlaps
}

impl Types {
    /// Whether an event type of this set is made from one of another set.
    const fn is_made_from_any(&self, other: &Types) -> bool {
        match other {
            Types::One(one) => {
                let (mut found, mut i) = (self.is_made_from(one.name), 0);
                while i < one.aliases.len() {
                    found |= self.is_made_from(one.aliases[i]);
                    i += 1;
                }
                found
            }
            Types::Sum(sets) => {
                let mut i = 0;
                while i < sets.len() {
                    if self.is_made_from_any(sets[i]) {
                        return true;
                    }
                    i += 1;
                }
                false
            }
        }
    }
}

impl<'a> Sets<'a> {
    /// Whether an event type of the sets is made from retired ones.
    const fn have_sources(self) -> bool {
        let mut i = 0;
        while i < self.len() {
            let has_sources = match self.get(i) {
                Types::One(one) => !one.sources.is_empty(),
                Types::Sum(sets) => Sets::Borrowed(sets).have_sources(),
            };
            if has_sources {
                return true;
            }
            i += 1;
        }
        false
    }

    const fn len(self) -> usize {
        match self {
            Self::Owned(sets) => sets.len(),
            Self::Borrowed(sets) => sets.len(),
        }
    }

    const fn get(self, i: usize) -> &'a Types {
        match self {
            Self::Owned(sets) => &sets[i],
            Self::Borrowed(sets) => sets[i],
        }
    }

    const fn count_names(self) -> usize {
        let (mut names, mut i) = (0, 0);
        while i < self.len() {
            names += match self.get(i) {
                Types::One(one) => 1 + one.aliases.len(),
                Types::Sum(sets) => Sets::Borrowed(sets).count_names(),
            };
            i += 1;
        }
        names
    }

    /// Adds the number of event types before the first with this name or alias to `passed`, and returns whether there is one.
    const fn find(self, name: &str, passed: &mut usize) -> bool {
        let mut i = 0;
        while i < self.len() {
            let found = match self.get(i) {
                Types::One(one) => {
                    let found = one.contains(name);
                    *passed += !found as usize;
                    found
                }
                Types::Sum(sets) => Sets::Borrowed(sets).find(name, passed),
            };
            if found {
                return true;
            }
            i += 1;
        }
        false
    }
}

/// A pass over the names of sets.
struct Search<'a, const SLOTS: usize> {
    sets: Sets<'a>,
    /// The hashes of the visited names; 0 in a free slot.
    hashes: [u64; SLOTS],
    /// The number of visited event types.
    visited: usize,
}

/// The number of slots in which a hash can be. Names for whose hash none of its slots is free are always compared by text.
const PROBES: usize = 32;

impl<'a, const SLOTS: usize> Search<'a, SLOTS> {
    const fn new(sets: Sets<'a>) -> Self {
        Self { sets, hashes: [0; SLOTS], visited: 0 }
    }

    const fn run<const N: usize>(mut self, among: Among) -> [bool; N] {
        let (mut overlaps, mut i) = ([false; N], 0);
        while i < self.sets.len() {
            let start = match among {
                Among::Sets => Some(self.visited),
                Among::EventTypes => None,
            };
            overlaps[i] = self.visit(self.sets.get(i), start);
            i += 1;
        }
        overlaps
    }

    /// Visits event types. Returns whether any has a name in common with the first `start` event types of all, or without
    /// `start` with any event type before itself.
    const fn visit(&mut self, types: &Types, start: Option<usize>) -> bool {
        match types {
            Types::One(one) => {
                let overlaps = self.visit_names(
                    one,
                    match start {
                        Some(start) => start,
                        None => self.visited,
                    },
                );
                self.visited += 1;
                overlaps
            }
            Types::Sum(sets) => {
                let (mut overlaps, mut i) = (false, 0);
                while i < sets.len() {
                    overlaps |= self.visit(sets[i], start);
                    i += 1;
                }
                overlaps
            }
        }
    }

    const fn visit_names(&mut self, one: &EventType, start: usize) -> bool {
        let mut overlaps = self.visit_name(one.name, start);
        let mut i = 0;
        while i < one.aliases.len() {
            overlaps |= self.visit_name(one.aliases[i], start);
            i += 1;
        }
        overlaps
    }

    const fn visit_name(&mut self, name: &str, start: usize) -> bool {
        if self.insert(fnv(name.as_bytes())) {
            return false;
        }
        let mut first = 0;
        self.sets.find(name, &mut first) && first < start
    }

    /// Adds a hash. Returns `true` if it is new, and `false` if it is not or if its slots are full.
    const fn insert(&mut self, hash: u64) -> bool {
        let mut probe = 0;
        while probe < PROBES {
            let slot = &mut self.hashes[((hash ^ (hash >> 32)) as usize + probe) % SLOTS];
            if *slot == hash {
                return false;
            }
            if *slot == 0 {
                *slot = hash;
                return true;
            }
            probe += 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: impl Into<String>, aliases: &[&str]) -> Types {
        let leaked = |text: &str| -> &'static str { String::from(text).leak() };
        let aliases = aliases.iter().copied().map(leaked).collect::<Vec<_>>().leak();
        Types::One(EventType::new(name.into().leak(), "Rust").aliases(aliases))
    }

    fn union(members: Vec<Types>) -> Types {
        Types::Sum(members.into_iter().map(|types| &*Box::leak(Box::new(types))).collect::<Vec<_>>().leak())
    }

    fn names(types: &Types, out: &mut Vec<Vec<&'static str>>) {
        types.each(&mut |one| out.push([&[one.name], one.aliases].concat()));
    }

    /// For each set, whether it has a name in common with an earlier one: each name compared with each.
    fn compared(sets: &[Types]) -> Vec<bool> {
        let names: Vec<Vec<&str>> = sets.iter().map(Types::names).collect();
        let shared = |i: usize| names[i].iter().any(|name| names[..i].concat().contains(name));
        (0..sets.len()).map(shared).collect()
    }

    fn compared_distinct(types: &Types) -> bool {
        let mut each = Vec::new();
        names(types, &mut each);
        (0..each.len()).all(|i| each[i].iter().all(|name| !each[..i].concat().contains(name)))
    }

    /// Unions of `events` members. Three in `rare` members have a name that other members may have too.
    fn random_sets<const N: usize>(random: &mut fastrand::Rng, events: usize, rare: usize) -> [Types; N] {
        std::array::from_fn(|set| {
            let members = (0..events).map(|i| match random.usize(..rare) {
                0 => one(format!("shared{}", random.usize(..20)), &[]),
                1 => one(format!("set{set}.event{i}"), &[&format!("shared{}", random.usize(..20))]),
                2 => union(vec![
                    one(format!("set{set}.inner{i}"), &[&format!("old{set}-{i}")]),
                    one(format!("shared{}", random.usize(..20)), &[]),
                ]),
                _ => one(format!("set{set}.event{i}"), &[]),
            });
            union(members.collect())
        })
    }

    #[test]
    fn overlaps_equal_a_comparison_of_all_pairs_of_names() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut seen = [0; 2];
        for (events, rare, times) in [(1, 4, 200), (4, 12, 200), (12, 40, 100), (60, 200, 40), (300, 900, 6)]
        {
            for _ in 0..times {
                let sets: [Types; 8] = random_sets(&mut random, events, rare);
                let expected = compared(&sets);
                assert_eq!(search::<8>(Sets::Owned(&sets), Among::Sets), *expected, "{sets:?}");
                let whole = union(sets.to_vec());
                assert_eq!(whole.distinct(), compared_distinct(&whole), "{sets:?}");
                assert_eq!(sets[0].overlaps(&sets[1]), expected[1], "{sets:?}");
                expected.iter().for_each(|overlaps| seen[*overlaps as usize] += 1);
            }
        }
        assert!(seen.iter().all(|number| *number > 100), "{seen:?}");
    }

    #[test]
    fn more_names_than_slots_are_compared_by_text() {
        let mut random = fastrand::Rng::with_seed(8);
        for _ in 0..50 {
            let sets: [Types; 6] = random_sets(&mut random, 20, 60);
            let found = Search::<16>::new(Sets::Owned(&sets)).run::<6>(Among::Sets);
            assert_eq!(found, *compared(&sets), "{sets:?}");
        }
    }

    /// Pairs of different names with equal hashes.
    const EQUAL_HASHES: [[&str; 2]; 2] =
        [["8yn0iYCKYHlIj4-BwPqk", "GReLUrM4wMqfg9yzV3KQ"], ["gMPflVXtwGDXbIhP73TX", "LtHf1prlU1bCeYZEdqWf"]];

    #[test]
    fn names_with_equal_hashes_overlap_only_if_they_are_equal() {
        for [a, b] in EQUAL_HASHES {
            assert_eq!(fnv(a.as_bytes()), fnv(b.as_bytes()));
            let (only_a, only_b, alias) = (one(a, &[]), one(b, &[]), one("renamed", &[b]));
            assert!(!only_a.overlaps(&only_b) && !only_a.overlaps(&alias));
            assert!(only_a.overlaps(&only_a) && only_b.overlaps(&alias));
            assert!(union(vec![only_a, only_b]).distinct());

            let sets = [only_a, only_b, one("other", &[]), alias, only_a];
            assert_eq!(search::<5>(Sets::Owned(&sets), Among::Sets), [false, false, false, true, true]);
        }
    }

    #[test]
    fn a_name_twice_in_one_set_is_no_overlap_with_another_set() {
        let twice = union(vec![one("opened", &[]), one("opened", &[])]);
        let sets = [one("closed", &["closed"]), twice, one("renamed", &["opened"])];
        assert_eq!(search::<3>(Sets::Owned(&sets), Among::Sets), [false, false, true]);
        assert!(!twice.distinct() && sets[0].distinct());
    }
}
