//! Queries of a row store with one fault.

use std::cmp::Ordering;

use annalist_core::{
    Error,
    rows::{Bound, Filter, Key, Row, RowQuery, Value},
};

use super::{row_fault::RowFault, rows::BrokenRows};

impl BrokenRows {
    /// Compares two values as the broken store sorts them.
    fn order(&self, one: &Value, other: &Value) -> Ordering {
        match (self.fault, one, other) {
            (RowFault::SortsTextsIgnoringCase, Value::Text(one), Value::Text(other)) => {
                one.to_lowercase().cmp(&other.to_lowercase()).then_with(|| one.cmp(other))
            }
            (RowFault::SortsDecimalsAsTexts, Value::Decimal(one), Value::Decimal(other)) => {
                one.to_string().cmp(&other.to_string())
            }
            (RowFault::SortsDatesAsTexts, Value::Date(one), Value::Date(other)) => {
                one.as_days().to_string().cmp(&other.as_days().to_string())
            }
            (RowFault::SortsDatesAsTexts, Value::TimeOfDay(one), Value::TimeOfDay(other)) => {
                one.as_micros().to_string().cmp(&other.as_micros().to_string())
            }
            (RowFault::SortsNullsLast, one, other) => {
                (*one == Value::Null).cmp(&(*other == Value::Null)).then_with(|| one.order(other))
            }
            _ => one.order(other),
        }
    }

    /// Whether a row matches a filter of the broken store.
    fn matches(&self, Filter { column, bound }: &Filter, row: &Row) -> bool {
        let value = &row[*column];
        match (self.fault, bound, value) {
            (RowFault::MatchesPrefixesAsPatterns, Bound::Prefix(prefix), Value::Text(text)) => {
                like(prefix, text)
            }
            (RowFault::FiltersTextsIgnoringCase, Bound::Equal(Value::Text(expected)), Value::Text(text)) => {
                text.to_lowercase() == expected.to_lowercase()
            }
            (RowFault::IgnoresNullInLists, Bound::OneOf(_), Value::Null) => false,
            (RowFault::IgnoresCaseOfAllLetters, Bound::PrefixIgnoreAsciiCase(prefix), Value::Text(text)) => {
                text.to_lowercase().starts_with(&prefix.to_lowercase())
            }
            (RowFault::MatchesNullAsSmallest, Bound::Below(_) | Bound::AtMost(_), Value::Null) => true,
            _ => bound.matches(value),
        }
    }

    /// Filters, sorts and limits all rows, with the fault of this store.
    pub(super) async fn find_with_fault(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let all = RowQuery { filters: vec![], sort: None, after: None, limit: usize::MAX, ..query.clone() };
        let mut rows = self.inner.find(&all).await?;
        let count = if self.fault == RowFault::AppliesOnlyFirstFilter { 1 } else { usize::MAX };
        rows.retain(|row| query.filters.iter().take(count).all(|filter| self.matches(filter, row)));
        let descending = query.sort.is_some_and(|sort| sort.descending);
        let directed = |order: Ordering| if descending { order.reverse() } else { order };
        let sort_key = |row: &Row| (query.sort.map(|sort| row[sort.column].clone()), query.table.key_of(row));
        let compare = |one: &(Option<Value>, Key), other: &(Option<Value>, Key)| {
            let sorted = one.0.iter().zip(&other.0).map(|(one, other)| self.order(one, other));
            let keys = one.1.iter().zip(&other.1).map(|(one, other)| one.order(other));
            let (sorted, keys) =
                (sorted.fold(Ordering::Equal, Ordering::then), keys.fold(Ordering::Equal, Ordering::then));
            let ties_follow_direction = self.fault != RowFault::SortsTiesAscending;
            directed(sorted).then(if ties_follow_direction { directed(keys) } else { keys })
        };
        rows.sort_by(|one, other| compare(&sort_key(one), &sort_key(other)));
        if let Some(after) = &query.after {
            let repeats = self.fault == RowFault::RepeatsLastRowOfPage;
            rows.retain(|row| match compare(&sort_key(row), after) {
                Ordering::Greater => true,
                Ordering::Equal => repeats,
                Ordering::Less => false,
            });
            if self.fault == RowFault::SkipsFirstRowOfNextPage && rows.len() > 1 {
                rows.remove(0);
            }
        }
        rows.truncate(if self.fault == RowFault::IgnoresLimit { usize::MAX } else { query.limit });
        Ok(rows)
    }
}

impl BrokenRows {
    /// The number of rows and the sum of a column, with the fault of this store.
    pub(super) async fn totals_with_fault(
        &self,
        query: &RowQuery<'_>,
        column: Option<usize>,
    ) -> Result<(u64, i128), Error> {
        if let Some(column) = column {
            query.table.check_sum(column)?;
        }
        let all = RowQuery { sort: None, after: None, limit: usize::MAX, ..query.clone() };
        let query = if self.fault == RowFault::TotalsOfPage { query } else { &all };
        let rows = self.find_with_fault(query).await?;
        let numbers = rows.iter().filter_map(|row| match row[column?] {
            Value::Int(number) => Some(number),
            _ => None,
        });
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // This is the fault.
        let sum = match self.fault {
            RowFault::WrapsSums => numbers.fold(0, i64::wrapping_add).into(),
            RowFault::RoundsSums => numbers.map(|number| number as f64).sum::<f64>() as i128,
            _ => numbers.map(i128::from).sum(),
        };
        Ok((rows.len() as u64, sum))
    }
}

/// Whether a text starts with a match of an SQL `LIKE` pattern.
fn like(pattern: &str, text: &str) -> bool {
    // A long pattern is compared as a prefix, because each character needs a call on the stack.
    if pattern.len() > 100 || !pattern.contains(['%', '_']) {
        return text.starts_with(pattern);
    }
    let mut characters = pattern.chars();
    match characters.next() {
        None => true,
        Some('%') => text
            .char_indices()
            .map(|(at, _)| &text[at..])
            .chain([""])
            .any(|rest| like(characters.as_str(), rest)),
        Some(character) => {
            let mut rest = text.chars();
            rest.next().is_some_and(|found| {
                (character == '_' || character == found) && like(characters.as_str(), rest.as_str())
            })
        }
    }
}
