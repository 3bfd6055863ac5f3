//! The types that ids, events, aggregates, commands and queries without derives need in addition to their traits.

#[doc(inline)]
pub use annalist_core::{
    aggregate::fold,
    codec::{Codec, RawEvent},
    dispatch::{Dispatcher, Handler},
    event::{EventType, IdKind, IntoEvents, Tags, Types},
    id::{Ids, StateSource},
    payload::Payload,
};
