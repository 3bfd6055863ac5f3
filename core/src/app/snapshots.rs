//! States that are kept beside the log. They spare time: what goes wrong with one is told to the operator, and the log is read.

use super::{
    App,
    execute::guard,
    states::{Instance, Remembered},
};
use crate::{
    dispatch::{Folded, Kind},
    error::Error,
    position::Position,
    store::{Marker, Snapshot, SnapshotKey},
};

impl App {
    /// The state that was kept of an aggregate, if this code can go on from it.
    pub(super) async fn kept(&self, kind: Kind, instance: &Instance) -> Option<Remembered> {
        let key = instance.snapshot_key(&kind)?;
        let read = self
            .inner
            .store
            .snapshot(&key)
            .await
            .and_then(|found| found.map(|found| read(kind, found)).transpose());
        read.unwrap_or_else(|error| {
            tracing::warn!(aggregate = key.aggregate, tag = key.tag_text(), %error, "the snapshot cannot be read; the events are");
            None
        })
    }

    /// Keeps a state if it is due. Nobody waits for it.
    pub(super) fn keep_if_due(&self, instance: &Instance, remembered: &mut Remembered) {
        let Remembered { state, marker } = remembered;
        let position = marker.settled();
        if marker.above() > 0 || position == Position::START {
            return;
        }
        let Some(key) = instance.snapshot_key(&state.kind) else { return };
        let state = match guard(key.aggregate, || state.due().transpose()) {
            Ok(Some(state)) => state,
            Ok(None) => return,
            Err(error) => return not_kept(&key, &error),
        };
        let store = self.inner.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.keep_snapshot(&key, &Snapshot { position, state }).await {
                not_kept(&key, &error);
            }
        });
    }
}

fn read(kind: Kind, Snapshot { position, state }: Snapshot) -> Result<Remembered, Error> {
    let state = guard("a state's Deserialize", || Folded::kept(kind, &state))?;
    Ok(Remembered { state, marker: Marker::new(position, 0) })
}

fn not_kept(key: &SnapshotKey, error: &Error) {
    tracing::warn!(aggregate = key.aggregate, tag = key.tag_text(), %error, "the snapshot is not kept");
}
