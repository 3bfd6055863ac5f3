//! Inline builds: their rows change in the transaction of the append, so that they include the events of a command as soon
//! as the command is accepted.
//!
//! A store that holds rows next to its log guarantees:
//!
//! - An append provides the fold of every inline build that reads its event types (the field `inline` of an append). If it
//!   lacks one or has one too many, nothing is written and the result names the builds. So no program, not even an old one,
//!   can append without updating an inline build.
//! - An append that adds a [successor](crate::store::KnownSuccessors) of an event name also provides the builds that fold the older
//!   name. These fold the types of the provided folds from then on.
//! - Before positions are assigned, the append locks the keys of the rows that it will change, in the same order as all
//!   other appends, so that rows are folded in the order of the log. Then it appends, reads the rows, folds them and writes
//!   them, in one transaction.
//! - A build becomes inline while no append is in progress.
//!
//! The cost, in stores with concurrent writers: a transaction with inline rows has several statements, and waits for other
//! transactions that change the same rows.

use std::fmt;

use super::{FoldedRows, Key, Row, Table};
use crate::{error::Invalid, record::Record, store::Successor};

/// The fold of an inline build. The store calls it inside the transaction of the append.
pub trait Inline: Send + Sync {
    /// The table of the build.
    fn table(&self) -> &Table;

    /// The stored names of the event types that are folded.
    fn types(&self) -> &[&'static str];

    /// Returns `true` if the fold reads an older name and should read its successor too, but does not. The build does not become inline
    /// then.
    fn misses(&self, successor: &Successor) -> bool {
        let types = self.types();
        types.contains(&successor.of()) && !types.contains(&successor.name())
    }

    /// Returns the keys of the rows that records change, each once. The store calls this before it assigns positions: every
    /// record has [`Position::START`](crate::position::Position::START).
    ///
    /// # Errors
    /// [`Invalid`] if a record cannot be decoded or a handler fails.
    fn keys(&self, records: &[Record]) -> Result<Vec<Key>, Invalid>;

    /// Folds records, now with their positions, into the rows with those keys.
    ///
    /// # Errors
    /// [`Invalid`] if a handler fails, or the records change rows with other keys.
    fn fold(&self, records: &[Record], rows: Vec<(Key, Option<Row>)>) -> Result<FoldedRows, Invalid>;
}

impl fmt::Debug for dyn Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table().name())
    }
}

/// The identity of a build: a projection's name, its version, and the number of the build.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildId {
    /// The projection's name.
    pub projection: String,
    /// The version.
    pub version: u32,
    /// The number of the build, counted from 0.
    pub build: u32,
}

impl From<&Table> for BuildId {
    fn from(table: &Table) -> Self {
        let Table { projection, version, build, .. } = *table;
        Self { projection: projection.to_owned(), version, build }
    }
}

/// The result of making a build inline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InlineOutcome {
    /// The build is inline now, or was inline already.
    Done,
    /// The build must catch up first: more than [`InlineOutcome::MAX_CATCH_UP`] events follow its checkpoint, or 32 MiB of payloads, or
    /// events are parked. Or its fold [misses](Inline::misses) a successor that the log has. Nothing was changed.
    Behind,
}

impl InlineOutcome {
    /// The maximum number of events that are folded while all appends wait.
    pub const MAX_CATCH_UP: usize = 1000;
}
