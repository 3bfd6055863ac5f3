//! Rows that change in the transaction of the append: what a command decided is in them when it is answered.
//!
//! A store that keeps rows beside its log promises:
//!
//! - An append brings the inline builds of its events' types along ([`Append::inline`](crate::store::Append::inline)), exactly those that the store has:
//!   else nothing is written, and the answer names them. So no program, however old, appends past an inline build.
//! - Before positions are drawn, the append locks the keys of the rows that it will change, in one order for all, so that
//!   rows are folded in the order of the log. Then it appends, reads the rows, folds, and writes them, in one transaction.
//! - A build goes inline while no append is under way.
//!
//! The price, where writers do not wait for each other anyway: a transaction with inline rows has several statements, and
//! waits for others that change the same rows.

use std::fmt;

use super::{Folded, Key, Row, Table};
use crate::{error::Invalid, record::Record};

/// The fold of a build that is kept inline. The store calls it inside its transaction.
pub trait Inline: Send + Sync {
    /// The table of the build.
    fn table(&self) -> &Table;

    /// The stored names of the event types that it folds.
    fn types(&self) -> &[&'static str];

    /// The keys of the rows that records change, each once. It is asked before positions are drawn: then every record stands at
    /// [`Position::START`](crate::record::Position::START).
    ///
    /// # Errors
    /// [`Invalid`] if a record cannot be decoded or a handler fails.
    fn keys(&self, records: &[Record]) -> Result<Vec<Key>, Invalid>;

    /// Folds records, as they now stand in the log, into the rows of those keys.
    ///
    /// # Errors
    /// [`Invalid`] if a handler fails, or the records change rows of other keys.
    fn fold(&self, records: &[Record], rows: Vec<(Key, Option<Row>)>) -> Result<Folded, Invalid>;
}

impl fmt::Debug for dyn Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table().name())
    }
}

/// Which build is kept inline.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildId {
    /// The projection's name.
    pub projection: String,
    /// Its version.
    pub version: u32,
    /// Which build of it.
    pub build: u32,
}

impl From<&Table> for BuildId {
    fn from(table: &Table) -> Self {
        let Table { projection, version, build, .. } = *table;
        Self { projection: projection.to_owned(), version, build }
    }
}

/// What became of the wish to keep a build inline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InlineOutcome {
    /// It is inline, now or already.
    Done,
    /// More than [`InlineOutcome::AT_MOST`] events lie behind its checkpoint, or events are parked: it has to catch up first. Nothing was changed.
    Behind,
}

impl InlineOutcome {
    /// How many events are folded at most while all appends wait.
    pub const AT_MOST: usize = 1000;
}
