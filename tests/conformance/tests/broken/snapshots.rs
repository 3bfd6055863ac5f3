//! Snapshots with one fault.

use annalist_core::{
    Error,
    payload::Payload,
    record::{Draft, Position},
    store::{Append, EventStore, Snapshot, SnapshotKey},
    tag::Tag,
};
use annalist_memory::Memory;
use tokio::task::yield_now;

/// The fault of the snapshots of a store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SnapshotFault {
    /// A missing snapshot is returned as an initial state.
    ReturnsBlankIfMissing,
    /// Spaces are removed from the state.
    RemovesSpaces,
    LimitsPositionsTo32Bits,
    ComparesHalfOfFingerprint,
    LosesLargeStates,
    IgnoresFingerprints,
    /// A snapshot with another fingerprint is not replaced if it has a later position.
    NeverReplacesOtherFingerprints,
    /// A snapshot with a later position is replaced.
    ReplacesLaterPositions,
    /// The first snapshot is never replaced.
    NeverReplaces,
    IgnoresTags,
    IgnoresAggregates,
    IgnoresCaseOfTags,
    /// Positions are compared in a separate step before the snapshot is written.
    ComparesPositionsBeforeWrite,
    /// Saving a snapshot appends an event.
    AppendsToLog,
    /// No snapshot is saved. This is allowed.
    SavesNone,
    /// No snapshot is saved, and saving one returns an error.
    FailsToSave,
}

use SnapshotFault::*;

pub(crate) struct BrokenSnapshots<'a> {
    pub(crate) inner: &'a Memory,
    pub(crate) fault: SnapshotFault,
}

impl BrokenSnapshots<'_> {
    pub(crate) async fn load(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        let found = self.inner.snapshot(&self.stored_key(key)).await?;
        Ok(match self.fault {
            ReturnsBlankIfMissing => Some(found.unwrap_or_else(|| snapshot(Position::START, "{}"))),
            NeverReplacesOtherFingerprints => found.and_then(|found| without_fingerprint(key, found)),
            _ => found,
        })
    }

    pub(crate) async fn save(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        let (key, mut snapshot) = (&self.stored_key(key), self.stored_snapshot(key, snapshot));
        match self.fault {
            SavesNone => return Ok(()),
            FailsToSave => return Err(Error::unusable("save a snapshot", "snapshots are not supported")),
            LosesLargeStates if snapshot.state.as_str().len() > 4 << 20 => return Ok(()),
            NeverReplaces if self.inner.snapshot(key).await?.is_some() => return Ok(()),
            ComparesPositionsBeforeWrite => {
                let stored = self.inner.snapshot(key).await?;
                yield_now().await;
                if stored.is_none_or(|stored| stored.position < snapshot.position) {
                    self.remove(key).await?;
                }
            }
            ReplacesLaterPositions => self.remove(key).await?,
            AppendsToLog => {
                let event = Draft::new("snapshot_saved", 1, [], snapshot.state.clone())?;
                self.inner.append_one(Append { events: vec![event], ..Append::default() }).await?;
            }
            LimitsPositionsTo32Bits => {
                snapshot.position = snapshot.position.min(Position::new(u64::from(u32::MAX)));
            }
            _ => {}
        }
        self.inner.save_snapshot(key, &snapshot).await
    }

    /// The key under which the snapshot is stored.
    fn stored_key(&self, key: &SnapshotKey) -> SnapshotKey {
        let mut key = key.clone();
        match self.fault {
            IgnoresFingerprints | NeverReplacesOtherFingerprints => key.fingerprint = 0,
            ComparesHalfOfFingerprint => key.fingerprint &= u64::from(u32::MAX),
            IgnoresTags => key.tag = None,
            IgnoresAggregates => key.aggregate = "any",
            IgnoresCaseOfTags => {
                key.tag = key.tag.map(|tag| Tag::parse(tag.as_str().to_lowercase()).unwrap());
            }
            _ => {}
        }
        key
    }

    /// The snapshot as it is stored.
    fn stored_snapshot(&self, key: &SnapshotKey, Snapshot { position, state }: &Snapshot) -> Snapshot {
        match self.fault {
            RemovesSpaces => snapshot(*position, &state.as_str().replace(' ', "")),
            NeverReplacesOtherFingerprints => snapshot(*position, &format!("{} {state}", key.fingerprint)),
            _ => snapshot(*position, state.as_str()),
        }
    }

    /// Removes the stored snapshot: one with another fingerprint replaces it at any position.
    async fn remove(&self, key: &SnapshotKey) -> Result<(), Error> {
        let other = SnapshotKey { fingerprint: !key.fingerprint, ..key.clone() };
        self.inner.save_snapshot(&other, &snapshot(Position::START, "{}")).await
    }
}

/// A snapshot whose state was stored after its fingerprint, or `None` if the fingerprint is another one.
fn without_fingerprint(key: &SnapshotKey, Snapshot { position, state }: Snapshot) -> Option<Snapshot> {
    let (fingerprint, state) = state.as_str().split_once(' ')?;
    (fingerprint == key.fingerprint.to_string()).then(|| snapshot(position, state))
}

fn snapshot(position: Position, state: &str) -> Snapshot {
    Snapshot { position, state: Payload::from_stored(state) }
}
