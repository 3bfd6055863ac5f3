//! The keys of subjects.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use annalist_core::{
    error::Error,
    keys::{Erasure, KeyState, KeyStore, StoredKey, SubjectHash},
    time::Timestamp,
};
use async_trait::async_trait;
use uuid::Uuid;

/// The keys in memory.
#[derive(Debug, Default)]
pub(crate) struct Keys(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    hash_key: Option<StoredKey>,
    keys: BTreeMap<Uuid, StoredKey>,
    current: HashMap<SubjectHash, Uuid>,
    erased_keys: HashSet<Uuid>,
    /// The erased subjects that are not readmitted.
    erased: HashSet<SubjectHash>,
    erasures: Vec<Erasure>,
    count: u64,
}

impl Keys {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn erase(&mut self, erasure: Erasure) {
        let subject = erasure.subject;
        let ids: Vec<Uuid> =
            self.keys.values().filter(|key| key.subject == subject).map(|key| key.id).collect();
        self.keys.retain(|_, key| key.subject != subject);
        self.erased_keys.extend(ids);
        self.current.remove(&subject);
        self.count += 1;
        if self.erased.insert(subject) {
            self.erasures.push(erasure);
        }
    }
}

#[async_trait]
impl KeyStore for Keys {
    fn describe_keys(&self) -> String {
        "keys in memory".to_owned()
    }

    async fn hash_key(&self, new: StoredKey) -> Result<StoredKey, Error> {
        Ok(self.state().hash_key.get_or_insert(new).clone())
    }

    async fn keys(&self, ids: &[Uuid]) -> Result<Vec<KeyState>, Error> {
        let state = self.state();
        let found = ids.iter().map(|id| match state.keys.get(id) {
            _ if state.erased_keys.contains(id) => KeyState::Erased,
            Some(key) => KeyState::Stored(key.clone()),
            None => KeyState::Unknown,
        });
        Ok(found.collect())
    }

    async fn current_keys(&self, new: Vec<StoredKey>) -> Result<Vec<Option<StoredKey>>, Error> {
        let state = &mut *self.state();
        let has_key =
            |state: &State, subject| state.erased.contains(&subject) || state.current.contains_key(&subject);
        if new.iter().any(|new| !has_key(state, new.subject) && state.erased_keys.contains(&new.id)) {
            return Err(StoredKey::erased_error("add keys of subjects to the memory".to_owned()));
        }
        let current = new.into_iter().map(|new| {
            if state.erased.contains(&new.subject) {
                return None;
            }
            let id = *state.current.entry(new.subject).or_insert(new.id);
            Some(state.keys.entry(id).or_insert(new).clone())
        });
        Ok(current.collect())
    }

    async fn keys_of(&self, subjects: &[SubjectHash]) -> Result<Vec<KeyState>, Error> {
        let state = self.state();
        let found = subjects.iter().map(|subject| match state.current.get(subject) {
            _ if state.erased.contains(subject) => KeyState::Erased,
            Some(id) => state.keys.get(id).cloned().map_or(KeyState::Unknown, KeyState::Stored),
            None => KeyState::Unknown,
        });
        Ok(found.collect())
    }

    async fn erase(&self, erasure: Erasure) -> Result<(), Error> {
        self.state().erase(erasure);
        Ok(())
    }

    async fn erase_and_readmit(&self, erasure: Erasure) -> Result<(), Error> {
        let (mut state, subject) = (self.state(), erasure.subject);
        state.erase(erasure);
        state.erased.remove(&subject);
        Ok(())
    }

    async fn complete_erasure(&self, subject: SubjectHash, at: Timestamp) -> Result<(), Error> {
        let mut state = self.state();
        for erasure in state.erasures.iter_mut().filter(|erasure| erasure.subject == subject) {
            erasure.completed_at.get_or_insert(at);
        }
        Ok(())
    }

    async fn readmit(&self, subject: SubjectHash) -> Result<bool, Error> {
        Ok(self.state().erased.remove(&subject))
    }

    async fn erasure_count(&self) -> Result<u64, Error> {
        Ok(self.state().count)
    }

    async fn erasures(&self, only_incomplete: bool) -> Result<Vec<Erasure>, Error> {
        let state = self.state();
        let wanted =
            state.erasures.iter().rev().filter(|erasure| !only_incomplete || erasure.completed_at.is_none());
        Ok(wanted.cloned().collect())
    }

    async fn keys_after(&self, after: Uuid, limit: usize) -> Result<Vec<StoredKey>, Error> {
        let state = self.state();
        let hash_key = state.hash_key.iter().filter(|key| key.id > after);
        let mut keys: Vec<&StoredKey> =
            state.keys.values().filter(|key| key.id > after).take(limit).chain(hash_key).collect();
        keys.sort_unstable_by_key(|key| key.id);
        Ok(keys.into_iter().take(limit).cloned().collect())
    }

    async fn rewrap(&self, key: &StoredKey) -> Result<(), Error> {
        let state = &mut *self.state();
        let stored =
            state.keys.get_mut(&key.id).or(state.hash_key.as_mut().filter(|stored| stored.id == key.id));
        if let Some(stored) = stored.filter(|stored| stored.master != key.master) {
            let StoredKey { wrapped, master, .. } = key.clone();
            *stored = StoredKey { wrapped, master, ..*stored };
        }
        Ok(())
    }
}
