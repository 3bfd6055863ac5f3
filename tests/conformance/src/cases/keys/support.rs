//! Keys and subjects of the cases.

use std::{ops::Deref, panic::Location};

use annalist_core::{
    keys::{Erasure, KeyState, KeyStore, SharedKeys, StoredKey, SubjectHash},
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    Failure,
    failure::{Outcome, located},
    support::{handle::Handle, log::Log},
};

/// The key store of a handle.
#[derive(Clone)]
pub(super) struct Keys(SharedKeys);

impl Deref for Keys {
    type Target = dyn KeyStore;

    fn deref(&self) -> &(dyn KeyStore + 'static) {
        &*self.0
    }
}

impl Keys {
    pub(super) fn of(handle: &Handle) -> Outcome<Self> {
        let keys = handle.key_store();
        keys.map(Self).ok_or_else(|| Failure::new("`key_store()` must return the same store each time"))
    }

    /// The key stores of this many handles to a log.
    pub(super) async fn of_handles(log: &Log, count: usize) -> Outcome<Vec<Self>> {
        log.handles(count).await?.iter().map(Self::of).collect()
    }

    /// The current key of one subject.
    pub(super) async fn current(&self, new: &StoredKey) -> Outcome<Option<StoredKey>> {
        let mut found = self.current_keys(vec![new.clone()]).await?;
        ensure_eq!(found.len(), 1, "number of current keys of one subject");
        Ok(found.remove(0))
    }

    /// Passes a key and expects that it becomes the current one.
    #[track_caller]
    pub(super) fn expect_added(&self, new: &StoredKey) -> impl Future<Output = Outcome> {
        self.expect_current(new, Some(new))
    }

    /// Passes a key and expects this current one.
    #[track_caller]
    pub(super) fn expect_current(
        &self,
        new: &StoredKey,
        expected: Option<&StoredKey>,
    ) -> impl Future<Output = Outcome> {
        located(Location::caller(), async move {
            ensure_eq!(self.current(new).await?.as_ref(), expected, "current key");
            Ok(())
        })
    }

    #[track_caller]
    pub(super) fn expect_state(&self, id: Uuid, expected: KeyState) -> impl Future<Output = Outcome> {
        located(Location::caller(), async move {
            ensure_eq!(self.keys(&[id]).await?, [expected], "state of a key");
            Ok(())
        })
    }
}

/// A key with a number, of the subject with a number.
pub(super) fn new_key(id: u64, of: u64) -> StoredKey {
    key_of(id, subject(of))
}

pub(super) fn key_of(id: u64, subject: SubjectHash) -> StoredKey {
    let wrapped = [b"key ", &id.to_be_bytes()[..]].concat();
    StoredKey { id: key_id(id), subject, wrapped, master: "first".to_owned() }
}

/// An id that is greater than those of smaller numbers.
pub(super) fn key_id(number: u64) -> Uuid {
    Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

pub(super) fn subject(number: u64) -> SubjectHash {
    let mut bytes = [0x5a; 32];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    SubjectHash(bytes)
}

/// An erasure that begins at this second.
pub(super) fn erasure(of: u64, second: i64) -> Erasure {
    Erasure { subject: subject(of), actor: None, erased_at: at(second), completed_at: None }
}

/// A time that is not a whole millisecond.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_769_860_800_000_001 + second * 1_000_000)
}
