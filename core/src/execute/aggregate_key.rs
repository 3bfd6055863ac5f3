//! What identifies one aggregate of an app.

use std::{
    any::TypeId,
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState},
    sync::LazyLock,
};

use crate::{
    criteria::Item,
    dispatch::{AggregateVTable, SnapshotVTable},
    event::fnv_mix,
    store::{Read, SnapshotKey},
    tag::Tag,
};

/// The hash function of the process. It is random, so that users cannot choose many ids with one hash.
static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// An aggregate type and the tag of one of its aggregates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AggregateKey {
    pub(super) aggregate: TypeId,
    /// `None` if all events of the types belong to the aggregate.
    pub(super) tag: Option<Tag>,
    /// The hash of the other fields, because a command looks up its aggregate about ten times.
    hash: u64,
}

/// The fingerprint of snapshots by a program that knows these retags. States of before a retag may lack events that have the tag now.
pub(super) fn fingerprint_with(fingerprint: u64, retags: u64) -> u64 {
    if retags == 0 { fingerprint } else { fnv_mix(fingerprint, &retags.to_le_bytes()) }
}

impl Hash for AggregateKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// The hash function of maps by [`AggregateKey`]: it returns the hash that the key contains.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ContainedHash(u64);

/// Makes [`ContainedHash`] the hash function of a map.
pub(super) type BuildContainedHash = BuildHasherDefault<ContainedHash>;

impl Hasher for ContainedHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// Only for keys in tests, which contain no hash.
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    }
}

impl AggregateKey {
    pub(super) fn of(aggregate: TypeId, tag: Option<Tag>) -> Self {
        let hash = HASHES.hash_one((aggregate, &tag));
        Self { aggregate, tag, hash }
    }

    /// The aggregate that a read loads.
    pub(super) fn new(vtable: &AggregateVTable, read: &Read) -> Self {
        let tag = read.criteria.items().first().and_then(|item: &Item| item.tags().first());
        Self::of(vtable.aggregate, tag.cloned())
    }

    /// The key of its snapshot by a program that knows these retags, if the aggregate type has snapshots.
    pub(super) fn snapshot_key(&self, vtable: &AggregateVTable, retags: u64) -> Option<SnapshotKey> {
        let SnapshotVTable { name: aggregate, fingerprint, .. } = vtable.snapshots?;
        let fingerprint = fingerprint_with(fingerprint, retags);
        Some(SnapshotKey { aggregate, tag: self.tag.clone(), fingerprint })
    }

    /// The aggregate, for error messages; `aggregate` is the name of its Rust type.
    pub(super) fn describe(&self, aggregate: &str) -> String {
        match &self.tag {
            Some(tag) => format!("`{aggregate}` with the id `{tag}`"),
            None => format!("`{aggregate}`"),
        }
    }
}
