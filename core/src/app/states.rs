//! The states that commands of this app folded, kept for the commands that come after them.
//!
//! A remembered state may be stale: another process may have written meanwhile. That is no harm to what is appended,
//! which the store refuses if anything that was read has changed. Whoever answers without appending, with a rejection for
//! example, has to look at the log first.

use std::{
    any::TypeId,
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
};

use crate::{
    criteria::Item,
    dispatch::{Folded, Form, Kept, Kind, Known},
    record::Draft,
    store::{Marker, Read, SnapshotKey},
    tag::Tag,
};

/// One aggregate of a domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Instance {
    aggregate: TypeId,
    tag: Option<Tag>,
}

impl Instance {
    pub(super) fn new(kind: &Kind, read: &Read) -> Self {
        let tag = read.criteria.items().first().and_then(|item: &Item| item.tags().first());
        Self { aggregate: kind.aggregate, tag: tag.cloned() }
    }

    /// Under which key its states are kept beside the log, if they are.
    pub(super) fn snapshot_key(&self, kind: &Kind) -> Option<SnapshotKey> {
        let Kept { name: aggregate, fingerprint, .. } = kind.snapshots?;
        Some(SnapshotKey { aggregate, tag: self.tag.clone(), fingerprint })
    }
}

/// A folded state and the moment for which it holds.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub(super) state: Folded,
    pub(super) marker: Marker,
    /// Whether somebody here has appended what it does not know.
    outdated: bool,
}

impl Remembered {
    pub(super) fn new(state: Folded, marker: Marker) -> Self {
        Self { state, marker, outdated: false }
    }

    /// The state of what is known, if it is folded.
    pub(super) fn of(known: Known) -> Option<Self> {
        match known.form {
            Form::Folded(state) => Some(Self::new(state, known.marker)),
            Form::Records(_) => None,
        }
    }

    pub(super) fn known(self) -> Known {
        Known { form: Form::Folded(self.state), marker: self.marker }
    }
}

/// So many states at most: those that were used last, roughly.
#[derive(Debug)]
pub(super) struct States {
    most: usize,
    generations: Mutex<Generations>,
}

/// Two halves. When the young one is full it becomes the old one, whose states are forgotten; whoever is used in the old
/// one becomes young again.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Instance, Remembered>,
    old: HashMap<Instance, Remembered>,
    /// The aggregates among them.
    kinds: Vec<Kind>,
}

impl States {
    pub(super) fn new(most: usize) -> Self {
        Self { most, generations: Mutex::default() }
    }

    /// The state of an aggregate, which stays remembered, unless it is outdated.
    pub(super) fn get(&self, instance: &Instance) -> Option<Remembered> {
        self.find(instance).filter(|found| !found.outdated)
    }

    /// Events are about to be appended that the states of others fold too: other aggregates of the same tags. `own` are those
    /// that see to themselves.
    pub(super) fn outdate<'a>(&self, events: &[Draft], own: impl Iterator<Item = &'a Instance> + Clone) {
        self.with(|generations, _| {
            for event in events {
                generations.outdate(event, own.clone());
            }
            ((), None)
        });
    }

    fn find(&self, instance: &Instance) -> Option<Remembered> {
        self.with(|generations, most| match generations.young.get(instance) {
            Some(found) => (Some(found.clone()), None),
            None => match generations.old.remove(instance) {
                Some(found) => (Some(found.clone()), generations.add(instance.clone(), found, most)),
                None => (None, None),
            },
        })
    }

    /// The state of an aggregate, which is remembered no longer.
    pub(super) fn take(&self, instance: &Instance) -> Option<Remembered> {
        self.with(|generations, _| (generations.remove(instance), None))
    }

    /// Remembers a state, unless that of a later moment is there already.
    pub(super) fn put(&self, instance: Instance, new: Remembered) {
        self.with(|generations, most| {
            let moment = |of: &Remembered| (of.marker.settled(), of.marker.seen_unsettled());
            let new = match generations.remove(&instance) {
                Some(there) if moment(&there) > moment(&new) => there,
                _ => new,
            };
            ((), if most == 0 { None } else { generations.add(instance, new, most) })
        });
    }

    /// What is forgotten by it is dropped after the lock: users' states may take their time.
    fn with<T>(
        &self,
        change: impl FnOnce(&mut Generations, usize) -> (T, Option<HashMap<Instance, Remembered>>),
    ) -> T {
        let (answer, forgotten) =
            change(&mut self.generations.lock().unwrap_or_else(PoisonError::into_inner), self.most);
        drop(forgotten);
        answer
    }
}

