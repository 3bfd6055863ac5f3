//! The keys that a process uses.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::{sync::OnceCell, time::timeout};
use uuid::Uuid;

use super::{Erasure, KeyState, KeyStore, MasterKey, StoredKey, SubjectHash, sealed_tags::SealedTags};
use crate::{
    error::{Error, Invalid},
    message_id::new_message_id,
    secret::CipherKey,
    tag::Tag,
    time::Timestamp,
};

/// How long a process uses its copies of keys before it asks whether a subject was erased meanwhile.
pub(crate) const MAX_STALENESS: Duration = Duration::from_secs(1);
/// How many keys are cached, apart from the last ones that were added together.
const MAX_CACHED: usize = 100_000;
/// How many keys are read at once to encrypt them with another master key.
const REWRAPPED_AT_ONCE: usize = 1_000;

/// The keys of subjects, from a store and decrypted by a master key. It caches them, for a second at most without asking whether a
/// subject was erased.
pub struct KeyRing {
    store: Arc<dyn KeyStore>,
    master: Arc<dyn MasterKey>,
    hash_key: OnceCell<CipherKey>,
    cached: Mutex<Cached>,
    /// Grows when a subject is forgotten: what was decrypted before is to be discarded.
    generation: AtomicU32,
}

#[derive(Default)]
struct Cached {
    /// When the number of erasures was read last, and the number.
    checked: Option<(Instant, u64)>,
    current: HashMap<SubjectHash, (Uuid, CipherKey)>,
    /// `None` for an erased key.
    by_id: HashMap<Uuid, Option<CipherKey>>,
}

impl Cached {
    /// Adds keys: those of one page or one batch. If there are too many, it first discards the others.
    fn add(&mut self, change: impl FnOnce(&mut Self)) {
        if self.by_id.len() >= MAX_CACHED || self.current.len() >= MAX_CACHED {
            (self.by_id, self.current) = (HashMap::new(), HashMap::new());
        }
        change(self);
    }
}

impl KeyRing {
    /// The keys of a store, encrypted with a master key.
    pub fn new(store: Arc<dyn KeyStore>, master: impl MasterKey) -> Self {
        Self {
            store,
            master: Arc::new(master),
            hash_key: OnceCell::new(),
            cached: Mutex::default(),
            generation: AtomicU32::new(0),
        }
    }

    /// The store of the keys.
    pub(crate) fn store(&self) -> &Arc<dyn KeyStore> {
        &self.store
    }

