//! A key store that fails, is held at a call, and counts its calls.

use std::{
    collections::HashMap,
    future::pending,
    pin::Pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use annalist::{
    Error, Timestamp,
    keys::{Erasure, KeyState, KeyStore, SharedKeys, StoredKey, SubjectHash},
};
use tokio::sync::Semaphore;
use uuid::Uuid;

type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A key store that can be made unavailable, or held at a call.
pub(crate) struct FaultyKeys {
    inner: SharedKeys,
    is_down: AtomicBool,
    /// How often each call was made, by its name.
    counts: Mutex<HashMap<&'static str, usize>>,
    /// The name of the call that never returns, and its number from 1 on.
    held: Mutex<Option<(String, usize)>>,
    reached: Semaphore,
    /// What happens between the next look-up of keys and its result.
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl FaultyKeys {
    pub(crate) fn new(inner: SharedKeys) -> Self {
        let (is_down, reached) = (AtomicBool::new(false), Semaphore::new(0));
        Self {
            inner,
            is_down,
            counts: Mutex::default(),
            held: Mutex::default(),
            reached,
            meanwhile: Mutex::default(),
        }
    }

    pub(crate) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// Holds a call for ever before it is executed: the first one with this name from now on, or with `name:2` the second one.
    #[allow(dead_code, reason = "only one of the programs with this module uses it")]
    pub(crate) fn hold(&self, call: &str) {
        let (name, number) = call.split_once(':').unwrap_or((call, "1"));
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((name.to_owned(), number.parse().unwrap()));
    }

    /// Waits until a call is held.
    #[allow(dead_code, reason = "only one of the programs with this module uses it")]
    pub(crate) async fn until_reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    /// How often a call was made.
    #[allow(dead_code, reason = "only one of the programs with this module uses it")]
    pub(crate) fn count(&self, name: &'static str) -> usize {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or_default()
    }

    /// Does something after the next look-up of the keys of subjects, before its caller gets them.
    pub(crate) fn after_next_lookup(&self, meanwhile: impl Future<Output = ()> + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::pin(meanwhile));
    }

    async fn check(&self, name: &'static str) -> Result<(), Error> {
        let count = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(name).or_default();
            *count += 1;
            *count
        };
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if held.is_some_and(|(held, number)| held == name && number == count) {
            self.reached.add_permits(1);
            pending::<()>().await;
        }
        match self.is_down.load(Ordering::SeqCst) {
            true => Err(Error::unavailable("use the keys", "the key store is down")),
            false => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl KeyStore for FaultyKeys {
    fn describe_keys(&self) -> String {
        self.inner.describe_keys()
    }

    async fn hash_key(&self, new: StoredKey) -> Result<StoredKey, Error> {
        self.check("hash_key").await?;
        self.inner.hash_key(new).await
    }

    async fn keys(&self, ids: &[Uuid]) -> Result<Vec<KeyState>, Error> {
        self.check("keys").await?;
        self.inner.keys(ids).await
    }

    async fn current_keys(&self, new: Vec<StoredKey>) -> Result<Vec<Option<StoredKey>>, Error> {
        self.check("current_keys").await?;
        self.inner.current_keys(new).await
    }

    async fn keys_of(&self, subjects: &[SubjectHash]) -> Result<Vec<KeyState>, Error> {
        self.check("keys_of").await?;
        let found = self.inner.keys_of(subjects).await?;
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
        Ok(found)
    }

    async fn erase_and_readmit(&self, erasure: Erasure) -> Result<(), Error> {
        self.check("erase_and_readmit").await?;
        self.inner.erase_and_readmit(erasure).await
    }

    async fn erase(&self, erasure: Erasure) -> Result<(), Error> {
        self.check("erase").await?;
        self.inner.erase(erasure).await
    }

    async fn complete_erasure(&self, subject: SubjectHash, at: Timestamp) -> Result<(), Error> {
        self.check("complete_erasure").await?;
        self.inner.complete_erasure(subject, at).await
    }

    async fn readmit(&self, subject: SubjectHash) -> Result<bool, Error> {
        self.check("readmit").await?;
        self.inner.readmit(subject).await
    }

    async fn erasure_count(&self) -> Result<u64, Error> {
        self.check("erasure_count").await?;
        self.inner.erasure_count().await
    }

    async fn erasures(&self, only_incomplete: bool) -> Result<Vec<Erasure>, Error> {
        self.check("erasures").await?;
        self.inner.erasures(only_incomplete).await
    }

    async fn keys_after(&self, after: Uuid, limit: usize) -> Result<Vec<StoredKey>, Error> {
        self.check("keys_after").await?;
        self.inner.keys_after(after, limit).await
    }

    async fn rewrap(&self, key: &StoredKey) -> Result<(), Error> {
        self.check("rewrap").await?;
        self.inner.rewrap(key).await
    }
}
