//! Snapshots: one for each aggregate and tag.

use std::collections::BTreeMap;

use annalist_core::{
    finding::{VerifyCursor, VerifyPage},
    record::Position,
    store::{Snapshot, SnapshotKey},
    tag::Tag,
};

/// Snapshots by aggregate and tag, each with the fingerprint of the code that folded its state.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(BTreeMap<(&'static str, String), (u64, Snapshot)>);

impl Snapshots {
    pub(crate) fn get(&self, key: &SnapshotKey) -> Option<Snapshot> {
        let (fingerprint, snapshot) = self.0.get(&entry_key(key))?;
        (*fingerprint == key.fingerprint).then(|| snapshot.clone())
    }

    /// The aggregates, tags and positions of the next snapshots of a verification, in their order.
    pub(crate) fn page(&self, after: &VerifyCursor) -> Vec<(String, String, Position)> {
        let last = match after.key.as_slice() {
            [aggregate, tag] => Some((aggregate.as_str(), tag.as_str())),
            _ => None,
        };
        let rest = self
            .0
            .iter()
            .skip_while(|((aggregate, tag), _)| last.is_some_and(|last| (*aggregate, tag.as_str()) <= last));
        let page = rest.map(|((aggregate, tag), (_, snapshot))| {
            ((*aggregate).to_owned(), tag.clone(), snapshot.position)
        });
        page.take(VerifyPage::MAX_ROWS as usize).collect()
    }

    /// Removes the snapshots of these ids, which are sorted.
    pub(crate) fn remove_tags(&mut self, ids: &[Tag]) {
        self.0.retain(|(_, tag), _| ids.binary_search_by(|id| id.as_str().cmp(tag)).is_err());
    }

    /// Removes all snapshots.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
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
