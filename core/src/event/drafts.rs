//! Events as drafts, and stored events as the drafts that they are read as.

use super::{Event, Tags};
use crate::{
    codec::{Codec, RawEvent},
    error::Invalid,
    record::{Draft, Record},
};

/// The draft of an event. A retired event has one too.
///
/// # Errors
/// [`Invalid`] if the event cannot be encoded.
pub(crate) fn draft_of<E: Event>(event: &E) -> Result<Draft, Invalid> {
    let (name, version) = event.stored_type();
    let mut tags = Tags::default();
    event.collect_tags(&mut tags)?;
    Draft::new(name, version, tags.into_vec(), event.encode_payload(&Codec::default())?)
}

/// The drafts of the events that a stored event is read as.
///
/// # Errors
/// [`Invalid`] if it cannot be decoded, or what it is read as cannot be encoded.
pub(super) fn decode<E: Event>(record: &Record) -> Result<Vec<Draft>, Invalid> {
    let mut drafts = Vec::new();
    E::decode_raw(&RawEvent::from(record), &Codec::default(), &mut |event| drafts.push(draft_of(&event)))?;
    drafts.into_iter().collect()
}
