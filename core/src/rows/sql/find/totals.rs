//! Compiles the number of rows that match a query, and the sum of one of their columns.

use super::{SelectBuilder, SelectStatement, TableSql};
use crate::{error::Invalid, rows::RowQuery};

impl TableSql<'_> {
    /// The statement that counts the rows that match the filters of a query. It returns one row with one number.
    ///
    /// # Errors
    /// As [`TableSql::find`].
    pub fn count(&self, query: &RowQuery<'_>) -> Result<SelectStatement, Invalid> {
        let count = self.dialect.function("count");
        self.total(query, &format!("{count}(*)"))
    }

    /// The statement that sums a column of whole numbers over the rows that match the filters of a query. It returns one row with
    /// two numbers, whose sum is that of the column: the first one counts 2^32 times. No database adds 64-bit numbers to
    /// more than 64 bits in the same way; the sums of the halves have 64 bits for up to 2^31 rows.
    ///
    /// # Errors
    /// As [`TableSql::find`]; [`Invalid`] if the column holds no whole numbers.
    pub fn sum(&self, query: &RowQuery<'_>, column: usize) -> Result<SelectStatement, Invalid> {
        self.table.check_sum(column)?;
        let name = self.column(&self.table.columns[column]);
        let sum = self.dialect.function("sum");
        let half = |half: &str| format!("CAST(coalesce({sum}({half}), 0) AS bigint)");
        let (high, low) = (half(&format!("{name} >> 32")), half(&format!("{name} & 4294967295")));
        self.total(query, &format!("{high}, {low}"))
    }

    /// The sum of a column from the two numbers that the statement returns.
    pub fn sum_of_halves(high: i64, low: i64) -> i128 {
        (i128::from(high) << 32) + i128::from(low)
    }

    fn total(&self, query: &RowQuery<'_>, total: &str) -> Result<SelectStatement, Invalid> {
        let mut builder = SelectBuilder { sql: self, values: Vec::new() };
        let filters = builder.filters(query, None)?;
        let clause = if filters.is_empty() { "" } else { " WHERE " };
        let sql = format!("SELECT {total} FROM {}{clause}{}", self.relation(), filters.join(" AND "));
        Ok(SelectStatement { sql, values: builder.values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_every_number_sum_up_to_it() {
        for number in [i64::MIN, i64::MIN + 1, -(1 << 32), -1, 0, 1, (1 << 32) - 1, 1 << 32, i64::MAX] {
            assert_eq!(TableSql::sum_of_halves(number >> 32, number & 0xffff_ffff), i128::from(number));
        }
    }
}
