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
    dispatch::{Folded, Form, Kept, Kind, Known},
    query::Item,
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
}

impl Remembered {
    /// The state of what is known, if it is folded.
    pub(super) fn of(known: Known) -> Option<Self> {
        match known.form {
            Form::Folded(state) => Some(Self { state, marker: known.marker }),
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
}

impl States {
    pub(super) fn new(most: usize) -> Self {
        Self { most, generations: Mutex::default() }
    }

    /// The state of an aggregate, which stays remembered.
    pub(super) fn get(&self, instance: &Instance) -> Option<Remembered> {
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
            let moment = |of: &Remembered| (of.marker.settled(), of.marker.above());
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
        Remembered { state: Folded::new(Arc::new(Thing), 0), marker: Marker::new(Position::new(position), 0) }
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
