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

/// What is wrong with the snapshots of a store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SnapshotFault {
    /// It gives a blank state where there is none.
    MadeUp,
    Tidied,
    /// Positions of 32 bits.
    Narrow,
    ComparesHalfTheFingerprint,
    LosesLargeStates,
    IgnoresFingerprints,
    /// A later position of other code is not replaced, either.
    ComparesPositionsOfOtherCode,
    /// Whatever comes last stays.
    GoesBack,
    KeepsTheFirst,
    IgnoresTags,
    IgnoresAggregates,
    ComparesTagsWithoutCase,
    /// The comparison of positions and the writing are two steps.
    LooksBeforeItKeeps,
    WritesToTheLog,
    /// This is allowed.
    KeepsNone,
    /// It keeps none, and says so with an error.
    Refuses,
}

use SnapshotFault::*;

pub(crate) struct BrokenSnapshots<'a> {
    pub(crate) inner: &'a Memory,
    pub(crate) fault: SnapshotFault,
}

impl BrokenSnapshots<'_> {
    pub(crate) async fn find(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        let found = self.inner.snapshot(&self.taken_for(key)).await?;
        Ok(match self.fault {
            MadeUp => Some(found.unwrap_or_else(|| snapshot(Position::START, "{}"))),
            ComparesPositionsOfOtherCode => found.and_then(|found| unmarked(key, found)),
            _ => found,
        })
    }

    pub(crate) async fn keep(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        let (key, mut snapshot) = (&self.taken_for(key), self.distorted(key, snapshot));
        match self.fault {
            KeepsNone => return Ok(()),
            Refuses => return Err(Error::unusable("keep a snapshot", "it keeps none")),
            LosesLargeStates if snapshot.state.as_str().len() > 4 << 20 => return Ok(()),
            KeepsTheFirst if self.inner.snapshot(key).await?.is_some() => return Ok(()),
            LooksBeforeItKeeps => {
                let kept = self.inner.snapshot(key).await?;
                yield_now().await;
                if kept.is_none_or(|kept| kept.position < snapshot.position) {
                    self.make_room(key).await?;
                }
            }
            GoesBack => self.make_room(key).await?,
            WritesToTheLog => {
                let event = Draft::new("kept", 1, [], snapshot.state.clone())?;
                self.inner.append_one(Append { events: vec![event], ..Append::default() }).await?;
            }
            Narrow => snapshot.position = snapshot.position.min(Position::new(u64::from(u32::MAX))),
            _ => {}
        }
        self.inner.save_snapshot(key, &snapshot).await
    }

    /// The key under which it is found and kept.
    fn taken_for(&self, key: &SnapshotKey) -> SnapshotKey {
        let mut key = key.clone();
        match self.fault {
            IgnoresFingerprints | ComparesPositionsOfOtherCode => key.fingerprint = 0,
            ComparesHalfTheFingerprint => key.fingerprint &= u64::from(u32::MAX),
            IgnoresTags => key.tag = None,
            IgnoresAggregates => key.aggregate = "any",
            ComparesTagsWithoutCase => {
                key.tag = key.tag.map(|tag| Tag::parse(tag.as_str().to_lowercase()).unwrap());
            }
            _ => {}
        }
        key
    }

    fn distorted(&self, key: &SnapshotKey, Snapshot { position, state }: &Snapshot) -> Snapshot {
        match self.fault {
            Tidied => snapshot(*position, &state.as_str().replace(' ', "")),
            ComparesPositionsOfOtherCode => snapshot(*position, &format!("{} {state}", key.fingerprint)),
            _ => snapshot(*position, state.as_str()),
        }
    }

    /// What is there goes, whatever its position: other code replaces it.
    async fn make_room(&self, key: &SnapshotKey) -> Result<(), Error> {
        let other = SnapshotKey { fingerprint: !key.fingerprint, ..key.clone() };
        self.inner.save_snapshot(&other, &snapshot(Position::START, "{}")).await
    }
}

/// A state whose fingerprint stands in front of it, if it is this one.
fn unmarked(key: &SnapshotKey, Snapshot { position, state }: Snapshot) -> Option<Snapshot> {
    let (fingerprint, state) = state.as_str().split_once(' ')?;
    (fingerprint == key.fingerprint.to_string()).then(|| snapshot(position, state))
}

fn snapshot(position: Position, state: &str) -> Snapshot {
    Snapshot { position, state: Payload::from_stored(state) }
}
