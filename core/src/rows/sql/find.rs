//! A query as one statement: branches, each of which is a walk along an index, put together in order.

use super::{Question, TableSql, fits};
use crate::{
    error::Invalid,
    limits::refuse,
    rows::{Bound, Column, ColumnType, Filter, Key, RowQuery, Sort, Value},
};

impl TableSql<'_> {
    /// Asks for the rows of a query, in its order.
    ///
    /// # Errors
    /// [`Invalid`] if the query names columns that are not there, or compares with values of another type.
    pub fn find(&self, query: &RowQuery<'_>) -> Result<Question, Invalid> {
        let mut asked = Asked { sql: self, values: Vec::new() };
        let sorted = query.sort.map(|sort| asked.named(sort.column)).transpose()?;
        let order =
            Order { sorted, descending: query.sort.is_some_and(|Sort { descending, .. }| descending) };
        let filters = asked.filters(query, sorted)?;
        let branches = asked.branches(query, order)?;
        let limit = asked.value(Value::Int(i64::try_from(query.limit).unwrap_or(i64::MAX)));
        let behind = format!("ORDER BY {} LIMIT {limit}", self.order_by(order));
        let select = |branch: &Vec<String>| {
            let conditions: Vec<&str> = filters.iter().chain(branch).map(String::as_str).collect();
            let place = if conditions.is_empty() { "" } else { " WHERE " };
            format!(
                "SELECT {} FROM {}{place}{} {behind}",
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
                    self.behind_all(order, &limit)
                )
            }
        };
        Ok(Question { sql, values: asked.values })
    }

    /// The order by columns of the table.
    fn order_by(&self, order: Order) -> String {
        self.ordered(order, |column| self.readable(column))
    }

    /// The order of all branches together, by the names that they give.
    fn behind_all(&self, order: Order, limit: &str) -> String {
        format!("ORDER BY {} LIMIT {limit}", self.ordered(order, |column| self.column(column)))
    }

    fn ordered(&self, order: Order, name: impl Fn(&Column) -> String) -> String {
        let term = |column: &Column| {
            let (way, nulls) = if order.descending { (" DESC", " NULLS LAST") } else { ("", " NULLS FIRST") };
            // Said only where it matters: what may not be empty has an index that does not say it either.
            format!("{}{way}{}", name(column), if column.nullable { nulls } else { "" })
        };
        self.places(order).into_iter().map(term).collect::<Vec<_>>().join(", ")
    }

    /// The columns that decide about the order: the sorted one and the key.
    fn places(&self, order: Order) -> Vec<&'static Column> {
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

/// A statement in the making.
struct Asked<'a> {
    sql: &'a TableSql<'a>,
    values: Vec<Value>,
}

