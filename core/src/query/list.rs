//! Many rows: by key or index, sorted, one page at a time.

mod conditions;
mod totals;

use std::{
    fmt::{self, Write},
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use uuid::Uuid;

use super::{
    cursor::Cursor,
    read_model::{DEFAULT_TIMEOUT, ReadModel},
};
use crate::{
    error::{Error, Invalid},
    limits::refuse,
    projection::Projection,
    rows::{Bound, Column, ColumnType, Filter, Role, RowQuery, SharedRows, Sort, Table, key_text},
    store::Included,
};

/// The number of rows on a page unless the query sets another limit.
const DEFAULT_LIMIT: usize = 100;

/// A query for rows that runs when it is awaited. Returned by [`App::list`](crate::app::App::list).
///
/// Conditions and orders name fields of the row that are marked `#[key]` or `#[index]`. A wrong name is an error that
/// lists the possible ones. Several conditions must all hold.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?; // Ada has 10 cents, Bob 30, Cay 20
/// let page = app.list::<Balance>().range("cents", 20..).order_by("cents").descending().await?;
/// let owners: Vec<_> = page.rows.iter().map(|row| row.owner.as_str()).collect();
/// assert_eq!(owners, ["Bob", "Cay"]);
///
/// let error = app.list::<Balance>().equal("name", &"Ada".to_owned()).await.unwrap_err();
/// assert!(error.to_string().contains("`balances` can be queried by account, owner, cents"));
/// # Ok(())
/// # });
/// ```
///
/// # Errors
/// [`Error::Invalid`] if the query names a wrong field, or the cursor belongs to another query. Otherwise as
/// [`Find`](super::Find).
#[must_use = "a query runs only when it is awaited"]
pub struct List<P> {
    model: Result<ReadModel<P>, Error>,
    table: Table,
    /// The first error in the query, returned when it runs.
    error: Option<Invalid>,
    filters: Vec<Filter>,
    sort: Option<Sort>,
    cursor: Option<Cursor>,
    limit: usize,
    wanted: Included,
    timeout: Duration,
}

/// A page of rows.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let page = app.list::<Balance>().limit(2).await?;
/// assert_eq!((page.rows.len(), page.next.is_some()), (2, true));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Page<P> {
    /// The rows, in order.
    pub rows: Vec<P>,
    /// The cursor of the next page, for [`List::from`]; `None` on the last page.
    pub next: Option<Cursor>,
}

impl<P: Projection> List<P> {
    /// A query for all rows, sorted by their key.
    #[doc(hidden)]
    pub fn new(model: Result<ReadModel<P>, Error>) -> Self {
        Self {
            model,
            table: P::TABLE,
            error: None,
            filters: Vec::new(),
            sort: None,
            cursor: None,
            limit: DEFAULT_LIMIT,
            wanted: Included::default(),
            timeout: DEFAULT_TIMEOUT,
        }
    }
}

impl<P> List<P> {
    /// Sorts ascending by a field, then by key. `None` comes first.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.list::<Balance>().order_by("cents").await?;
    /// assert_eq!(page.rows[1].owner, "Cay");
    /// # Ok(())
    /// # });
    /// ```
    pub fn order_by(mut self, field: &str) -> Self {
        if let Some(column) = self.column(field, None) {
            self.sort = Some(Sort { column, descending: false });
        }
        self
    }

    /// Sorts descending, also the keys of rows with equal values. `None` comes last. Needs [`List::order_by`] first.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.list::<Balance>().order_by("cents").descending().await?;
    /// assert_eq!(page.rows[0].owner, "Bob");
    /// # Ok(())
    /// # });
    /// ```
    pub fn descending(mut self) -> Self {
        match &mut self.sort {
            Some(sort) => sort.descending = true,
            None => self.fail(refuse("query", "descending", "call `order_by` with a field first")),
        }
        self
    }

    /// Sets the maximum number of rows on the page. The default is 100; 0 counts as 1.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.list::<Balance>().limit(2).await?;
    /// assert_eq!(page.rows.len(), 2);
    /// # Ok(())
    /// # });
    /// ```
    pub fn limit(self, limit: usize) -> Self {
        Self { limit: limit.max(1), ..self }
    }

    /// Continues after the page that returned this cursor. The query must have the same conditions and order.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let first = app.list::<Balance>().order_by("owner").limit(2).await?;
    /// let second = app.list::<Balance>().order_by("owner").from(first.next.unwrap()).await?;
    /// assert_eq!(second.rows[0].owner, "Cay");
    /// assert_eq!(second.next, None);
    /// # Ok(())
    /// # });
    /// ```
    pub fn from(self, cursor: Cursor) -> Self {
        Self { cursor: Some(cursor), ..self }
    }

