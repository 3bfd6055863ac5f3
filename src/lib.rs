//! Event sourcing and CQRS from plain structs and enums.
//!
//! A **command** is a request. A pure function, its **decision**, turns it into **events**, or rejects it, on the states of the
//! **aggregates** that it needs. An aggregate is folded from events, and an append succeeds only if nothing that the
//! decision read has changed since. Four derives write the routing between them:
//!
//! ```
//! # #[cfg(all(feature = "macros", feature = "memory"))]
//! # {
//! use annalist::{prelude::*, testing::given};
//!
//! #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
//! struct DoorId(String);
//!
//! #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
//! #[event(prefix = "door")] // stored as `door.opened`
//! enum DoorEvent {
//!     Opened {
//!         #[id]
//!         door: DoorId,
//!     },
//! }
//!
//! #[derive(Aggregate, Debug)]
//! #[aggregate(on(DoorEvent => Door::apply), error = AlreadyOpen)]
//! struct Door {
//!     #[id]
//!     id: DoorId,
//!     open: bool,
//! }
//!
//! #[derive(Debug, PartialEq)]
//! struct AlreadyOpen;
//!
//! impl Door {
//!     fn apply(&mut self, event: &DoorEvent) {
//!         match event {
//!             DoorEvent::Opened { .. } => self.open = true,
//!         }
//!     }
//!
//!     fn open(&self, _: &Open) -> Result<DoorEvent, AlreadyOpen> {
//!         if self.open { Err(AlreadyOpen) } else { Ok(DoorEvent::Opened { door: self.id.clone() }) }
//!     }
//! }
//!
//! #[derive(Command, Serialize, Deserialize)]
//! #[command(decide = Door::open)]
//! struct Open {
//!     #[id]
//!     door: DoorId,
//! }
//!
//! let front = DoorId("front".into());
//! given(()).when(Open { door: front.clone() }).then(DoorEvent::Opened { door: front.clone() });
//! given(DoorEvent::Opened { door: front.clone() }).when(Open { door: front }).then_err(AlreadyOpen);
//! # }
//! ```
//!
//! A fifth, `Projection`, folds events into the rows of a read model; a sixth, `Query`, asks them; a seventh, `Policy`, reacts to
//! events with commands. An [`App`] executes commands on a store: [`Memory`], `Sqlite` or `Postgres`, each behind the feature
//! of its name, or any other [`EventStore`]. [`open`] takes the URL of one.
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `macros` | yes | the derives |
//! | `memory` | yes | [`Memory`] |
//! | `sqlite` | no | `Sqlite`; cannot be linked beside a `rusqlite` that wants another `libsqlite3-sys` |
//! | `postgres` | no | `Postgres` |

mod open;

pub use self::open::open;

#[doc(inline)]
pub use annalist_core::{
    aggregate::{Aggregate, AggregateId},
    ask::Query,
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
    record::{CommandId, Draft, Metadata, Name, Position, RawEvent, Record, StoredMetadata},
    store::{EventStore, LogId, Receipt, Token},
    tag::Tag,
    time::{Clock, SystemClock, Timestamp},
};
pub use annalist_core::{
    app::{self, App, Moment},
    ask, feed, find, policy, projection, rows, store, testing,
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

/// What commands, aggregates and queries that are written by hand are made of, beside their traits.
pub mod manual {
    #[doc(inline)]
    pub use annalist_core::{
        aggregate::{Snapshots, criteria_of, fold},
        ask::ReadModels,
        dispatch::{Dispatcher, Handler, Loader, ReadPlan},
        event::Events,
    };
}

/// What a file that models a domain needs.
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

/// What the derives write refers to this module and to nothing else. Not part of the public interface: it changes
/// without notice.
#[doc(hidden)]
pub mod __private {
    pub use annalist_core::{
        aggregate::{
            Aggregate, AggregateId, On, Snapshots, criteria_of, entry_overlaps, entry_reaches, fold,
        },
        ask::{Columns, Query, ReadModels, Source},
        codec::Codec,
        command::{Command, Member},
        context::Context,
        dispatch::{ConvertMemberError, Dispatcher, Handler, Loader, MemberError, State, StateIds, decision},
        error::{Error, Invalid},
        event::{
            Event, EventType, IdField, IdKind, IntoEvents, Tags, Types, decode_struct, decode_unit,
            decode_variant, encode_struct, encode_unit, encode_variant, variant_overlaps,
        },
        find::Rows,
        id::{Fresh, Id, Ids},
        payload::Payload,
        policy::{Commands, OnError, OnPolicy, OnReject, Policy, Reaction, Start, TRIES, add_reaction},
        projection::{OnRow, Projection, RowKey, RowOps},
        record::{RawEvent, Record},
        rows::{Bound, Column, Field, JsonField, Role, Row, RowReader, RowWriter, Table},
    };
    pub use serde;
    pub use std;
}
