//! The rows of a projection for operators, without the type of the row.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
};

use super::cursor::Cursor;
use crate::{
    daemon::FollowerControl,
    error::{Error, Invalid},
    limits::refuse,
    rows::{Bound, Column, Filter, Role, Row, RowQuery, Sort, Table, Value},
};

/// The number of rows on a page unless another limit is set.
const DEFAULT_LIMIT: usize = 100;

/// Reads a page of rows when awaited. Returned by [`App::browse`](crate::app::App::browse).
///
/// # Errors
/// [`Error::Unusable`] if there is no projection of this name, or it has no rows or no build; [`Error::Invalid`] if a column is neither a
/// part of the key nor indexed, a text is no value of its column, or the cursor belongs to another query; another [`Error`] if the store
/// cannot answer.
#[must_use = "nothing is read before it is awaited"]
#[derive(Debug)]
pub struct Browse {
    control: Result<Arc<FollowerControl>, Error>,
    conditions: Conditions,
}

/// Which rows a page has.
#[derive(Debug)]
struct Conditions {
    /// The names of columns, and the texts of their values.
    equal: Vec<(String, String)>,
    /// The name of a column, and whether the largest value comes first.
    order: Option<(String, bool)>,
    cursor: Option<Cursor>,
    limit: usize,
}

/// A page of rows without their type.
#[derive(Clone, Debug, PartialEq)]
pub struct BrowsedRows {
    /// The columns, in the order of the values of a row.
    pub columns: &'static [Column],
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// The cursor of the next page, for [`Browse::from`]; `None` on the last page.
    pub next: Option<Cursor>,
}

impl Browse {
    pub(crate) fn new(control: Result<Arc<FollowerControl>, Error>) -> Self {
        let conditions = Conditions { equal: Vec::new(), order: None, cursor: None, limit: DEFAULT_LIMIT };
        Self { control, conditions }
    }

    /// Only rows with this value in a key or index column, in the form that [`Value::parse`] reads.
    pub fn equal(mut self, column: impl Into<String>, value: impl Into<String>) -> Self {
        self.conditions.equal.push((column.into(), value.into()));
        self
    }

    /// Sorts by a key or index column, then by key.
    pub fn order_by(mut self, column: impl Into<String>, descending: bool) -> Self {
        self.conditions.order = Some((column.into(), descending));
        self
    }

    /// Continues after the page that returned this cursor. The conditions and the order must be the same.
    pub fn from(mut self, cursor: Cursor) -> Self {
        self.conditions.cursor = Some(cursor);
        self
    }

    /// Sets the maximum number of rows on the page. The default is 100; 0 counts as 1.
    pub fn limit(mut self, limit: usize) -> Self {
        self.conditions.limit = limit.max(1);
        self
    }
}

impl Conditions {
    async fn read(self, control: &FollowerControl) -> Result<BrowsedRows, Error> {
        let own = control.follower.table();
        if own.is_checkpoint_only() {
            let operation = format!("show the rows of `{}`", own.projection);
            return Err(Error::unusable(operation, "it has no rows of its own"));
        }
        let (table, _) = control.served().await?;
        let filters = self.equal.iter().map(|(column, text)| filter(&table, column, text));
        let filters: Vec<Filter> = filters.collect::<Result<_, _>>()?;
        let sort = match &self.order {
            Some((name, descending)) => Some(Sort { column: column(&table, name)?, descending: *descending }),
            None => None,
        };
        let signature = format!("{} {:?} {:?}", table.name(), self.equal, self.order);
        let after = self.cursor.map(|cursor| cursor.open(&signature)).transpose()?;
        let query = RowQuery { table: &table, filters, sort, after, limit: self.limit.saturating_add(1) };
        let stored = control.rows.as_stored().unwrap_or(&control.rows);
        let mut rows = stored.find(&query).await?;
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let last = rows.last().filter(|_| has_more);
        let next = last.map(|row| {
            let sorted = sort.and_then(|sort| row.get(sort.column).cloned());
            Cursor::new(signature.clone(), sorted, table.key_of(row))
        });
        Ok(BrowsedRows { columns: table.columns, rows, next })
    }
}

impl IntoFuture for Browse {
    type Output = Result<BrowsedRows, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let control = self.control?;
            let operation = || format!("show the rows of `{}`", control.follower.table().projection);
            control.watcher.runtime().run(operation, self.conditions.read(&control)).await
        })
    }
}

fn filter(table: &Table, name: &str, text: &str) -> Result<Filter, Invalid> {
    let column = column(table, name)?;
    let kind = table.columns[column].kind;
    Ok(Filter { column, bound: Bound::Equal(Value::parse(kind, text)?) })
}

/// The index of a column by which the store finds rows.
fn column(table: &Table, name: &str) -> Result<usize, Invalid> {
    let is_searchable = |column: &Column| matches!(column.role, Role::Key | Role::Index);
    let found = table.columns.iter().position(|column| column.name == name && is_searchable(column));
    found.ok_or_else(|| {
        let names = table.columns.iter().filter(|column| is_searchable(column)).map(|column| column.name);
        let rule = format!("rows are found by {}", names.collect::<Vec<_>>().join(", "));
        refuse("column", name, rule)
    })
}
