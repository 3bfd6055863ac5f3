//! Snapshots: one of each aggregate and tag.

use std::collections::HashMap;

use annalist_core::store::{Snapshot, SnapshotKey};

/// By the name of the aggregate and the text of the tag; with the fingerprint of the code that made it.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(HashMap<(&'static str, String), (u64, Snapshot)>);

impl Snapshots {
    pub(crate) fn get(&self, key: &SnapshotKey) -> Option<Snapshot> {
        let (fingerprint, snapshot) = self.0.get(&place(key))?;
        (*fingerprint == key.fingerprint).then(|| snapshot.clone())
    }

    pub(crate) fn keep(&mut self, key: &SnapshotKey, snapshot: &Snapshot) {
        if self.get(key).is_none_or(|kept| kept.position < snapshot.position) {
            self.0.insert(place(key), (key.fingerprint, snapshot.clone()));
        }
    }
}

fn place(key: &SnapshotKey) -> (&'static str, String) {
    (key.aggregate, key.tag_text().to_owned())
}
