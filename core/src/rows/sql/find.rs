//! Compiles a query to one statement: a union of branches, each of which is one index scan, in the order of the query.

mod bounds;
mod totals;

use super::{SelectStatement, TableSql, check_type, check_values};
use crate::{
    error::Invalid,
    limits::refuse,
    rows::{Bound, Column, Filter, Key, RowQuery, Sort, Value},
};

impl TableSql<'_> {
    /// The statement that selects the rows of a query, in its order.
    ///
    /// # Errors
    /// [`Invalid`] if the query uses a column that does not exist, or compares it with a value of another type.
    pub fn find(&self, query: &RowQuery<'_>) -> Result<SelectStatement, Invalid> {
        let mut builder = SelectBuilder { sql: self, values: Vec::new() };
        let sorted = query.sort.map(|sort| builder.column(sort.column)).transpose()?;
        let order =
            Order { sorted, descending: query.sort.is_some_and(|Sort { descending, .. }| descending) };
        let filters = builder.filters(query, sorted)?;
        let branches = builder.branches(query, order)?;
        let limit = builder.value(Value::Int(i64::try_from(query.limit).unwrap_or(i64::MAX)));
        let order_by = format!("ORDER BY {} LIMIT {limit}", self.order_by(order));
        let select = |branch: &Vec<String>| {
            let conditions: Vec<&str> = filters.iter().chain(branch).map(String::as_str).collect();
            let clause = if conditions.is_empty() { "" } else { " WHERE " };
            format!(
                "SELECT {} FROM {}{clause}{} {order_by}",
                self.columns(),
                self.relation(),
                conditions.join(" AND ")
            )
        };
        let selects: Vec<String> = branches.iter().map(select).collect();
        let sql = match &selects[..] {
            [one] => one.clone(),
            many => {
                let part = |(n, select): (usize, &String)| format!("SELECT * FROM ({select}) AS part{n}");
                let parts: Vec<String> = many.iter().enumerate().map(part).collect();
                format!(
                    "SELECT * FROM ({}) AS found {}",
                    parts.join(" UNION ALL "),
                    self.outer_order(order, &limit)
                )
            }
        };
        Ok(SelectStatement { sql, values: builder.values })
    }

    /// The order of one branch, by columns of the table.
    fn order_by(&self, order: Order) -> String {
        self.ordered(order, |column| self.readable(column))
    }

    /// The order of the union, by column names of the branches.
    fn outer_order(&self, order: Order, limit: &str) -> String {
        format!("ORDER BY {} LIMIT {limit}", self.ordered(order, |column| self.column(column)))
    }

    fn ordered(&self, order: Order, name: impl Fn(&Column) -> String) -> String {
        let term = |column: &Column| {
            let (way, nulls) = if order.descending { (" DESC", " NULLS LAST") } else { ("", " NULLS FIRST") };
            // Only for columns that may be NULL: the index of another column does not declare it either.
            format!("{}{way}{}", name(column), if column.nullable { nulls } else { "" })
        };
        self.order_columns(order).into_iter().map(term).collect::<Vec<_>>().join(", ")
    }

    /// The columns of the order: the sorted one, if any, and the key.
    fn order_columns(&self, order: Order) -> Vec<&'static Column> {
        let key =
            self.table.key().filter(|column| Some(column.name) != order.sorted.map(|sorted| sorted.name));
        order.sorted.into_iter().chain(key).collect()
    }
}

#[derive(Clone, Copy)]
struct Order {
    sorted: Option<&'static Column>,
    descending: bool,
}

/// Collects the parameters of a statement while its text is built.
struct SelectBuilder<'a> {
    sql: &'a TableSql<'a>,
    values: Vec<Value>,
}

