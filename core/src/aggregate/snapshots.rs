//! Snapshots of the states of an aggregate.

use std::{any::type_name, fmt};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::Aggregate;
use crate::{
    codec::{Codec, encode_readable},
    error::Invalid,
    event::fnv_mix,
    limits::refuse,
    payload::{Payload, from_json},
};

/// How snapshots of an aggregate are saved, so that a long history is not folded each time. Generated from
/// `snapshot(every = 100)`.
pub struct Snapshots<A> {
    pub(crate) name: &'static str,
    pub(crate) every: u32,
    pub(crate) version: u32,
    pub(crate) fingerprint: u64,
    pub(crate) encode: fn(&A) -> Result<Payload, Invalid>,
    pub(crate) decode: fn(&Payload) -> Result<A, Invalid>,
}

impl<A: Aggregate + Serialize + DeserializeOwned> Snapshots<A> {
    /// Saves a snapshot under a name after every `every` folded events. It is loaded only by code with the same `version` and
    /// `shape` that folds the same versions of the same event types, and reads back the same state from it.
    ///
    /// `module` is the Rust module of the aggregate: programs with different aggregates of one name do not load each other's
    /// snapshots.
    pub const fn new(name: &'static str, every: u32, version: u32, shape: u64, module: &str) -> Self {
        let mut fingerprint = fnv_mix(fnv_mix(shape, &version.to_le_bytes()), module.as_bytes());
        let mut i = 0;
        while i < A::EVENTS.len() {
            fingerprint = A::EVENTS[i].hash_into(fingerprint);
            i += 1;
        }
        Self { name, every, version, fingerprint, encode: encode::<A>, decode: decode::<A> }
    }
}

/// A state as it is saved.
#[derive(Deserialize)]
struct Saved<A> {
    /// The fingerprint of the state, by the types that it had when it was saved.
    fingerprint: Uuid,
    state: A,
}

/// Encodes a state, unless it could not be read back.
fn encode<A: Serialize + DeserializeOwned>(state: &A) -> Result<Payload, Invalid> {
    let name = type_name::<A>();
    let (json, fingerprint) = (encode_readable(name, state)?, Codec::fingerprint(name, state)?);
    from_json(name, Ok(format!(r#"{{"fingerprint":"{fingerprint}","state":{json}}}"#)))
}

/// Decodes a state, unless it has another fingerprint than the one that was saved: a type inside of it was another one then, with
/// fields that this code would not have left as they are.
fn decode<A: Serialize + DeserializeOwned>(saved: &Payload) -> Result<A, Invalid> {
    let Saved { fingerprint, state } = serde_json::from_str(saved.as_str()).map_err(Invalid::NotJson)?;
    if Codec::fingerprint(type_name::<A>(), &state)? == fingerprint {
        return Ok(state);
    }
    let rule = "a type inside of it has changed since it was saved; the state is folded from its events";
    Err(refuse("snapshot of", type_name::<A>(), rule))
}

impl<A> Snapshots<A> {
    /// Hash of everything a state depends on besides its events: its fields and module, the names and versions of the event types that
    /// are folded, and the version.
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
