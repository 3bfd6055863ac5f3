//! The items that generated code uses; it uses nothing else. Not part of the public API: it changes without notice.

pub use annalist_core::{
    aggregate::{Aggregate, AggregateId, On, Snapshots, criteria_of, entry_overlaps, entry_reaches, fold},
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
