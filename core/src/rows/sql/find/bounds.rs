//! Conditions that are more than one comparison: prefixes and lists of values.

use super::{SelectBuilder, check_type};
use crate::{
    error::Invalid,
    rows::{Column, ColumnType, Value},
};

/// The number of letters for which each case has a range of its own: 2^3 ranges, which an index supports.
const LETTERS_IN_RANGES: usize = 3;

impl SelectBuilder<'_> {
    /// A list of values. The number of parameters is a power of two, so that there are few different statements.
    pub(super) fn one_of(&mut self, column: &Column, values: &[Value]) -> Result<Vec<String>, Invalid> {
        values.iter().try_for_each(|value| check_type(column, value))?;
        let name = self.sql.readable(column);
        let others: Vec<&Value> = values.iter().filter(|value| **value != Value::Null).collect();
        let mut terms = Vec::new();
        if others.len() < values.len() {
            terms.push(format!("{name} IS NULL"));
        }
        if let Some(last) = others.last() {
            let padded = others.iter().chain(std::iter::repeat(last)).take(others.len().next_power_of_two());
            let parameters: Vec<String> = padded.map(|value| self.value((*value).clone())).collect();
            terms.push(format!("{name} IN ({})", parameters.join(", ")));
        }
        Ok(vec![match &terms[..] {
            [] => "1 = 0".to_owned(),
            [term] => term.clone(),
            terms => format!("({})", terms.join(" OR ")),
        }])
    }

    /// A prefix as a range, which an index supports. Unlike in a pattern, no character has a special meaning.
    pub(super) fn prefix(&mut self, column: &Column, prefix: &str) -> Vec<String> {
        if column.kind != ColumnType::Text {
            return vec!["1 = 0".to_owned()];
        }
        let name = self.sql.column(column);
        let mut range = vec![format!("{name} >= {}", self.value(Value::Text(prefix.to_owned())))];
        if let Some(end) = end_of_prefix(prefix) {
            range.push(format!("{name} < {}", self.value(Value::Text(end))));
        }
        range
    }

    /// A prefix whose ASCII letters may have either case: a range for each way to write its first letters, and a comparison of
    /// the rest. The functions `lower` and `substr` only see a column whose collation is that of bytes, so that `lower` changes
    /// ASCII letters alone.
    pub(super) fn prefix_ignore_ascii_case(&mut self, column: &Column, prefix: &str) -> Vec<String> {
        if column.kind != ColumnType::Text {
            return vec!["1 = 0".to_owned()];
        }
        let starts = starts(prefix);
        let complete = starts.iter().any(|start| start.len() == prefix.len());
        let ranges: Vec<String> =
            starts.iter().map(|start| self.prefix(column, start).join(" AND ")).collect();
        let mut terms = vec![format!("({})", ranges.join(" OR "))];
        if !complete {
            let (name, length) = (self.sql.column(column), prefix.chars().count());
            let [lower, substr] = ["lower", "substr"].map(|name| self.sql.dialect.function(name));
            let lowered = self.value(Value::Text(prefix.to_ascii_lowercase()));
            terms.push(format!("{lower}({substr}({name}, 1, {length})) = {lowered}"));
        }
        terms
    }
}

/// Every way to write the start of a prefix up to and including its first letters, and the characters without case after them.
fn starts(prefix: &str) -> Vec<String> {
    let mut starts = vec![String::new()];
    let mut letters = 0;
    for character in prefix.chars() {
        let cases = match character.is_ascii_alphabetic() {
            true if letters == LETTERS_IN_RANGES => break,
            true => vec![character.to_ascii_uppercase(), character.to_ascii_lowercase()],
            false => vec![character],
        };
        letters += usize::from(cases.len() > 1);
        starts =
            starts.iter().flat_map(|start| cases.iter().map(move |case| format!("{start}{case}"))).collect();
    }
    starts
}

/// The smallest text that is greater than all texts with this prefix, byte by byte; `None` if there is none.
fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // UTF-8 sorts byte by byte like its characters.
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
    fn end_of_prefix_is_the_next_text() {
        for (prefix, end) in [("a", "b"), ("az", "a{"), ("\u{7f}", "\u{80}"), ("a\u{d7ff}", "a\u{e000}")] {
            assert_eq!(end_of_prefix(prefix).as_deref(), Some(end));
        }
        assert_eq!(end_of_prefix("a\u{10ffff}\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(end_of_prefix(""), None);
        assert_eq!(end_of_prefix("\u{10ffff}"), None);
    }

    #[test]
    fn starts_of_a_prefix_are_all_cases_of_its_first_letters() {
        assert_eq!(starts(""), [""]);
        assert_eq!(starts("1é-"), ["1é-"]);
        assert_eq!(starts("a1"), ["A1", "a1"]);
        assert_eq!(starts("aBcé").len(), 8);
        assert!(starts("aBcédE").iter().all(|start| start.eq_ignore_ascii_case("abcé")));
    }
}
