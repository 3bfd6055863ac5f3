//! The items that generated code uses; it uses nothing else. Not part of the public API: it changes without notice.

pub use annalist_core::{
    aggregate::{
        Aggregate, AggregateId, On, Shown, Snapshots, UnmarkedField, UnmarkedValue, WithoutDebug,
        aggregate_overlaps, criteria_of, entry_reaches, fold,
    },
    codec::{Codec, RawEvent},
    command::{Command, Handled, Member, UseHandler, dispatch},
    context::Context,
    dispatch::{
        CommandTypes, ConvertMemberError, Dispatcher, Handler, Loader, MemberError, State, WithContext,
        WithoutContext, decide_0, decide_1, decide_2, decide_3, decide_4, decide_5, decide_6, decide_7,
        decide_8, decision, id_field,
    },
    error::{Error, Invalid},
    event::{
        Event, EventType, EventVTable, IdField, IdKind, InContext, IntoEvents, NoSchema, OtherStep, SchemaOf,
        SourceEvent, StepFunction, StepInput, StepInputInContext, Tags, Types, Upcast, VersionStep,
        WritableEvent, carries_ids_of, decode_struct, decode_unit, decode_variant, decode_wrapped,
        encode_struct, encode_unit, encode_variant, event_type, in_context, made_from, retired,
        variant_overlaps, variant_type, with_secrets, with_steps,
    },
    id::{AfterForget, Fresh, Id, Ids},
    initial::InitialValue,
    payload::Payload,
    policy::{
        Commands, HandlerOf, HandlerReturns, HandlerReturnsInContext, OnError, OnPolicy, OnReject,
        OtherHandler, Policy, Reaction, ReactionTypes, Start, TRIES, add_reaction, policy_overlaps,
    },
    projection::{OnRow, Projection, RowKey, RowOps, entry_reaches_row, projection_overlaps, reaches_row},
    query::{List, Page, Query, QueryColumns, QueryFacts, QueryParameter, ReadModels, Source},
    record::Record,
    rows::{
        Bound, Column, ColumnOf, ColumnType, Field, JsonField, NotAColumn, Role, Row, RowReader, RowWriter,
        SecretColumn, Table, Value, variant_from_value, variant_to_value,
    },
    secret::{SecretFields, read_secret_id, with_subjects, write_secret_id},
};
pub use serde;
pub use std;
