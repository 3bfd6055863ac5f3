//! Snapshots: one for each aggregate and tag.

use std::collections::HashMap;

use annalist_core::store::{Snapshot, SnapshotKey};

/// Snapshots by aggregate and tag, each with the fingerprint of the code that folded its state.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(HashMap<(&'static str, String), (u64, Snapshot)>);

impl Snapshots {
    pub(crate) fn get(&self, key: &SnapshotKey) -> Option<Snapshot> {
        let (fingerprint, snapshot) = self.0.get(&entry_key(key))?;
        (*fingerprint == key.fingerprint).then(|| snapshot.clone())
    }

    pub(crate) fn save(&mut self, key: &SnapshotKey, snapshot: &Snapshot) {
        if self.get(key).is_none_or(|stored| stored.position < snapshot.position) {
            self.0.insert(entry_key(key), (key.fingerprint, snapshot.clone()));
        }
    }
}

fn entry_key(key: &SnapshotKey) -> (&'static str, String) {
    (key.aggregate, key.tag_text().to_owned())
}
