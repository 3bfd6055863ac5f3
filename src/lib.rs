//! Facade of the Annalist crates. (The README becomes this page once it exists.)

#[doc(inline)]
pub use annalist_core::{
    aggregate::{Aggregate, AggregateId},
    codec::Codec,
    command::Command,
    context::Context,
    error::{BoxError, Error, ExecuteError, Invalid},
    event::{Event, EventType, IntoEvents, Recorded, Types},
    id::{Fresh, Id, Ids},
    payload::Payload,
    query::{Criteria, Item},
    record::{CommandId, Draft, Metadata, Name, Position, Record},
    store::{EventStore, LogId, Receipt},
    tag::Tag,
    time::{Clock, SystemClock, Timestamp},
};
pub use annalist_core::{app, store, testing};

#[cfg(feature = "macros")]
pub use annalist_macros::{Aggregate, Command, Event, Id};

#[cfg(feature = "memory")]
#[doc(inline)]
pub use annalist_memory::Memory;

/// What a file that models a domain needs.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{Aggregate, Command, Context, Error, Event, EventStore, ExecuteError, Id, Receipt};
    #[doc(no_inline)]
    pub use serde::{Deserialize, Serialize};
    #[doc(no_inline)]
    pub use uuid::Uuid;
}

/// What the derives write refers to this module and to nothing else. Not part of the public interface: it changes
/// without notice.
#[doc(hidden)]
pub mod __private {
    pub use annalist_core::{
        aggregate::{Aggregate, AggregateId, criteria_of, entry_overlaps, fold},
        codec::Codec,
        command::Command,
        context::Context,
        dispatch::{Dispatcher, Handler, Loader, decision},
        error::Invalid,
        event::{
            Event, EventType, IdKind, IntoEvents, Tags, Types, decode_struct, decode_unit, decode_variant,
            encode_struct, encode_unit, encode_variant, variant_overlaps,
        },
        id::{Fresh, Id, Ids},
        payload::Payload,
        record::{Raw, Record},
    };
    pub use serde;
    pub use std;
}
