#![cfg_attr(all(feature = "macros", feature = "memory"), doc = include_str!("front_page.md"))]
#![cfg_attr(
    not(all(feature = "macros", feature = "memory")),
    doc = "Event sourcing and CQRS from plain structs and enums. The documentation is complete with the default features."
)]

mod open;

pub use self::open::open;

#[doc(inline)]
pub use annalist_core::{
    aggregate::{Aggregate, AggregateId},
    codec::Codec,
    command::Command,
    context::Context,
    criteria::{Criteria, Item},
    error::{BoxError, Error, ExecuteError, Invalid},
    event::{Event, EventType, IdKind, IntoEvents, Recorded, Tags, Types},
    id::{Fresh, Id, Ids, StateSource},
    payload::Payload,
    policy::{Commands, Policy},
    projection::{Change, Projection},
    query::Query,
    record::{CommandId, Draft, Metadata, Name, Position, RawEvent, Record, StoredMetadata},
    store::{EventStore, LogId, Receipt, Token},
    tag::Tag,
    time::{Clock, SystemClock, Timestamp},
};
pub use annalist_core::{
    app::{self, App, Moment},
    feed, policy, projection, query, rows, store, testing,
};

#[cfg(feature = "macros")]
pub use annalist_macros::{Aggregate, Command, Event, Id, Policy, Projection, Query};

#[cfg(feature = "memory")]
#[doc(inline)]
pub use annalist_memory::Memory;
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use annalist_postgres::Postgres;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use annalist_sqlite::Sqlite;

/// The types that commands, aggregates and queries without derives need in addition to their traits.
pub mod manual {
    #[doc(inline)]
    pub use annalist_core::{
        aggregate::{Snapshots, criteria_of, fold},
        dispatch::{Dispatcher, Handler, Loader, ReadPlan},
        event::Events,
        query::ReadModels,
    };
}

/// The traits, derives and types that a file needs to model a domain.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{
        Aggregate, App, Change, Command, Context, Error, Event, EventStore, ExecuteError, Id, Policy,
        Projection, Query, Receipt,
    };
    #[doc(no_inline)]
    pub use serde::{Deserialize, Serialize};
    #[doc(no_inline)]
    pub use uuid::Uuid;
}

/// The items that generated code uses; it uses nothing else. Not part of the public API: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use annalist_core::{
        aggregate::{
            Aggregate, AggregateId, On, Snapshots, criteria_of, entry_overlaps, entry_reaches, fold,
        },
        codec::Codec,
        command::{Command, Member},
        context::Context,
        dispatch::{ConvertMemberError, Dispatcher, Handler, Loader, MemberError, State, StateIds, decision},
        error::{Error, Invalid},
        event::{
            Event, EventType, IdField, IdKind, IntoEvents, Tags, Types, decode_struct, decode_unit,
            decode_variant, encode_struct, encode_unit, encode_variant, variant_overlaps,
        },
        id::{Fresh, Id, Ids},
        payload::Payload,
        policy::{Commands, OnError, OnPolicy, OnReject, Policy, Reaction, Start, TRIES, add_reaction},
        projection::{OnRow, Projection, RowKey, RowOps},
        query::{Page, Query, QueryColumns, ReadModels, Source},
        record::{RawEvent, Record},
        rows::{Bound, Column, Field, JsonField, Role, Row, RowReader, RowWriter, Table},
    };
    pub use serde;
    pub use std;
}
