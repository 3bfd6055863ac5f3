//! Snapshots of the states of an aggregate.

use std::{any::type_name, fmt};

use serde::{Serialize, de::DeserializeOwned};

use super::Aggregate;
use crate::{error::Invalid, event::fnv_mix, payload::Payload};

/// How snapshots of an aggregate are saved, so that a long history is not folded each time. Generated from
/// `snapshot(every = 100)`.
pub struct Snapshots<A> {
    pub(crate) name: &'static str,
    pub(crate) every: u32,
    pub(crate) fingerprint: u64,
    pub(crate) encode: fn(&A) -> Result<Payload, Invalid>,
    pub(crate) decode: fn(&Payload) -> Result<A, Invalid>,
}

impl<A: Aggregate + Serialize + DeserializeOwned> Snapshots<A> {
    /// Saves a snapshot under a name after every `every` folded events. It is loaded only by code with the same `version` and
    /// `shape` that folds the same event types.
    pub const fn new(name: &'static str, every: u32, version: u32, shape: u64) -> Self {
        let mut fingerprint = fnv_mix(shape, &version.to_le_bytes());
        let mut i = 0;
        while i < A::EVENTS.len() {
            fingerprint = A::EVENTS[i].hash_into(fingerprint);
            i += 1;
        }
        Self {
            name,
            every,
            fingerprint,
            encode: |state| Payload::encode(type_name::<A>(), state),
            decode: |state| serde_json::from_str(state.as_str()).map_err(Invalid::NotJson),
        }
    }
}

impl<A> Snapshots<A> {
    /// Hash of everything a state depends on besides its events: its fields, the names of the event types that are folded, and the
    /// version.
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl<A> Clone for Snapshots<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Snapshots<A> {}

impl<A> fmt::Debug for Snapshots<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots")
            .field("name", &self.name)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}
