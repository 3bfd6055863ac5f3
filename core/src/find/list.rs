//! Many rows: by key or index, in an order, a page at a time.

use std::{
    fmt::Write,
    future::{Future, IntoFuture},
    ops::{Bound as End, RangeBounds},
    pin::Pin,
    time::Duration,
};

use super::{Cursor, ReadModel, model::DEFAULT_TIMEOUT};
use crate::{
    error::{Error, Invalid},
    limits::refuse,
    projection::Projection,
    record::Position,
    rows::{Bound, Column, ColumnType, Field, Filter, Role, RowQuery, Sort, Table, Value},
};

/// How many rows a page holds unless the query says otherwise.
const PAGE: usize = 100;

/// Rows that are about to be asked for; `.await` it.
///
/// Conditions and orders name the fields of the row that are marked `#[key]` or `#[index]`; a wrong name is an error that
/// says which there are.
#[must_use = "nothing is asked before it is awaited"]
#[derive(Debug)]
pub struct List<P> {
    model: Result<ReadModel<P>, Error>,
    table: Table,
    /// The first mistake in the query.
    mistake: Option<Invalid>,
    filters: Vec<Filter>,
    sort: Option<Sort>,
    cursor: Option<Cursor>,
    limit: usize,
    wanted: Position,
    timeout: Duration,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows<P> {
    /// The rows, in order.
    pub rows: Vec<P>,
    /// Where to go on; none behind the last page.
    pub next: Option<Cursor>,
}

impl<P: Projection> List<P> {
    /// All rows, by their key.
    pub fn new(model: Result<ReadModel<P>, Error>) -> Self {
        Self {
            model,
            table: P::TABLE,
            mistake: None,
            filters: Vec::new(),
            sort: None,
            cursor: None,
            limit: PAGE,
            wanted: Position::START,
            timeout: DEFAULT_TIMEOUT,
        }
    }
}

impl<P> List<P> {
    /// Only rows with this value in a field; `&None` asks for rows where it is empty.
    pub fn equal<F: Field>(self, field: &str, value: &F) -> Self {
        self.compared(field, F::TYPE, value.to_value(), Bound::Equal)
    }

    /// Only rows with a value in this range in a field. An empty field is in no range.
    pub fn range<F: Field>(self, field: &str, range: impl RangeBounds<F>) -> Self {
        let bounds = || {
            let mut bounds = Vec::new();
            match range.start_bound() {
                End::Included(value) => bounds.push(Bound::AtLeast(value.to_value()?)),
                End::Excluded(value) => bounds.push(Bound::Above(value.to_value()?)),
                End::Unbounded => {}
            }
            match range.end_bound() {
                End::Included(value) => bounds.push(Bound::AtMost(value.to_value()?)),
                End::Excluded(value) => bounds.push(Bound::Below(value.to_value()?)),
                End::Unbounded => {}
            }
            Ok(bounds)
        };
        self.filter(field, F::TYPE, bounds())
    }

    /// Only rows with this value or a greater one in a field.
    pub fn at_least<F: Field>(self, field: &str, value: &F) -> Self {
        self.compared(field, F::TYPE, value.to_value(), Bound::AtLeast)
    }

    /// Only rows with this value or a smaller one in a field.
    pub fn at_most<F: Field>(self, field: &str, value: &F) -> Self {
        self.compared(field, F::TYPE, value.to_value(), Bound::AtMost)
    }

    /// Only rows with a greater value in a field.
    pub fn above<F: Field>(self, field: &str, value: &F) -> Self {
        self.compared(field, F::TYPE, value.to_value(), Bound::Above)
    }

    /// Only rows with a smaller value in a field.
    pub fn below<F: Field>(self, field: &str, value: &F) -> Self {
        self.compared(field, F::TYPE, value.to_value(), Bound::Below)
    }

    /// Only rows with a text in a field that starts so.
    pub fn prefix(self, field: &str, start: &str) -> Self {
        self.filter(field, ColumnType::Text, Ok(vec![Bound::Prefix(start.to_owned())]))
    }

    /// Asks more if something is given: `list.when(&question.owner, |list, owner| list.equal("owner", owner))`.
    pub fn when<T>(self, given: &Option<T>, ask: impl FnOnce(Self, &T) -> Self) -> Self {
        match given {
            Some(given) => ask(self, given),
            None => self,
        }
    }

