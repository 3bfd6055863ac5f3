//! Keys of subjects with one fault.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use annalist_core::{
    Error,
    keys::{Erasure, KeyState, KeyStore, SharedKeys, StoredKey, SubjectHash},
    time::Timestamp,
};
use tokio::task::yield_now;
use uuid::Uuid;

use super::fault::Fault;

/// The fault of the keys of a store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum KeyFault {
    /// A caller gets the key that it passes, even if the subject has one.
    ReturnsPassedKeys,
    /// The state of a key is looked up before the key is stored.
    LooksForKeysBeforeStoring,
    /// The results are in the order of the ids.
    SortsResults,
    /// Each element of a call gets its own key, even if a subject repeats.
    IgnoresRepeatedSubjects,
    /// The key of the hashes is that of the last caller.
    ReplacesHashKey,
    /// Erasing a subject with the hash of the key of the hashes erases that key.
    ErasesHashKey,
    ComparesHalfOfSubjects,
    /// An erased key is unknown.
    ForgetsErasedKeys,
    /// An erased subject gets a new key.
    ForgetsErasedSubjects,
    /// Whether a subject is erased is looked up before a key is stored.
    LooksForErasuresBeforeStoring,
    /// Readmitting a subject restores its keys.
    RestoresKeysOfReadmitted,
    /// A passed key is stored even if it was erased.
    AcceptsErasedKeys,
    /// A repeated erasure is recorded again.
    RecordsRepeatedErasures,
    /// A repeated erasure is not counted.
    CountsOnlyNewErasures,
    AlwaysReadmits,
    ListsOldestErasuresFirst,
    ListsCompleteErasures,
    CompletesAllErasures,
    ListsOnlyKeysOfSubjects,
    ListIncludesAfter,
    ListIgnoresLimit,
    RewrapsSameMasterKey,
    RewrapsNoHashKey,
    RewrapChangesSubjects,
    RewrapStoresErasedKeys,
    TruncatesTimes,
    /// Keys are stored as text.
    ChangesBytes,
    /// The key of a subject that has none is made when it is looked for.
    MakesKeysThatAreLookedFor,
    /// The first key that was found for a subject is returned from then on.
    RemembersKeysOfSubjects,
    /// The keys of subjects are found even if they are erased.
    FindsErasedSubjects,
    /// The keys of subjects are in the order of the subjects.
    SortsKeysOfSubjects,
    /// A subject is readmitted, and its keys are not erased.
    ReadmitsWithoutErasing,
    /// A subject is erased, and not readmitted.
    ErasesWithoutReadmitting,
    /// A subject is readmitted in a second transaction.
    ReadmitsAfterErasing,
    /// An erasure is not recorded if the subject is readmitted.
    RecordsNoReadmittedErasure,
}

use KeyFault::*;

/// What a broken store records.
#[derive(Default)]
pub(crate) struct RecordedKeys {
    keys: HashMap<Uuid, StoredKey>,
    hash_key: Option<StoredKey>,
    found: HashMap<SubjectHash, KeyState>,
}

/// The keys of a correct store, changed by the fault.
pub(crate) fn broken_keys(
    inner: SharedKeys,
    fault: Fault,
    recorded: &Arc<Mutex<RecordedKeys>>,
) -> SharedKeys {
    match fault {
        Fault::Keys(fault) => Arc::new(BrokenKeys { inner, fault, recorded: Arc::clone(recorded) }),
        _ => inner,
    }
}

struct BrokenKeys {
    inner: SharedKeys,
    fault: KeyFault,
    recorded: Arc<Mutex<RecordedKeys>>,
}

impl BrokenKeys {
    async fn is_erased(&self, subject: SubjectHash) -> Result<bool, Error> {
        Ok(self.inner.erasures(false).await?.iter().any(|erasure| erasure.subject == subject))
    }

    fn recorded(&self, id: Uuid) -> Option<StoredKey> {
        self.recorded.lock().unwrap().keys.get(&id).cloned()
    }

    fn stored(&self, mut key: StoredKey) -> StoredKey {
        match self.fault {
            ComparesHalfOfSubjects => key.subject = half(key.subject),
            ChangesBytes => key.wrapped = String::from_utf8_lossy(&key.wrapped).into_owned().into_bytes(),
            _ => {}
        }
        key
    }
}

fn half(SubjectHash(mut bytes): SubjectHash) -> SubjectHash {
    bytes[16..].fill(0);
    SubjectHash(bytes)
}

#[async_trait::async_trait]
impl KeyStore for BrokenKeys {
    fn describe_keys(&self) -> String {
        format!("keys with the fault {:?}", self.fault)
    }

