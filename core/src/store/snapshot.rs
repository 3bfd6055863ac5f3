//! Snapshots of aggregate states, so that a long history need not be folded again.

use crate::{error::Error, payload::Payload, record::Position, tag::Tag};

/// Identifies the aggregate of a snapshot, and the code that folded the state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SnapshotKey {
    /// The name of the aggregate, which one Rust type of an app has.
    pub aggregate: &'static str,
    /// The tag of the aggregate's events; `None` if all events of its types belong to it.
    pub tag: Option<Tag>,
    /// Hash of everything the state depends on besides the events: its fields, the event types that are folded,
    /// the version.
    pub fingerprint: u64,
}

impl SnapshotKey {
    /// Returns the tag as text; empty if there is no tag.
    pub fn tag_text(&self) -> &str {
        self.tag.as_ref().map_or("", Tag::as_str)
    }

    /// The tag for messages, without an id that is personal.
    pub(crate) fn shown_tag(&self) -> String {
        self.tag.as_ref().map_or_else(String::new, Tag::to_string)
    }
}

/// The state of an aggregate at a position: all its events up to there are folded in.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The position. No new event of the aggregate ever appears at or below it.
    pub position: Position,
    /// The state as JSON.
    pub state: Payload,
}

impl Snapshot {
    /// Creates a snapshot from the columns of a table. The state is not checked.
    ///
    /// # Errors
    /// [`Error::Unusable`] for this operation if no event can have the position.
    pub fn from_stored(
        operation: &str,
        key: &SnapshotKey,
        position: i64,
        state: String,
    ) -> Result<Self, Error> {
        if position < 1 {
            let (aggregate, tag) = (key.aggregate, key.shown_tag());
            let reason =
                format!("the snapshot of `{aggregate}` {tag:?} is at position {position}; delete its row");
            return Err(Error::unusable(operation, reason));
        }
        Ok(Self { position: Position::new(position.unsigned_abs()), state: Payload::from_stored(state) })
    }
}
