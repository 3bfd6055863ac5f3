//! The port of the read side: what a store of rows promises. It may be the store of the events, or another one.
//!
//! Rows and the checkpoint of a projection change in one transaction, so that every event counts exactly once whatever
//! dies in between.

mod cells;
mod find;
mod json;
pub mod sql;
mod table;
mod value;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use uuid::Uuid;

pub use self::{
    cells::{RowReader, RowWriter},
    find::{Bound, Filter, RowQuery, Sort},
    json::JsonField,
    table::{Column, ColumnType, Key, Role, Row, Table},
    value::{Field, Value},
};
use crate::{error::Error, record::Position, store::LogId};

/// A store of rows and checkpoints.
#[async_trait]
pub trait RowStore: Send + Sync + 'static {
    /// What and where the store is, for messages.
    fn describe_rows(&self) -> String;

    /// Makes the table of a projection and its checkpoint at [`Position::START`], unless they are there, and points the
    /// stable view named after the projection at the table unless one is there. Several processes may do so at once.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the table is there with other columns, or belongs to another log: nothing is changed then.
    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error>;

    /// The checkpoint of a projection; none if it was never defined.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn checkpoint(&self, projection: &str, version: u32) -> Result<Option<Checkpoint>, Error>;

    /// The rows with these keys, in their order, one answer for each, also for a key that comes twice; none where
    /// there is no row.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or a row does not have the table's columns.
    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error>;

    /// Changes rows and moves the checkpoint in one transaction, if the checkpoint still stands where the change
    /// starts. The comparison is the transaction's first statement: of two runners one waits and then finds it moved.
    ///
    /// # Errors
    /// [`Error::Unknown`] if the answer was lost: the checkpoint tells whether it happened. With every other error
    /// nothing was written.
    async fn commit(&self, change: RowChange<'_>) -> Result<Committed, Error>;

    /// Writes down why a projection stands still, or with `None` that it does not; for people and other processes. A
    /// projection that was never defined is not reported on.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn report(&self, projection: &str, version: u32, stopped: Option<&str>) -> Result<(), Error>;

    /// The rows that a query asks for.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or a row does not have the table's columns.
    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error>;
}

/// How far a projection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Everything up to here is in the rows.
    pub position: Position,
    /// The event at this position, or the last one before it that is known: it tells whether a log is the one that the
    /// rows were made of.
    pub anchor: Option<Anchor>,
    /// Why the projection stands still, if it does.
    pub stopped: Option<String>,
}

/// An event and where it stood when it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its place.
    pub position: Position,
    /// Its id.
    pub event: Uuid,
}

/// What one batch of events does to the rows of a projection.
#[derive(Clone, Debug)]
pub struct RowChange<'a> {
    /// The projection's table.
    pub table: &'a Table,
    /// Where the checkpoint has to stand.
    pub from: Position,
    /// Where it goes.
    pub to: Position,
    /// The event at `to`, or the last one before it that is known; none leaves the anchor as it is.
    pub anchor: Option<Anchor>,
    /// Rows to write whole, each key once.
    pub upserts: Vec<Row>,
    /// Keys of rows to delete, each once and none of them written in the same change; a row need not be there.
    pub deletes: Vec<Key>,
}

/// The answer to a [`RowChange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Rows and checkpoint are changed.
    Done,
    /// The checkpoint stood elsewhere: another runner was here. Nothing was written.
    Stale(Position),
}

impl fmt::Debug for dyn RowStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe_rows())
    }
}

/// A shared store of rows.
pub type SharedRows = Arc<dyn RowStore>;

macro_rules! delegate_rows {
    ($($holder:ty),+) => {
        $(#[async_trait]
        impl<S: RowStore + ?Sized> RowStore for $holder {
            fn describe_rows(&self) -> String {
                (**self).describe_rows()
            }

            async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
                (**self).define(table, log).await
            }

            async fn checkpoint(&self, projection: &str, version: u32) -> Result<Option<Checkpoint>, Error> {
                (**self).checkpoint(projection, version).await
            }

            async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
                (**self).rows(table, keys).await
            }

            async fn commit(&self, change: RowChange<'_>) -> Result<Committed, Error> {
                (**self).commit(change).await
            }

            async fn report(&self, projection: &str, version: u32, stopped: Option<&str>) -> Result<(), Error> {
                (**self).report(projection, version, stopped).await
            }

            async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
                (**self).find(query).await
            }
        })+
    };
}

delegate_rows!(Arc<S>, Box<S>);