impl SelectBuilder<'_> {
    /// Adds a parameter, and returns its placeholder.
    fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        self.sql.dialect.parameter(self.values.len())
    }

    fn column(&self, column: usize) -> Result<&'static Column, Invalid> {
        let columns = self.sql.table.columns;
        columns
            .get(column)
            .ok_or_else(|| refuse("column", &column.to_string(), "the table has no such column"))
    }

    /// The conditions of the filters, column by column.
    fn filters(&mut self, query: &RowQuery<'_>, sorted: Option<&Column>) -> Result<Vec<String>, Invalid> {
        let mut numbers: Vec<usize> = query.filters.iter().map(|filter| filter.column).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut conditions = Vec::new();
        for number in numbers {
            let column = self.column(number)?;
            let bounds: Vec<&Bound> = query
                .filters
                .iter()
                .filter(|filter| filter.column == number)
                .map(|Filter { bound, .. }| bound)
                .collect();
            let mut terms = Vec::new();
            for bound in &bounds {
                terms.extend(self.bound(column, bound)?);
            }
            match self.sql.text_indexes(column) {
                // A query sorted by this text has a branch for each index.
                Some(indexes) if sorted != Some(column) => {
                    conditions.push(self.with_text_index(indexes, &bounds, &terms));
                }
                _ => conditions.append(&mut terms),
            }
        }
        Ok(conditions)
    }

    /// Adds the condition of the index that a comparison of a text can use: one of the two, or both.
    fn with_text_index(&self, [short, long]: [String; 2], bounds: &[&Bound], terms: &[String]) -> String {
        let terms = terms.join(" AND ");
        let longest = self.sql.dialect.longest_indexed().unwrap_or(usize::MAX);
        let equal = bounds.iter().find_map(|bound| match bound {
            Bound::Equal(Value::Text(text)) => Some(text.len() > longest),
            Bound::Equal(_) => Some(false),
            _ => None,
        });
        match equal {
            Some(true) => format!("{long} AND {terms}"),
            Some(false) => format!("{short} AND {terms}"),
            None => format!("({short} AND {terms} OR {long} AND {terms})"),
        }
    }

    fn bound(&mut self, column: &Column, bound: &Bound) -> Result<Vec<String>, Invalid> {
        let name = self.sql.readable(column);
        let (operator, value) = match bound {
            Bound::Equal(value) => ("=", value),
            Bound::AtLeast(value) => (">=", value),
            Bound::Below(value) => ("<", value),
            Bound::AtMost(value) => ("<=", value),
            Bound::Above(value) => (">", value),
            Bound::Prefix(prefix) => return Ok(self.prefix(column, prefix)),
            Bound::PrefixIgnoreAsciiCase(prefix) => return Ok(self.prefix_ignore_ascii_case(column, prefix)),
            Bound::OneOf(values) => return self.one_of(column, values),
        };
        check_type(column, value)?;
        Ok(vec![match (operator, value) {
            ("=", Value::Null) => format!("{name} IS NULL"),
            // Every other value is greater than NULL.
            (">=" | ">", Value::Null) => format!("{name} IS NOT NULL"),
            (_, Value::Null) => "1 = 0".to_owned(),
            (_, value) => format!("{name} {operator} {}", self.value(value.clone())),
        }])
    }

    /// The conditions of the branches of the union. Rows after the start of the page form one branch, or two if the page
    /// crosses NULL; each is doubled if the sorted column is a text with two indexes.
    fn branches(&mut self, query: &RowQuery<'_>, order: Order) -> Result<Vec<Vec<String>>, Invalid> {
        let parts = match &query.after {
            None => vec![vec![]],
            Some((value, key)) => self.remaining(order, value.as_ref().unwrap_or(&Value::Null), key)?,
        };
        let Some(indexes) = order.sorted.and_then(|column| self.sql.text_indexes(column)) else {
            return Ok(parts);
        };
        let both = |part: Vec<String>| indexes.clone().map(|index| [vec![index], part.clone()].concat());
        Ok(parts.into_iter().flat_map(both).collect())
    }

    /// The conditions for the rows after the start of the page: one list, or two if the page crosses NULL.
    fn remaining(&mut self, order: Order, value: &Value, key: &Key) -> Result<Vec<Vec<String>>, Invalid> {
        let key_columns: Vec<&Column> = self.sql.table.key().collect();
        check_values(&key_columns, key)?;
        let Some(sorted) = order.sorted else { return Ok(vec![vec![self.after(order, None, key)]]) };
        check_type(sorted, value)?;
        let name = self.sql.readable(sorted);
        let (is_null, is_not_null) = (format!("{name} IS NULL"), format!("{name} IS NOT NULL"));
        Ok(match (value, order.descending) {
            (Value::Null, descending) => {
                let same = vec![is_null, self.after(Order { sorted: None, ..order }, None, key)];
                if descending { vec![same] } else { vec![same, vec![is_not_null]] }
            }
            (value, descending) => {
                let rest = vec![self.after(order, Some(value), key)];
                if descending && sorted.nullable { vec![rest, vec![is_null]] } else { vec![rest] }
            }
        })
    }

    /// The condition that a row comes after another one in this order, as one row comparison.
    fn after(&mut self, order: Order, value: Option<&Value>, key: &Key) -> String {
        let key_columns: Vec<&Column> = self.sql.table.key().collect();
        let mut names = Vec::new();
        let mut values = Vec::new();
        for column in self.sql.order_columns(order) {
            let own =
                key_columns.iter().zip(key).find(|(one, _)| one.name == column.name).map(|(_, value)| value);
            let Some(own) = own.or(value) else { continue };
            names.push(self.sql.readable(column));
            values.push(self.value(own.clone()));
        }
        let operator = if order.descending { "<" } else { ">" };
        format!("({}) {operator} ({})", names.join(", "), values.join(", "))
    }
}
