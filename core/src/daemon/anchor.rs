//! The event at a checkpoint, by which a build recognizes its log.

use super::{Stopped, stop_reason::StopReason};
use crate::{
    error::Error,
    record::Position,
    rows::{Anchor, Checkpoint},
    store::{EventRef, EventStore, Included},
};

/// Checks that the event at the checkpoint is still in the log. Otherwise the log was restored from an older copy and
/// has continued differently, or is another log.
pub(super) async fn check_anchor(
    store: &dyn EventStore,
    name: &str,
    checkpoint: &Checkpoint,
) -> Result<(), StopReason> {
    let Some(Anchor { position, event }) = checkpoint.anchor else { return Ok(()) };
    if anchor_at(store, position).await?.is_some_and(|found| found.event == event) {
        return Ok(());
    }
    let error = format!(
        "the rows of `{name}` include event {event} at position {position}, which is not in {}: the log was restored from \
         an older copy, or is another one; rebuild the projection",
        store.describe()
    );
    Err(StopReason::Stopped(Stopped { position: Some(position), event: Some(event), name: None, error }))
}

/// Checks that the event of a receipt is in the log, unless the id of the event is not known.
pub(super) async fn check_receipt(
    store: &dyn EventStore,
    Included { position, event }: Included,
) -> Result<(), Error> {
    let Some(event) = event else { return Ok(()) };
    if anchor_at(store, position).await?.is_some_and(|found| found.event == event) {
        return Ok(());
    }
    let reason = format!(
        "event {event}, which the receipt has at this position, is not in {} any more: the log has gone back to an earlier \
         state, and the effect of the command is lost; execute it again",
        store.describe()
    );
    Err(Error::unusable(format!("wait for position {position}"), reason))
}

/// The event that is or was at a position, if there is one. Asked directly: the feed shows settled events only, another process may
/// know a later settled position than this one, and an archived event is in no feed.
pub(super) async fn anchor_at(store: &dyn EventStore, position: Position) -> Result<Option<Anchor>, Error> {
    let found = store.event_at(position).await?;
    Ok(found.map(|EventRef { position, id }| Anchor { position, event: id }))
}
