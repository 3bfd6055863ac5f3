//! The keys of subjects: with them the secrets of events are encrypted, and without them they are forgotten.
//!
//! | type | what it is |
//! |---|---|
//! | [`KeyStore`] | where the keys are stored: beside the log, or elsewhere |
//! | `MasterKey` | what the stored keys are encrypted with |
//! | `KeyRing` | the keys that a process uses |
//! | `SealedStore` | an event store whose secrets are encrypted at rest |
//! | `SealedRows` | a row store whose secrets are encrypted at rest |

#[cfg(feature = "secrets")]
mod forgotten_rows;
#[cfg(feature = "secrets")]
mod key_ring;
#[cfg(feature = "secrets")]
mod master_key;
#[cfg(feature = "secrets")]
mod sealed_reads;
#[cfg(feature = "secrets")]
mod sealed_rejections;
#[cfg(feature = "secrets")]
mod sealed_rows;
#[cfg(feature = "secrets")]
mod sealed_store;
#[cfg(feature = "secrets")]
mod sealed_tags;
#[cfg(feature = "secrets")]
mod stored_events;

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

#[cfg(feature = "secrets")]
pub use self::{
    key_ring::KeyRing,
    master_key::{LocalMasterKey, MasterKey},
};
#[cfg(feature = "secrets")]
pub(crate) use self::{
    key_ring::MAX_STALENESS, sealed_rows::SealedRows, sealed_store::SealedStore, stored_events::KnownErasures,
};
use crate::{error::Error, time::Timestamp};

/// A subject in a key store: a keyed hash, so that the store does not show which subjects there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectHash(pub [u8; 32]);

/// A key of a subject as it is stored: encrypted with a master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The id of the key, which is part of everything that is encrypted with it.
    pub id: Uuid,
    /// The subject.
    pub subject: SubjectHash,
    /// The key, encrypted.
    pub wrapped: Vec<u8>,
    /// The name of the master key that it is encrypted with.
    pub master: String,
}

impl StoredKey {
    /// The error of [`KeyStore::current_keys`] for a key that cannot be stored.
    pub fn erased_error(operation: String) -> Error {
        let reason = "a subject was erased and readmitted meanwhile, or a new key has the id of an erased one; repeat the call";
        Error::unavailable(operation, reason)
    }
}

/// The state of a key in its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// The key.
    Stored(StoredKey),
    /// The key was erased, and is never accepted again.
    Erased,
    /// There was never such a key here.
    Unknown,
}

/// The record of an erasure. It does not name the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The subject.
    pub subject: SubjectHash,
    /// The person or program that asked for it, if named.
    pub actor: Option<String>,
    /// When the keys were erased.
    pub erased_at: Timestamp,
    /// When every copy was erased, too; `None` while that is not complete.
    pub completed_at: Option<Timestamp>,
}

/// A store of the keys of subjects. It may be that of the log, or another database, so that a backup of the events is no backup of the
/// keys.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// Returns the kind and the location of the store, for messages.
    fn describe_keys(&self) -> String;

    /// Returns the key of the keyed hashes of subjects. If there is none, the passed one is stored and returned.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn hash_key(&self, new: StoredKey) -> Result<StoredKey, Error>;

    /// Returns the state of each key, in the order of the ids.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn keys(&self, ids: &[Uuid]) -> Result<Vec<KeyState>, Error>;

    /// Returns the current key of each subject, in their order, and `None` for an erased subject. For a subject without a key the passed
    /// one is stored; of two callers that pass one, both get that of the first. No caller gets an erased key.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a passed key has the id of an erased one: see [`StoredKey::erased_error`]; another [`Error`] if the store
    /// fails.
    async fn current_keys(&self, new: Vec<StoredKey>) -> Result<Vec<Option<StoredKey>>, Error>;

    /// Returns what there is for each subject, in their order: its current key, [`KeyState::Erased`] for an erased subject, and
    /// [`KeyState::Unknown`] for one without a key. Stores nothing.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn keys_of(&self, subjects: &[SubjectHash]) -> Result<Vec<KeyState>, Error>;

    /// Marks a subject as erased and removes its keys, in one transaction. From then on [`current_keys`](Self::current_keys) has no key for
    /// it, and [`keys`](Self::keys) returns [`KeyState::Erased`] for each of its keys, even if a row of one is restored.
    /// Repeats are permitted: the first time and actor remain.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn erase(&self, erasure: Erasure) -> Result<(), Error>;

    /// As [`erase`](Self::erase) and [`readmit`](Self::readmit) in one transaction: the keys are erased, and the subject may have new ones. A
    /// repeat is another erasure, with a record of its own.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn erase_and_readmit(&self, erasure: Erasure) -> Result<(), Error>;

    /// Marks the erasure of a subject as complete.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn complete_erasure(&self, subject: SubjectHash, at: Timestamp) -> Result<(), Error>;

    /// Permits new keys for an erased subject. Its erased keys remain erased. Returns `false` if the subject is not erased.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn readmit(&self, subject: SubjectHash) -> Result<bool, Error>;

    /// Returns the number of calls that have erased a subject: a process that sees it grow discards its keys and copies.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn erasure_count(&self) -> Result<u64, Error>;

    /// Returns the erasures, the newest first: all, or the incomplete ones.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn erasures(&self, only_incomplete: bool) -> Result<Vec<Erasure>, Error>;

    /// Returns at most `limit` keys whose ids are greater than `after`, in their order, with the key of the hashes.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn keys_after(&self, after: Uuid, limit: usize) -> Result<Vec<StoredKey>, Error>;

    /// Replaces the encrypted bytes of a key, if it is still encrypted with another master key. Does nothing for an erased key.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn rewrap(&self, key: &StoredKey) -> Result<(), Error>;
}

/// A shared store of keys.
pub type SharedKeys = Arc<dyn KeyStore>;