    /// Sorted by a field, smallest first, and by the key where that is alike. Nothing comes before everything.
    pub fn order_by(mut self, field: &str) -> Self {
        if let Some(column) = self.column(field, None) {
            self.sort = Some(Sort { column, descending: false });
        }
        self
    }

    /// The other way round: greatest first.
    pub fn descending(mut self) -> Self {
        match &mut self.sort {
            Some(sort) => sort.descending = true,
            None => self.mistake(refuse(
                "query",
                "descending",
                "say first by which field to sort, with `order_by`",
            )),
        }
        self
    }

    /// At most this many rows, and at least one; 100 unless said.
    pub fn limit(self, limit: usize) -> Self {
        Self { limit: limit.max(1), ..self }
    }

    /// Goes on where a page of the same query ended.
    pub fn from(self, cursor: Cursor) -> Self {
        Self { cursor: Some(cursor), ..self }
    }

    /// Waits until the rows show everything up to a position, such as that of a receipt: `after(&receipt)`.
    pub fn after(self, position: impl Into<Position>) -> Self {
        Self { wanted: position.into(), ..self }
    }

    /// How long to wait at most; 5 seconds unless said.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Only rows whose value in a field of this type is as a function of another value says.
    #[doc(hidden)]
    pub fn compared(
        self,
        field: &str,
        kind: ColumnType,
        value: Result<Value, Invalid>,
        bound: fn(Value) -> Bound,
    ) -> Self {
        self.filter(field, kind, value.map(|value| vec![bound(value)]))
    }

    fn filter(mut self, field: &str, kind: ColumnType, bounds: Result<Vec<Bound>, Invalid>) -> Self {
        let Some(column) = self.column(field, Some(kind)) else { return self };
        match bounds {
            Ok(bounds) => self.filters.extend(bounds.into_iter().map(|bound| Filter { column, bound })),
            Err(invalid) => self.mistake(invalid),
        }
        self
    }

    /// The column that a query may ask by, of the type that it compares with.
    fn column(&mut self, field: &str, kind: Option<ColumnType>) -> Option<usize> {
        let columns = self.table.columns;
        let asked = |column: &&Column| column.role != Role::Plain;
        match columns.iter().position(|column| column.name == field && column.role != Role::Plain) {
            Some(index) if kind.is_none_or(|kind| columns[index].kind == kind) => return Some(index),
            Some(index) => {
                let rule = format!(
                    "it is compared with a value of another type, it keeps {:?}",
                    columns[index].kind
                );
                self.mistake(refuse("field of a query", field, rule));
            }
            None => {
                let known: Vec<_> = columns.iter().filter(asked).map(|column| column.name).collect();
                let rule = format!(
                    "`{}` can be asked by {}; mark others with `#[index]`",
                    self.table.projection,
                    known.join(", ")
                );
                self.mistake(refuse("field of a query", field, rule));
            }
        }
        None
    }

    fn mistake(&mut self, invalid: Invalid) {
        self.mistake.get_or_insert(invalid);
    }
}

impl<P: Projection> List<P> {
    async fn run(mut self) -> Result<Rows<P>, Error> {
        if let Some(invalid) = self.mistake.take() {
            return Err(invalid.into());
        }
        let signature = self.signature();
        let after = self.cursor.take().map(|cursor| cursor.open(&signature)).transpose()?;
        let model = self.model?;
        let table = model.table(self.wanted, self.timeout).await?;
        // One row more than asked for tells whether there is a next page.
        let limit = self.limit.saturating_add(1);
        let (filters, sort) = (self.filters, self.sort);
        let query = RowQuery { table: &table, filters, sort, after, limit };
        let mut rows = model.rows().find(&query).await?;
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let last = rows.last().filter(|_| more);
        let next = last.map(|row| {
            let sorted = sort.and_then(|sort| row.get(sort.column).cloned());
            Cursor::new(signature, sorted, P::TABLE.key_of(row))
        });
        let rows = rows.into_iter().map(P::from_row).collect::<Result<_, _>>()?;
        Ok(Rows { rows, next })
    }

    /// What the query asks, as far as the meaning of a cursor depends on it.
    fn signature(&self) -> String {
        let mut text = self.table.name();
        for Filter { column, bound } in &self.filters {
            let _ = write!(text, " {}:{bound:?}", self.table.columns[*column].name);
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

impl<P: Projection> IntoFuture for List<P> {
    type Output = Result<Rows<P>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