    /// Waits until the rows include all events up to a position. With the receipt of a command, `after(&receipt)`, they
    /// show what that command wrote.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let receipt = app.execute(open("d", "Dan")).await?;
    /// assert_eq!(app.list::<Balance>().after(&receipt).await?.rows.len(), 4);
    /// # Ok(())
    /// # });
    /// ```
    pub fn after(self, position: impl Into<Included>) -> Self {
        Self { wanted: position.into(), ..self }
    }

    /// Sets how long to wait at most. The default is 5 seconds.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use std::time::Duration;
    ///
    /// let list = app.list::<Balance>().after(annalist::Position::new(1000)); // far beyond the end of the log
    /// assert!(matches!(list.timeout(Duration::ZERO).await, Err(Error::NotCaughtUp { .. })));
    /// # Ok(())
    /// # });
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The index of a column that queries can use, with the expected type if one is given. Otherwise records the error
    /// and returns `None`.
    fn column(&mut self, field: &str, kind: Option<ColumnType>) -> Option<usize> {
        let columns = self.table.columns;
        let is_queryable = |column: &&Column| matches!(column.role, Role::Key | Role::Index);
        let is_secret = |column: &Column| column.name == field && column.role == Role::Encrypted;
        if columns.iter().any(is_secret) {
            let rule = "it is a secret, which the store cannot read: find rows by `equal_secret`, with `#[secret(…, lookup)]` on the field, or \
                        filter and sort the rows that a query returns";
            self.fail(refuse("field of a query", field, rule));
            return None;
        }
        match columns.iter().position(|column| column.name == field && is_queryable(&column)) {
            Some(index) if kind.is_none_or(|kind| columns[index].kind == kind) => return Some(index),
            Some(index) => {
                let rule = format!(
                    "it is compared with a value of another type; it holds {:?}",
                    columns[index].kind
                );
                self.fail(refuse("field of a query", field, rule));
            }
            None => {
                let known: Vec<_> = columns.iter().filter(is_queryable).map(|column| column.name).collect();
                let rule = format!(
                    "`{}` can be queried by {}; mark other fields with `#[index]`",
                    self.table.projection,
                    known.join(", ")
                );
                self.fail(refuse("field of a query", field, rule));
            }
        }
        None
    }

    /// Records the first error of the query.
    fn fail(&mut self, error: Invalid) {
        self.error.get_or_insert(error);
    }
}

impl<P: Projection> List<P> {
    async fn run(mut self) -> Result<Page<P>, Error> {
        if let Some(error) = self.error.take() {
            return Err(error.into());
        }
        let signature = self.signature();
        let after = self.cursor.take().map(|cursor| cursor.open(&signature)).transpose()?;
        let model = self.model?;
        // One row more than the limit shows whether there is a next page.
        let limit = self.limit.saturating_add(1);
        let (filters, sort) = (self.filters, self.sort);
        let read = |rows: SharedRows, table: Table| {
            let (filters, after) = (filters.clone(), after.clone());
            async move { rows.find(&RowQuery { table: &table, filters, sort, after, limit }).await }
        };
        let mut rows = model.read(self.wanted, self.timeout, read).await?;
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next = rows.last().filter(|_| has_more).map(|row| {
            let sorted = sort.and_then(|sort| row.get(sort.column).cloned());
            Cursor::new(signature, sorted, P::TABLE.key_of(row))
        });
        let rows = rows.into_iter().map(P::from_row).collect::<Result<_, _>>()?;
        Ok(Page { rows, next })
    }

    /// The parts of the query that a cursor depends on, as text.
    fn signature(&self) -> String {
        let mut text = self.table.name();
        for Filter { column, bound } in &self.filters {
            let name = self.table.columns[*column].name;
            let _ = match bound {
                // A cursor must stay short.
                Bound::OneOf(values) => {
                    let values = Uuid::new_v5(&Uuid::NAMESPACE_OID, key_text(values).as_bytes());
                    write!(text, " {name}:OneOf({values})")
                }
                // Nor may it have a secret.
                _ if self.table.columns[*column].role == Role::Lookup => write!(text, " {name}"),
                bound => write!(text, " {name}:{bound:?}"),
            };
        }
        if let Some(Sort { column, descending }) = self.sort {
            let _ = write!(
                text,
                " by {}{}",
                self.table.columns[column].name,
                if descending { " descending" } else { "" }
            );
        }
        text
    }
}

impl<P> fmt::Debug for List<P> {
    /// Does not show the values of conditions, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("table", &self.table.name()).finish_non_exhaustive()
    }
}

impl<P: Projection> IntoFuture for List<P> {
    type Output = Result<Page<P>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