impl Generations {
    fn outdate<'a>(&mut self, event: &Draft, own: impl Iterator<Item = &'a Instance> + Clone) {
        for kind in self.kinds.iter().filter(|kind| kind.folds(event.name())) {
            let tags = event.tags().iter().filter(|_| kind.is_tagged).map(Some);
            for tag in tags.chain((!kind.is_tagged).then_some(None)) {
                if own.clone().any(|own| own.aggregate == kind.aggregate && own.tag.as_ref() == tag) {
                    continue;
                }
                let instance = Instance { aggregate: kind.aggregate, tag: tag.cloned() };
                let found = self.young.get_mut(&instance).or_else(|| self.old.get_mut(&instance));
                if let Some(found) = found {
                    found.outdated = true;
                }
            }
        }
    }

    fn remove(&mut self, instance: &Instance) -> Option<Remembered> {
        self.young.remove(instance).or_else(|| self.old.remove(instance))
    }

    /// The states that are forgotten for it.
    fn add(
        &mut self,
        instance: Instance,
        state: Remembered,
        most: usize,
    ) -> Option<HashMap<Instance, Remembered>> {
        if !self.kinds.iter().any(|kind| kind.aggregate == instance.aggregate) {
            self.kinds.push(state.state.kind);
        }
        self.young.insert(instance, state);
        (self.young.len() * 2 >= most).then(|| mem::replace(&mut self.old, mem::take(&mut self.young)))
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, sync::Arc};

    use super::*;
    use crate::{
        aggregate::Aggregate, codec::Codec, error::Invalid, event::Types, position::Position, record::Record,
    };

    struct Thing;

    impl Aggregate for Thing {
        type Id = ();
        type Error = Infallible;
        const EVENTS: &'static [Types] = &[];

        fn initial((): ()) -> Self {
            Self
        }

        fn fold_record(&mut self, _: &Record, _: &Codec) -> Result<(), Invalid> {
            Ok(())
        }
    }

    fn instance(number: usize) -> Instance {
        Instance { aggregate: TypeId::of::<Thing>(), tag: Some(Tag::new("thing", number).unwrap()) }
    }

    fn up_to(position: u64) -> Remembered {
        Remembered::new(Folded::new(Arc::new(Thing), 0), Marker::new(Position::new(position), 0))
    }

    fn position(states: &States, number: usize) -> Option<u64> {
        states.get(&instance(number)).map(|found| found.marker.settled().get())
    }

    #[test]
    fn those_used_last_are_remembered_and_no_more_than_asked_for() {
        let states = States::new(10);
        for number in 0..1000 {
            states.put(instance(0), up_to(1));
            states.put(instance(number), up_to(1));
            assert!(position(&states, 0).is_some());
        }
        let left = (1..1000).filter(|number| states.take(&instance(*number)).is_some()).count();
        assert!((4..=10).contains(&left), "{left}");
    }

    #[test]
    fn a_later_moment_stays() {
        let states = States::new(10);
        for (put, there) in [(5, 5), (3, 5), (7, 7)] {
            states.put(instance(1), up_to(put));
            assert_eq!(position(&states, 1), Some(there));
        }
        assert!(states.take(&instance(1)).is_some() && states.take(&instance(1)).is_none());
    }

    #[test]
    fn with_no_room_nothing_is_remembered() {
        let states = States::new(0);
        states.put(instance(1), up_to(5));
        assert!(position(&states, 1).is_none());
    }
}
