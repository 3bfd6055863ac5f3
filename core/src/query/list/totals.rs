//! The number of rows that a list selects, and the sum of one of their columns.

use std::time::Duration;

use super::List;
use crate::{
    error::{Error, Invalid},
    limits::refuse,
    projection::Projection,
    query::read_model::ReadModel,
    rows::{Column, ColumnType, Filter, RowQuery, SharedRows, Table},
    store::Included,
};

impl<P: Projection> List<P> {
    /// Counts the rows that the conditions select, on all pages: order, limit and cursor have no effect.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?; // Ada has 10 cents, Bob 30, Cay 20
    /// assert_eq!(app.list::<Balance>().at_least("cents", &20).count().await?, 2);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// As the list itself.
    pub async fn count(self) -> Result<u64, Error> {
        let Selection { model, filters, wanted, timeout } = self.selection()?;
        let read = |rows: SharedRows, table: Table| {
            let filters = filters.clone();
            async move { rows.count_rows(&row_query(&table, filters)).await }
        };
        model.read(wanted, timeout, read).await
    }

    /// Adds up a field of whole numbers of the rows that the conditions select, on all pages: order, limit and cursor have no
    /// effect. The field needs no index. `None` counts as 0. The sum has 128 bits, so that it does not overflow.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?; // Ada has 10 cents, Bob 30, Cay 20
    /// assert_eq!(app.list::<Balance>().sum("cents").await?, 60);
    ///
    /// let error = app.list::<Balance>().sum("owner").await.unwrap_err();
    /// assert!(error.to_string().contains("whole numbers"));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`] if the field does not exist or holds no whole numbers; otherwise as the list itself.
    pub async fn sum(self, field: &str) -> Result<i128, Error> {
        let column = summed(&self.table, field);
        let Selection { model, filters, wanted, timeout } = self.selection()?;
        let column = column?;
        let read = |rows: SharedRows, table: Table| {
            let filters = filters.clone();
            async move { rows.sum_column(&row_query(&table, filters), column).await }
        };
        model.read(wanted, timeout, read).await
    }

    fn selection(mut self) -> Result<Selection<P>, Error> {
        if let Some(error) = self.error.take() {
            return Err(error.into());
        }
        Ok(Selection {
            model: self.model?,
            filters: self.filters,
            wanted: self.wanted,
            timeout: self.timeout,
        })
    }
}

/// The rows that a total is about.
struct Selection<P> {
    model: ReadModel<P>,
    filters: Vec<Filter>,
    wanted: Included,
    timeout: Duration,
}

fn row_query(table: &Table, filters: Vec<Filter>) -> RowQuery<'_> {
    RowQuery { table, filters, sort: None, after: None, limit: usize::MAX }
}

/// The index of the column with this name, which holds whole numbers.
fn summed(table: &Table, field: &str) -> Result<usize, Invalid> {
    let is_number = |column: &Column| column.kind == ColumnType::Int;
    let found = table.columns.iter().position(|column| column.name == field && is_number(column));
    found.ok_or_else(|| {
        let numbers = table.columns.iter().filter(|column| is_number(column)).map(|column| column.name);
        let numbers = numbers.collect::<Vec<_>>().join(", ");
        let rule = match numbers.is_empty() {
            true => format!("`{}` has no field of whole numbers", table.projection),
            false => format!("`{}` has sums of its fields of whole numbers: {numbers}", table.projection),
        };
        refuse("field of a sum", field, rule)
    })
}
