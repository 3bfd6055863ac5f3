//! The difference between two lists of events or commands, as text.

use std::fmt::Write;

use crate::{payload::Payload, record::Draft};

/// One line per event or command, in the order of both lists. `=` marks lines in both lists, `-` lines only in the expected
/// list, and `+` lines only in the actual one.
pub(super) fn diff<T: Listed>(expected: &[T], actual: &[T]) -> String {
    let (expected, actual): (Vec<_>, Vec<_>) = (lines(expected), lines(actual));
    let common = common_lengths(&expected, &actual);
    let (mut e, mut a) = (0, 0);
    let mut text = String::new();
    while e < expected.len() || a < actual.len() {
        let (mark, line) = match (expected.get(e), actual.get(a)) {
            (Some(one), Some(other)) if one == other => {
                (e, a) = (e + 1, a + 1);
                ('=', one)
            }
            (Some(one), other) if other.is_none() || common[e + 1][a] >= common[e][a + 1] => {
                e += 1;
                ('-', one)
            }
            (_, Some(other)) => {
                a += 1;
                ('+', other)
            }
            (_, None) => break,
        };
        let _ = writeln!(text, "  {mark} {}", line.shown);
    }
    text
}

/// `lengths[e][a]` is the length of the longest common subsequence of `expected[e..]` and `actual[a..]`.
fn common_lengths(expected: &[Line], actual: &[Line]) -> Vec<Vec<usize>> {
    let mut lengths = vec![vec![0; actual.len() + 1]; expected.len() + 1];
    for e in (0..expected.len()).rev() {
        for a in (0..actual.len()).rev() {
            lengths[e][a] = if expected[e] == actual[a] {
                lengths[e + 1][a + 1] + 1
            } else {
                lengths[e + 1][a].max(lengths[e][a + 1])
            };
        }
    }
    lengths
}

/// An element of such a list.
pub(super) trait Listed {
    /// The line for the element.
    fn line(&self) -> Line;
}

/// An event or command in its stored form, without its own id.
pub(super) struct Line {
    shown: String,
    /// The line with fields sorted by name, for comparisons: the order of a `HashMap` changes every time.
    compared: String,
}

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        self.compared == other.compared
    }
}

impl Line {
    /// The line that `with` formats from a payload.
    pub(super) fn new(payload: &Payload, with: impl Fn(&str) -> String) -> Self {
        Self { shown: with(payload.as_str()), compared: with(&payload.with_sorted_fields()) }
    }
}

impl Listed for Draft {
    fn line(&self) -> Line {
        let tags: Vec<&str> = self.tags().iter().map(crate::tag::Tag::as_str).collect();
        let (name, version, tags) = (self.name(), self.version(), tags.join(", "));
        Line::new(self.data(), |data| format!("{name} v{version} {data} [{tags}]"))
    }
}

pub(super) fn lines<T: Listed>(list: &[T]) -> Vec<Line> {
    list.iter().map(Listed::line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Payload;

    fn events(names: &[&'static str]) -> Vec<Draft> {
        names.iter().map(|name| Draft::new(*name, 1, [], Payload::parse("{}").unwrap()).unwrap()).collect()
    }

    #[test]
    fn diff_marks_missing_and_additional_events() {
        let text = diff(&events(&["a", "b", "c"]), &events(&["a", "x", "c", "d"]));
        assert_eq!(text, "  = a v1 {} []\n  - b v1 {} []\n  + x v1 {} []\n  = c v1 {} []\n  + d v1 {} []\n");
        let [one, other] = [r#"{"b":1,"a":2}"#, r#"{"a":2,"b":1}"#]
            .map(|data| [Draft::new("a", 1, [], Payload::parse(data).unwrap()).unwrap()]);
        assert_eq!(diff(&one, &other), "  = a v1 {\"b\":1,\"a\":2} []\n");
        assert_eq!(diff(&[], &events(&["a"])), "  + a v1 {} []\n");
        assert_eq!(diff(&events(&["a"]), &[]), "  - a v1 {} []\n");
    }
}
