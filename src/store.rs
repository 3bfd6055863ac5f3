//! What a store implements: [`EventStore`] for the events, [`RowStore`] for the rows of projections, and the types in their
//! signatures.
//!
//! A row store that takes part in appends (inline projections) and compares builds also uses [`raw::rows`](crate::raw::rows).
//! The conformance suite (`tests/conformance` of the repository) checks an implementation.

#[doc(inline)]
pub use annalist_core::{
    record::{CommandId, Draft, Metadata, Name, Record, StoredMetadata},
    rows::{
        Bound, Build, Checkpoint, Column, ColumnType, CommitOutcome, Filter, Key, Parked, PromoteOutcome,
        Role, Row, RowChange, RowQuery, RowStore, Sort, Table, Value,
    },
    store::{
        Append, AppendOutcome, Batch, CommandKey, Condition, Entry, EventRef, EventStore, FeedPage,
        IntoEventStore, JournalRecord, LogId, Marker, Outcome, Read, Receipt, Settled, Snapshot, SnapshotKey,
        Token,
    },
};