    async fn hash_key(&self, new: StoredKey) -> Result<StoredKey, Error> {
        match self.fault {
            ReplacesHashKey => Ok(new),
            ErasesHashKey => Ok(self.recorded.lock().unwrap().hash_key.get_or_insert(new).clone()),
            _ => self.inner.hash_key(new).await,
        }
    }

    async fn keys(&self, ids: &[Uuid]) -> Result<Vec<KeyState>, Error> {
        let mut states = self.inner.keys(ids).await?;
        for (state, id) in states.iter_mut().zip(ids) {
            match self.fault {
                RewrapChangesSubjects => {
                    let changed = self.recorded(*id).filter(|_| matches!(state, KeyState::Stored(_)));
                    changed.into_iter().for_each(|key| *state = KeyState::Stored(key));
                }
                ForgetsErasedKeys if *state == KeyState::Erased => *state = KeyState::Unknown,
                RestoresKeysOfReadmitted | RewrapStoresErasedKeys | AcceptsErasedKeys => {
                    let restored = self.recorded(*id).filter(|_| *state == KeyState::Erased);
                    restored.into_iter().for_each(|key| *state = KeyState::Stored(key));
                }
                _ => {}
            }
        }
        if self.fault == SortsResults {
            let mut sorted: Vec<_> = ids.iter().copied().zip(states).collect();
            sorted.sort_by_key(|(id, _)| *id);
            states = sorted.into_iter().map(|(_, state)| state).collect();
        }
        Ok(states)
    }

    async fn current_keys(&self, new: Vec<StoredKey>) -> Result<Vec<Option<StoredKey>>, Error> {
        let new: Vec<StoredKey> = new.into_iter().map(|key| self.stored(key)).collect();
        match self.fault {
            ReturnsPassedKeys => {
                self.inner.current_keys(new.clone()).await?;
                Ok(new.into_iter().map(Some).collect())
            }
            LooksForKeysBeforeStoring => {
                let known = self.inner.keys_after(Uuid::nil(), usize::MAX).await?;
                yield_now().await;
                let found = self.inner.current_keys(new.clone()).await?;
                let is_known = |key: &StoredKey| known.iter().any(|known| known.subject == key.subject);
                let results = new.into_iter().zip(found);
                Ok(results.map(|(new, found)| if is_known(&new) { found } else { Some(new) }).collect())
            }
            IgnoresRepeatedSubjects => {
                let found = self.inner.current_keys(new.clone()).await?;
                let fresh: Vec<_> = found.iter().flatten().filter(|key| new.contains(key)).cloned().collect();
                let results = new.into_iter().zip(found);
                let is_fresh = |new: &StoredKey| fresh.iter().any(|key| key.subject == new.subject);
                Ok(results.map(|(new, found)| if is_fresh(&new) { Some(new) } else { found }).collect())
            }
            ForgetsErasedSubjects => {
                for key in &new {
                    self.inner.readmit(key.subject).await?;
                }
                self.inner.current_keys(new).await
            }
            LooksForErasuresBeforeStoring => {
                let mut erased = Vec::new();
                for key in &new {
                    erased.push(self.is_erased(key.subject).await?);
                }
                yield_now().await;
                for (key, is_erased) in new.iter().zip(erased) {
                    if !is_erased {
                        self.inner.readmit(key.subject).await?;
                    }
                }
                self.inner.current_keys(new).await
            }
            AcceptsErasedKeys => match self.inner.current_keys(new.clone()).await {
                Ok(found) => Ok(found),
                Err(_) => {
                    let mut recorded = self.recorded.lock().unwrap();
                    recorded.keys.extend(new.iter().cloned().map(|key| (key.id, key)));
                    Ok(new.into_iter().map(Some).collect())
                }
            },
            _ => {
                let found = self.inner.current_keys(new).await?;
                if self.fault == RestoresKeysOfReadmitted {
                    let keys = found.iter().flatten().cloned().map(|key| (key.id, key));
                    self.recorded.lock().unwrap().keys.extend(keys);
                }
                Ok(found)
            }
        }
    }

