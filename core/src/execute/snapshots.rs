//! Loads and saves snapshots of aggregates. Snapshots only save time: if one cannot be used, a warning is logged and the events are
//! read.

use super::{
    aggregate_key::{AggregateKey, fingerprint_with},
    executor::Executor,
};
use crate::{
    aggregate::Aggregate,
    dispatch::{AggregateVTable, ErasedState, VersionedState},
    error::{Error, Invalid},
    panics::run_user_code,
    payload::Payload,
    position::Position,
    store::{Marker, Snapshot, SnapshotKey},
    tag::Tag,
};

impl Executor {
    /// The state of the newest snapshot of an aggregate, if this program can continue from it.
    pub(super) async fn state_from_snapshot(
        &self,
        vtable: &'static AggregateVTable,
        key: &AggregateKey,
        retags: u64,
    ) -> Option<VersionedState> {
        let key = key.snapshot_key(vtable, retags)?;
        let decode = |state: &Payload| ErasedState::from_snapshot(vtable, state);
        let epoch = self.store.epoch();
        let (state, position) = self.read_snapshot(&key, Position::END, decode).await?;
        Some(VersionedState { state, marker: Marker::new(position, 0).in_epoch(epoch), retags })
    }

    /// The state of a snapshot of an aggregate of type `A` that is not later than `up_to`, with its position, as a program saves it
    /// that knows these retags.
    pub(crate) async fn load_snapshot<A: Aggregate>(
        &self,
        tag: Option<Tag>,
        up_to: Position,
        retags: u64,
    ) -> Option<(A, Position)> {
        let snapshots = A::SNAPSHOTS?;
        let fingerprint = fingerprint_with(snapshots.fingerprint, retags);
        let key = SnapshotKey { aggregate: snapshots.name, tag, fingerprint };
        self.read_snapshot(&key, up_to, snapshots.decode).await
    }

    async fn read_snapshot<S>(
        &self,
        key: &SnapshotKey,
        up_to: Position,
        decode: impl Fn(&Payload) -> Result<S, Invalid>,
    ) -> Option<(S, Position)> {
        let read = match self.store.snapshot(key).await {
            Ok(found) => {
                let Snapshot { position, state } = found.filter(|found| found.position <= up_to)?;
                run_user_code(key.aggregate, || decode(&state)).map(|state| (state, position))
            }
            Err(error) => Err(error),
        };
        read.inspect_err(|error| warn(key, "the snapshot cannot be read", error)).ok()
    }

    /// Saves a snapshot of a state if enough events were folded in, in a task of its own.
    pub(super) fn save_snapshot_if_due(&self, key: &AggregateKey, state: &mut VersionedState) {
        let VersionedState { state, marker, retags } = state;
        let position = marker.settled();
        if marker.seen_unsettled() > 0 || position == Position::START {
            return;
        }
        let Some(key) = key.snapshot_key(state.vtable, *retags) else { return };
        let state = match run_user_code(key.aggregate, || state.take_due_snapshot()) {
            Ok(Some(state)) => state,
            Ok(None) => return,
            Err(error) => return warn(&key, "the snapshot cannot be saved", &error),
        };
        let (store, marker) = (self.store.clone(), *marker);
        tokio::spawn(async move {
            if !marker.is_of_epoch(store.epoch()) {
                // The log has lost events of the state, or a secret in it is forgotten.
                return;
            }
            if let Err(error) = store.save_snapshot(&key, &Snapshot { position, state }).await {
                warn(&key, "the snapshot cannot be saved", &error);
            }
        });
    }
}

fn warn(key: &SnapshotKey, what: &str, error: &Error) {
    tracing::warn!(aggregate = key.aggregate, tag = key.shown_tag(), %error, "{what}");
}
