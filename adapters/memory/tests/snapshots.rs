//! The conformance suite also passes with a store that saves no snapshots; this test shows that the in-memory store does.

#![allow(clippy::unwrap_used)]

use annalist_core::{
    payload::Payload,
    record::Position,
    store::{EventStore, Snapshot, SnapshotKey},
};
use annalist_memory::Memory;

#[tokio::test]
async fn snapshots_are_shared_by_clones() {
    let store = Memory::new();
    let key = SnapshotKey { aggregate: "Account", tag: None, fingerprint: 7 };
    let snapshot = Snapshot { position: Position::new(1), state: Payload::parse("{}").unwrap() };
    store.save_snapshot(&key, &snapshot).await.unwrap();
    assert_eq!(store.clone().snapshot(&key).await.unwrap(), Some(snapshot));
}