    /// The keyed hash of a subject.
    ///
    /// # Errors
    /// [`Error`] if the key store or the master key fails.
    pub(crate) async fn hash(&self, subject: &Tag) -> Result<SubjectHash, Error> {
        let key = self.hash_key.get_or_try_init(|| self.load_hash_key()).await?;
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.bytes());
        let mac =
            mac.map_err(|_| Error::unusable("hash a subject", "the key of the hashes has a wrong length"))?;
        Ok(SubjectHash(mac.chain_update(subject.as_str()).finalize().into_bytes().into()))
    }

    /// The current key of each subject, with its id; keys that do not exist are made.
    ///
    /// # Errors
    /// [`Invalid::SubjectForgotten`] if one of them is erased; another [`Error`] if the key store or the master key fails.
    pub(crate) async fn current(&self, subjects: &[Tag]) -> Result<Vec<(Uuid, CipherKey)>, Error> {
        let erasures = self.discard_erased().await?;
        let mut hashes = Vec::with_capacity(subjects.len());
        for subject in subjects {
            hashes.push(self.hash(subject).await?);
        }
        let mut missing: Vec<SubjectHash> = {
            let cached = self.cached();
            hashes.iter().copied().filter(|hash| !cached.current.contains_key(hash)).collect()
        };
        missing.sort_unstable();
        missing.dedup();
        let mut found = self.load_current(missing, erasures).await?;
        let cached = self.cached();
        let key = |hash| found.get(hash).or_else(|| cached.current.get(hash)).cloned();
        let keys: Option<Vec<_>> = hashes.iter().map(key).collect();
        drop(cached);
        found.clear();
        // Another task has discarded them meanwhile.
        keys.ok_or_else(|| Error::unavailable("load the keys of subjects", "a subject is being forgotten"))
    }

    /// The current key of each subject: `None` for a subject that never had one, or was readmitted and has none yet. Makes no keys.
    ///
    /// # Errors
    /// [`Invalid::SubjectForgotten`] if one of them is erased; another [`Error`] if the key store or the master key fails.
    pub(crate) async fn find(&self, subjects: &[Tag]) -> Result<Vec<Option<CipherKey>>, Error> {
        let erasures = self.discard_erased().await?;
        let (mut keys, mut missing) = (Vec::with_capacity(subjects.len()), Vec::new());
        for (index, subject) in subjects.iter().enumerate() {
            let hash = self.hash(subject).await?;
            let cached = self.cached().current.get(&hash).map(|(_, key)| key.clone());
            if cached.is_none() {
                missing.push((index, hash));
            }
            keys.push(cached);
        }
        if missing.is_empty() {
            return Ok(keys);
        }
        let hashes: Vec<SubjectHash> = missing.iter().map(|(_, hash)| *hash).collect();
        for ((index, hash), state) in missing.into_iter().zip(self.store.keys_of(&hashes).await?) {
            let stored = match state {
                KeyState::Stored(stored) => stored,
                KeyState::Erased => return Err(Invalid::SubjectForgotten.into()),
                KeyState::Unknown => continue,
            };
            let key = self.unwrap(&stored).await?;
            self.cache(erasures, |cached| {
                cached.current.insert(hash, (stored.id, key.clone()));
                cached.by_id.insert(stored.id, Some(key.clone()));
            });
            keys[index] = Some(key);
        }
        Ok(keys)
    }

    /// Ids, some of which are personal, as the log has them. Makes the keys that do not exist.
    ///
    /// # Errors
    /// As [`current`](Self::current).
    pub(crate) async fn stored_tags(&self, ids: &[Tag]) -> Result<Vec<Tag>, Error> {
        let secret: Vec<Tag> = ids.iter().filter(|id| id.is_secret()).cloned().collect();
        let keys = self.current(&secret).await?;
        let keys = secret.iter().zip(keys.iter().map(|(_, key)| Some(key)));
        Ok(SealedTags::of(keys)?.seal_all(ids))
    }

    /// The keys with these ids: `None` for an erased one.
    ///
    /// # Errors
    /// [`Error::Unusable`] if a key is unknown; another [`Error`] if the key store or the master key fails.
    pub(crate) async fn by_id(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Option<CipherKey>>, Error> {
        let erasures = self.discard_erased().await?;
        let mut keys: HashMap<Uuid, Option<CipherKey>> = HashMap::new();
        let mut missing = Vec::new();
        {
            let cached = self.cached();
            for id in ids {
                match cached.by_id.get(id) {
                    Some(key) => drop(keys.insert(*id, key.clone())),
                    None => missing.push(*id),
                }
            }
        }
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(keys);
        }
        let states = self.store.keys(&missing).await?;
        let mut loaded = Vec::with_capacity(missing.len());
        for (id, state) in missing.into_iter().zip(states) {
            let key = match state {
                KeyState::Stored(stored) => Some(self.unwrap(&stored).await?),
                KeyState::Erased => None,
                KeyState::Unknown => return Err(self.unknown(id)),
            };
            loaded.push((id, key));
        }
        self.cache(erasures, |cached| cached.by_id.extend(loaded.iter().cloned()));
        keys.extend(loaded);
        Ok(keys)
    }

    /// Grows when a subject is forgotten.
    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    /// Erases a subject. With `readmits` it may have new keys at once.
    ///
    /// # Errors
    /// [`Error`] if the key store fails.
    pub(crate) async fn erase(&self, erasure: Erasure, readmits: bool) -> Result<(), Error> {
        let erased = match readmits {
            true => self.store.erase_and_readmit(erasure).await,
            false => self.store.erase(erasure).await,
        };
        // Also after an error: the subject may be erased.
        self.discard();
        erased
    }

    /// Permits new secrets of an erased subject.
    ///
    /// # Errors
    /// [`Error`] if the key store or the master key fails.
    pub(crate) async fn readmit(&self, subject: &Tag) -> Result<bool, Error> {
        let subject = self.hash(subject).await?;
        self.store.readmit(subject).await
    }

    /// Erases the key of a subject, and permits a new one.
    ///
    /// # Errors
    /// [`Error`] if the key store or the master key fails.
    pub(crate) async fn replace(&self, subject: &Tag, at: Timestamp) -> Result<(), Error> {
        let subject = self.hash(subject).await?;
        self.erase(Erasure { subject, actor: None, erased_at: at, completed_at: Some(at) }, true).await
    }

    /// Encrypts each key that an older master key has encrypted with the current one. Returns their number.
    ///
    /// # Errors
    /// [`Error`] if the key store or the master key fails.
    pub(crate) async fn rewrap(&self) -> Result<u64, Error> {
        let (mut after, mut count) = (Uuid::nil(), 0);
        loop {
            let page = self.store.keys_after(after, REWRAPPED_AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = last.id;
            for stored in page.iter().filter(|stored| stored.master != self.master.name()) {
                let key = self.unwrap(stored).await?;
                self.store.rewrap(&self.wrap(stored.id, stored.subject, &key).await?).await?;
                count += 1;
            }
        }
    }

    fn discard(&self) {
        let mut cached = self.cached();
        *cached = Cached::default();
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Discards the copies of keys if a subject was erased since they were loaded. Returns the number of erasures.
    ///
    /// # Errors
    /// [`Error`] if the key store fails.
    pub(crate) async fn discard_erased(&self) -> Result<u64, Error> {
        let checked = self.cached().checked;
        if let Some((at, count)) = checked
            && at.elapsed() < MAX_STALENESS
        {
            return Ok(count);
        }
        let at = Instant::now();
        let count = self.store.erasure_count().await?;
        let mut cached = self.cached();
        if cached.checked.is_some_and(|(_, before)| before != count) {
            *cached = Cached::default();
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
        cached.checked = Some((at, count));
        Ok(count)
    }

    /// As [`discard_erased`](Self::discard_erased). If the key store does not answer within [`MAX_STALENESS`], all copies are discarded,
    /// because a subject may have been erased.
    pub(crate) async fn discard_stale(&self) {
        if let Ok(Ok(_)) = timeout(MAX_STALENESS, self.discard_erased()).await {
            return;
        }
        let mut cached = self.cached();
        if cached.checked.is_some() {
            *cached = Cached::default();
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    async fn load_current(
        &self,
        missing: Vec<SubjectHash>,
        erasures: u64,
    ) -> Result<HashMap<SubjectHash, (Uuid, CipherKey)>, Error> {
        if missing.is_empty() {
            return Ok(HashMap::new());
        }
        let mut new = Vec::with_capacity(missing.len());
        for subject in &missing {
            new.push(self.new_key(*subject).await?);
        }
        let mut found = HashMap::new();
        for stored in self.store.current_keys(new).await? {
            let stored = stored.ok_or(Invalid::SubjectForgotten)?;
            found.insert(stored.subject, (stored.id, self.unwrap(&stored).await?));
        }
        self.cache(erasures, |cached| {
            cached.current.extend(found.iter().map(|(subject, key)| (*subject, key.clone())));
            cached.by_id.extend(found.values().map(|(id, key)| (*id, Some(key.clone()))));
        });
        Ok(found)
    }

    /// Changes the cache, unless a subject was erased since this number of erasures was read.
    fn cache(&self, erasures: u64, change: impl FnOnce(&mut Cached)) {
        let mut cached = self.cached();
        if cached.checked.is_some_and(|(_, count)| count == erasures) {
            cached.add(change);
        }
    }

    async fn load_hash_key(&self) -> Result<CipherKey, Error> {
        let new = self.new_key(SubjectHash([0; 32])).await?;
        self.unwrap(&self.store.hash_key(new).await?).await
    }

    async fn new_key(&self, subject: SubjectHash) -> Result<StoredKey, Error> {
        let key = CipherKey::random().map_err(|reason| Error::unavailable("make a key", reason))?;
        self.wrap(new_message_id(), subject, &key).await
    }

    async fn wrap(&self, id: Uuid, subject: SubjectHash, key: &CipherKey) -> Result<StoredKey, Error> {
        let wrapped = self.master.wrap(&context(id, subject), key.bytes()).await?;
        Ok(StoredKey { id, subject, wrapped, master: self.master.name().to_owned() })
    }

    async fn unwrap(&self, stored: &StoredKey) -> Result<CipherKey, Error> {
        let StoredKey { id, subject, wrapped, master } = stored;
        let bytes = self.master.unwrap(&context(*id, *subject), master, wrapped).await?;
        Ok(CipherKey::new(*bytes))
    }

    fn unknown(&self, id: Uuid) -> Error {
        Error::unusable(
            format!("load the key {id} from the {}", self.store.describe_keys()),
            "it has no such key, and has not erased it: it is another key store, or was restored from an older copy",
        )
    }

    fn cached(&self) -> MutexGuard<'_, Cached> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("store", &self.store.describe_keys()).finish_non_exhaustive()
    }
}

/// Which key is encrypted.
fn context(id: Uuid, subject: SubjectHash) -> Vec<u8> {
    [b"annalist key", &id.as_bytes()[..], &subject.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_keys_are_bounded() {
        const PAGE: usize = 1_000;
        let mut cached = Cached::default();
        for page in 0..MAX_CACHED * 3 / PAGE {
            let ids = (page * PAGE..(page + 1) * PAGE).map(|number| Uuid::from_u128(number as u128));
            cached.add(|cached| cached.by_id.extend(ids.map(|id| (id, None))));
            assert!((1..=MAX_CACHED + PAGE).contains(&cached.by_id.len()), "{}", cached.by_id.len());
        }
    }
}
