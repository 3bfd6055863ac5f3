//! States that are kept beside the log, so that a long past need not be folded again.

use crate::{error::Error, payload::Payload, record::Position, tag::Tag};

/// Whose state a snapshot is, and which code folded it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SnapshotKey {
    /// The name of the aggregate.
    pub aggregate: &'static str,
    /// The tag of its events; none if all events of its types belong to it.
    pub tag: Option<Tag>,
    /// What the state depends on besides the events: the fields, the events that are folded, the version.
    pub fingerprint: u64,
}

impl SnapshotKey {
    /// The tag as a text; the empty one stands for none.
    pub fn tag_text(&self) -> &str {
        self.tag.as_ref().map_or("", Tag::as_str)
    }
}

/// The state of an aggregate at a position: all that matches up to there is folded in.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Nothing that matches can appear at or below it any more.
    pub position: Position,
    /// The state.
    pub state: Payload,
}

impl Snapshot {
    /// A snapshot as a table keeps it. The state is not checked.
    ///
    /// # Errors
    /// [`Error::Unusable`] for this operation if no event can stand at the position.
    pub fn from_stored(
        operation: &str,
        key: &SnapshotKey,
        position: i64,
        state: String,
    ) -> Result<Self, Error> {
        if position < 1 {
            let (aggregate, tag) = (key.aggregate, key.tag_text());
            let reason =
                format!("the snapshot of `{aggregate}` {tag:?} stands at {position}; delete its row");
            return Err(Error::unusable(operation, reason));
        }
        Ok(Self { position: Position::new(position.unsigned_abs()), state: Payload::from_stored(state) })
    }
}
