//! States that are kept beside the log. They spare time: if something is wrong with one, the operator is told, and the
//! events are read.

use super::{
    App,
    states::{Instance, Remembered},
};
use crate::{
    aggregate::Aggregate,
    dispatch::{Folded, Kind},
    error::{Error, Invalid},
    panics::run_user_code,
    payload::Payload,
    position::Position,
    store::{Marker, Snapshot, SnapshotKey},
    tag::Tag,
};

impl App {
    /// The state of an aggregate that was kept, if this code can go on from it.
    pub(super) async fn kept(&self, kind: Kind, instance: &Instance) -> Option<Remembered> {
        let key = instance.snapshot_key(&kind)?;
        let (state, position) =
            self.read_kept(&key, Position::END, |state| Folded::kept(kind, state)).await?;
        Some(Remembered::new(state, Marker::new(position, 0)))
    }

    /// The same where the type is known, with its position: one up to `up_to`.
    pub(super) async fn kept_state<A: Aggregate>(
        &self,
        tag: Option<Tag>,
        up_to: Position,
    ) -> Option<(A, Position)> {
        let snapshots = A::SNAPSHOTS?;
        let key = SnapshotKey { aggregate: snapshots.name, tag, fingerprint: snapshots.fingerprint };
        self.read_kept(&key, up_to, snapshots.decode).await
    }

    async fn read_kept<S>(
        &self,
        key: &SnapshotKey,
        up_to: Position,
        decode: impl Fn(&Payload) -> Result<S, Invalid>,
    ) -> Option<(S, Position)> {
        let read = match self.inner.store.snapshot(key).await {
            Ok(found) => {
                let Snapshot { position, state } = found.filter(|found| found.position <= up_to)?;
                run_user_code(key.aggregate, || decode(&state)).map(|state| (state, position))
            }
            Err(error) => Err(error),
        };
        let said = |error: &Error| warn(key, "the snapshot cannot be read", error);
        read.inspect_err(said).ok()
    }

    /// Keeps a state if it is due. Nobody waits for it.
    pub(super) fn keep_if_due(&self, instance: &Instance, remembered: &mut Remembered) {
        let Remembered { state, marker, .. } = remembered;
        let position = marker.settled();
        if marker.seen_unsettled() > 0 || position == Position::START {
            return;
        }
        let Some(key) = instance.snapshot_key(&state.kind) else { return };
        let state = match run_user_code(key.aggregate, || state.due().transpose()) {
            Ok(Some(state)) => state,
            Ok(None) => return,
            Err(error) => return warn(&key, "the snapshot is not kept", &error),
        };
        let store = self.inner.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.save_snapshot(&key, &Snapshot { position, state }).await {
                warn(&key, "the snapshot is not kept", &error);
            }
        });
    }
}

fn warn(key: &SnapshotKey, what: &str, error: &Error) {
    tracing::warn!(aggregate = key.aggregate, tag = key.tag_text(), %error, "{what}");
}