    async fn keys_of(&self, subjects: &[SubjectHash]) -> Result<Vec<KeyState>, Error> {
        if self.fault == MakesKeysThatAreLookedFor {
            let new = subjects.iter().map(|subject| StoredKey {
                id: Uuid::now_v7(),
                subject: *subject,
                wrapped: Vec::new(),
                master: String::new(),
            });
            self.inner.current_keys(new.collect()).await?;
        }
        let mut found = self.inner.keys_of(subjects).await?;
        for (state, subject) in found.iter_mut().zip(subjects) {
            let recorded = &mut self.recorded.lock().unwrap().found;
            match self.fault {
                RemembersKeysOfSubjects => *state = recorded.entry(*subject).or_insert(state.clone()).clone(),
                FindsErasedSubjects if *state == KeyState::Erased => *state = KeyState::Unknown,
                _ => {}
            }
        }
        if self.fault == SortsKeysOfSubjects {
            let mut sorted: Vec<_> = subjects.iter().copied().zip(found).collect();
            sorted.sort_by_key(|(subject, _)| *subject);
            found = sorted.into_iter().map(|(_, state)| state).collect();
        }
        Ok(found)
    }

    async fn erase_and_readmit(&self, erasure: Erasure) -> Result<(), Error> {
        match self.fault {
            ReadmitsWithoutErasing => self.inner.readmit(erasure.subject).await.map(drop),
            ErasesWithoutReadmitting => self.inner.erase(erasure).await,
            ReadmitsAfterErasing => {
                let subject = erasure.subject;
                self.inner.erase(erasure).await?;
                yield_now().await;
                self.inner.readmit(subject).await.map(drop)
            }
            RecordsNoReadmittedErasure => {
                let hidden = Erasure { completed_at: Some(erasure.erased_at), ..erasure };
                self.inner.erase_and_readmit(hidden).await
            }
            _ => self.inner.erase_and_readmit(erasure).await,
        }
    }

    async fn erase(&self, mut erasure: Erasure) -> Result<(), Error> {
        let was_erased = self.is_erased(erasure.subject).await?;
        match self.fault {
            ComparesHalfOfSubjects => erasure.subject = half(erasure.subject),
            CountsOnlyNewErasures if was_erased => return Ok(()),
            RecordsRepeatedErasures => drop(self.inner.readmit(erasure.subject).await?),
            TruncatesTimes => {
                let millis = erasure.erased_at.as_micros().div_euclid(1_000);
                erasure.erased_at = Timestamp::from_micros(millis * 1_000);
            }
            ErasesHashKey => {
                let mut recorded = self.recorded.lock().unwrap();
                recorded.hash_key.take_if(|key| key.subject == erasure.subject);
            }
            _ => {}
        }
        self.inner.erase(erasure).await
    }

    async fn complete_erasure(&self, subject: SubjectHash, at: Timestamp) -> Result<(), Error> {
        if self.fault == CompletesAllErasures {
            for erasure in self.inner.erasures(true).await? {
                self.inner.complete_erasure(erasure.subject, at).await?;
            }
        }
        self.inner.complete_erasure(subject, at).await
    }

    async fn readmit(&self, subject: SubjectHash) -> Result<bool, Error> {
        let readmitted = self.inner.readmit(subject).await?;
        Ok(readmitted || self.fault == AlwaysReadmits)
    }

    async fn erasure_count(&self) -> Result<u64, Error> {
        self.inner.erasure_count().await
    }

    async fn erasures(&self, only_incomplete: bool) -> Result<Vec<Erasure>, Error> {
        let mut erasures =
            self.inner.erasures(only_incomplete && self.fault != ListsCompleteErasures).await?;
        if self.fault == ListsOldestErasuresFirst {
            erasures.reverse();
        }
        Ok(erasures)
    }

    async fn keys_after(&self, after: Uuid, limit: usize) -> Result<Vec<StoredKey>, Error> {
        let (after, limit) = match self.fault {
            ListIncludesAfter => (Uuid::from_u128(after.as_u128().saturating_sub(1)), limit),
            ListIgnoresLimit => (after, usize::MAX),
            _ => (after, limit),
        };
        let mut found = self.inner.keys_after(after, limit).await?;
        if self.fault == ListsOnlyKeysOfSubjects {
            found.retain(|key| key.subject != SubjectHash([0; 32]));
        }
        Ok(found)
    }

    async fn rewrap(&self, key: &StoredKey) -> Result<(), Error> {
        let is_hash_key = key.subject == SubjectHash([0; 32]);
        match self.fault {
            RewrapsNoHashKey if is_hash_key => return Ok(()),
            RewrapsSameMasterKey => {
                let other = StoredKey { master: format!("not {}", key.master), ..key.clone() };
                self.inner.rewrap(&other).await?;
            }
            RewrapChangesSubjects | RewrapStoresErasedKeys => {
                self.recorded.lock().unwrap().keys.insert(key.id, key.clone());
            }
            _ => {}
        }
        self.inner.rewrap(key).await
    }
}