impl Asked<'_> {
    fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        self.sql.dialect.parameter(self.values.len())
    }

    fn named(&self, column: usize) -> Result<&'static Column, Invalid> {
        let columns = self.sql.table.columns;
        columns
            .get(column)
            .ok_or_else(|| refuse("column", &column.to_string(), "the table has no such column"))
    }

    /// The filters, column by column.
    fn filters(&mut self, query: &RowQuery<'_>, sorted: Option<&Column>) -> Result<Vec<String>, Invalid> {
        let mut numbers: Vec<usize> = query.filters.iter().map(|filter| filter.column).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut conditions = Vec::new();
        for number in numbers {
            let column = self.named(number)?;
            let bounds: Vec<&Bound> = query
                .filters
                .iter()
                .filter(|filter| filter.column == number)
                .map(|Filter { bound, .. }| bound)
                .collect();
            let mut held = Vec::new();
            for bound in &bounds {
                held.extend(self.bound(column, bound)?);
            }
            match self.sql.sides(column) {
                // The branches of a sorted text say it already.
                Some(sides) if sorted != Some(column) => {
                    conditions.push(self.on_a_side(sides, &bounds, &held));
                }
                _ => conditions.append(&mut held),
            }
        }
        Ok(conditions)
    }

    /// Says which of the two indexes of a text to ask, or both.
    fn on_a_side(&self, [short, long]: [String; 2], bounds: &[&Bound], held: &[String]) -> String {
        let held = held.join(" AND ");
        let longest = self.sql.dialect.longest_indexed().unwrap_or(usize::MAX);
        let equal = bounds.iter().find_map(|bound| match bound {
            Bound::Equal(Value::Text(text)) => Some(text.len() > longest),
            Bound::Equal(_) => Some(false),
            _ => None,
        });
        match equal {
            Some(true) => format!("{long} AND {held}"),
            Some(false) => format!("{short} AND {held}"),
            None => format!("({short} AND {held} OR {long} AND {held})"),
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
            Bound::Prefix(start) => return Ok(self.prefix(column, start)),
        };
        fits(column, value)?;
        Ok(vec![match (operator, value) {
            ("=", Value::Null) => format!("{name} IS NULL"),
            // Everything but nothing is greater than nothing.
            (">=" | ">", Value::Null) => format!("{name} IS NOT NULL"),
            (_, Value::Null) => "1 = 0".to_owned(),
            (_, value) => format!("{name} {operator} {}", self.value(value.clone())),
        }])
    }

    /// A prefix as a range: no pattern, so nothing in it has a meaning, and an index is good for it.
    fn prefix(&mut self, column: &Column, start: &str) -> Vec<String> {
        if column.kind != ColumnType::Text {
            return vec!["1 = 0".to_owned()];
        }
        let name = self.sql.column(column);
        let mut range = vec![format!("{name} >= {}", self.value(Value::Text(start.to_owned())))];
        if let Some(end) = behind_all_with(start) {
            range.push(format!("{name} < {}", self.value(Value::Text(end))));
        }
        range
    }

    /// What to ask for one after the other: the parts of what is left behind `after`, in which nothing is a case of its
    /// own, for each side of a text with two indexes.
    fn branches(&mut self, query: &RowQuery<'_>, order: Order) -> Result<Vec<Vec<String>>, Invalid> {
        let left = match &query.after {
            None => vec![vec![]],
            Some((value, key)) => self.left(order, value.as_ref().unwrap_or(&Value::Null), key)?,
        };
        let Some(sides) = order.sorted.and_then(|column| self.sql.sides(column)) else { return Ok(left) };
        let both = |part: Vec<String>| sides.clone().map(|side| [vec![side], part.clone()].concat());
        Ok(left.into_iter().flat_map(both).collect())
    }

    fn left(&mut self, order: Order, value: &Value, key: &Key) -> Result<Vec<Vec<String>>, Invalid> {
        let key_columns: Vec<&Column> = self.sql.table.key().collect();
        super::fit(&key_columns, key)?;
        let Some(sorted) = order.sorted else { return Ok(vec![vec![self.behind(order, None, key)]]) };
        fits(sorted, value)?;
        let name = self.sql.readable(sorted);
        let (nothing, something) = (format!("{name} IS NULL"), format!("{name} IS NOT NULL"));
        Ok(match (value, order.descending) {
            (Value::Null, descending) => {
                let same = vec![nothing, self.behind(Order { sorted: None, ..order }, None, key)];
                if descending { vec![same] } else { vec![same, vec![something]] }
            }
            (value, descending) => {
                let rest = vec![self.behind(order, Some(value), key)];
                if descending && sorted.nullable { vec![rest, vec![nothing]] } else { vec![rest] }
            }
        })
    }

    /// That a row comes behind a place, as one comparison of rows.
    fn behind(&mut self, order: Order, value: Option<&Value>, key: &Key) -> String {
        let key_columns: Vec<&Column> = self.sql.table.key().collect();
        let mut names = Vec::new();
        let mut places = Vec::new();
        for column in self.sql.places(order) {
            let kept =
                key_columns.iter().zip(key).find(|(one, _)| one.name == column.name).map(|(_, kept)| kept);
            let Some(place) = kept.or(value) else { continue };
            names.push(self.sql.readable(column));
            places.push(self.value(place.clone()));
        }
        let operator = if order.descending { "<" } else { ">" };
        format!("({}) {operator} ({})", names.join(", "), places.join(", "))
    }
}

/// The first text behind all that start so, byte by byte; none if there is no end.
fn behind_all_with(start: &str) -> Option<String> {
    let mut end = start.to_owned();
    while let Some(last) = end.pop() {
        // The bytes of UTF-8 have the order of the characters.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_text() {
        for (start, end) in [("a", "b"), ("az", "a{"), ("\u{7f}", "\u{80}"), ("a\u{d7ff}", "a\u{e000}")] {
            assert_eq!(behind_all_with(start).as_deref(), Some(end));
        }
        assert_eq!(behind_all_with("a\u{10ffff}\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(behind_all_with(""), None);
        assert_eq!(behind_all_with("\u{10ffff}"), None);
    }
}
