//! What identifies one aggregate of an app.

use std::any::TypeId;

use crate::{
    criteria::Item,
    dispatch::{AggregateVTable, SnapshotVTable},
    store::{Read, SnapshotKey},
    tag::Tag,
};

/// An aggregate type and the tag of one of its aggregates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AggregateKey {
    pub(super) aggregate: TypeId,
    /// `None` if all events of the types belong to the aggregate.
    pub(super) tag: Option<Tag>,
}

impl AggregateKey {
    /// The aggregate that a read loads.
    pub(super) fn new(vtable: &AggregateVTable, read: &Read) -> Self {
        let tag = read.criteria.items().first().and_then(|item: &Item| item.tags().first());
        Self { aggregate: vtable.aggregate, tag: tag.cloned() }
    }

    /// The key of its snapshot, if the aggregate type has snapshots.
    pub(super) fn snapshot_key(&self, vtable: &AggregateVTable) -> Option<SnapshotKey> {
        let SnapshotVTable { name: aggregate, fingerprint, .. } = vtable.snapshots?;
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
