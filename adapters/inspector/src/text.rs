//! Stored texts for a page: without characters that act on the order of the text, cut where they are long, and JSON with line breaks.

use std::fmt::Write;

use annalist_core::{payload::Payload, time::Timestamp};
use serde_json::{Deserializer, Serializer};
use similar::{ChangeTag, TextDiff};

/// The largest number of bytes of a text on a page, unless all of it is asked for.
pub(crate) const MAX_TEXT: usize = 16 << 10;
/// The largest number of characters of a text in a cell of a table.
pub(crate) const MAX_CELL: usize = 160;
/// The largest texts whose lines are compared.
const MAX_COMPARED: usize = 256 << 10;

/// Shows control characters and the marks of writing directions as escapes. Line breaks and tabs stay.
pub(crate) fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        let is_layout = matches!(character, '\n' | '\t');
        if (character.is_control() && !is_layout) || is_invisible(character) {
            // Writing to a string does not fail.
            let _ = write!(visible, "{}", character.escape_unicode());
        } else {
            visible.push(character);
        }
    }
    visible
}

/// Marks of writing directions, and characters without width, by which different texts look alike.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// The beginning of a text, at most so many bytes, and whether it was cut.
pub(crate) fn cut(text: &str, bytes: usize) -> (&str, bool) {
    if text.len() <= bytes {
        return (text, false);
    }
    (&text[..text.floor_char_boundary(bytes)], true)
}

/// A text for a cell: one line, cut, with an ellipsis.
pub(crate) fn cell(text: &str) -> String {
    let (start, is_cut) = cut(text, MAX_CELL);
    let end = if is_cut { "…" } else { "" };
    visible(&start.replace(['\n', '\t'], " ")) + end
}

/// A payload with line breaks, or as it is stored if it is damaged and not JSON. The encrypted texts of secrets are left out.
pub(crate) fn pretty(payload: &Payload) -> String {
    let text = payload.as_str();
    let mut pretty = Vec::new();
    let mut serializer = Serializer::pretty(&mut pretty);
    let transcoded = serde_transcode::transcode(&mut Deserializer::from_str(text), &mut serializer);
    match (transcoded, String::from_utf8(pretty)) {
        (Ok(()), Ok(pretty)) => mask(&pretty, "\"$sealed\": \""),
        _ => mask(text, "\"$sealed\":\""),
    }
}

/// A payload in one line, cut.
pub(crate) fn one_line(payload: &Payload) -> String {
    cell(&mask(cut(payload.as_str(), 4 * MAX_CELL).0, "\"$sealed\":\""))
}

/// Replaces what follows the marks of secrets, up to the end of the string.
fn mask(text: &str, mark: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mark) {
        masked.push_str(before);
        masked.push_str(mark);
        masked.push('…');
        rest = after.find('"').map_or("", |end| &after[end..]);
    }
    masked + rest
}

/// A line of a state, and whether an event removed or added it.
pub(crate) struct ChangedLine {
    pub(crate) sign: &'static str,
    pub(crate) text: String,
}

/// The lines that differ, with one line before and after them. `None` if the texts are too long to compare.
pub(crate) fn changed_lines(before: &str, after: &str) -> Option<Vec<ChangedLine>> {
    if before.len().max(after.len()) > MAX_COMPARED {
        return None;
    }
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (number, group) in diff.grouped_ops(1).iter().enumerate() {
        if number > 0 {
            lines.push(ChangedLine { sign: " ", text: "…".to_owned() });
        }
        let changes = group.iter().flat_map(|operation| diff.iter_changes(operation));
        lines.extend(changes.map(|change| ChangedLine {
            sign: match change.tag() {
                ChangeTag::Delete => "-",
                ChangeTag::Insert => "+",
                ChangeTag::Equal => " ",
            },
            text: cut(change.value().trim_end_matches('\n'), MAX_TEXT).0.to_owned(),
        }));
    }
    Some(lines)
}

/// The age of a time in words: `5 min ago`.
pub(crate) fn age(time: Timestamp, now: Timestamp) -> String {
    let seconds = (i128::from(now.as_micros()) - i128::from(time.as_micros())) / 1_000_000;
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("{} ago", duration(seconds.unsigned_abs())),
        _ => format!("in {}", duration(seconds.unsigned_abs())),
    }
}

/// A number of seconds in the largest fitting unit.
pub(crate) fn duration(seconds: u128) -> String {
    let units = [(31_557_600, "y"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let fitting = units.into_iter().find(|(length, _)| seconds >= *length);
    fitting.map_or_else(|| "0 s".to_owned(), |(length, unit)| format!("{} {unit}", seconds / length))
}

/// A number with a thin space after each third digit from the right.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_act_on_the_text_are_visible() {
        assert_eq!(visible("a\u{202e}b\0c\n"), "a\\u{202e}b\\u{0}c\n");
        assert_eq!(visible("Ännchen 李"), "Ännchen 李");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("äöü", 3), ("ä", true));
        assert_eq!(cut("äöü", 6), ("äöü", false));
        assert!(cell(&"x".repeat(MAX_CELL + 1)).ends_with("x…"));
    }

    #[test]
    fn secrets_are_left_out_and_order_and_numbers_stay() {
        let payload = Payload::from_stored(r#"{"z":{"$sealed":"abc"},"a":12345678901234567890123}"#);
        let text = pretty(&payload);
        assert!(!text.contains("abc") && text.contains(r#""$sealed": "…""#), "{text}");
        assert!(one_line(&payload).contains(r#""$sealed":"…""#));
        let damaged = Payload::from_stored(r#"{"z":{"$sealed":"abc"#);
        assert!(!pretty(&damaged).contains("abc"));
    }

    #[test]
    fn ages_have_the_largest_fitting_unit() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        assert_eq!(age(at(0), at(150)), "2 min ago");
        assert_eq!(age(at(90_000), at(0)), "in 1 d");
        assert_eq!(age(at(7), at(7)), "now");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
