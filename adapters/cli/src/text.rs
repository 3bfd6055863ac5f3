//! Text for people: tables, and stored text that cannot change the terminal.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Row, Table, presets};

/// Lays out rows in columns, without lines. On a terminal a row has one line and ends at the edge of the screen.
pub(crate) fn table<const N: usize>(
    heading: Option<[&str; N]>,
    rows: impl IntoIterator<Item = [String; N]>,
    width: Option<u16>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    if let Some(heading) = heading {
        table.set_header(one_line(Row::from(heading)));
    }
    for row in rows {
        table.add_row(one_line(Row::from(row.map(|cell| printable(&cell)))));
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

fn one_line(mut row: Row) -> Row {
    row.max_height(1);
    row
}

/// Replaces characters that would act on a terminal or change the order of the text: controls, and the marks of writing directions.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_direction_mark(character) {
            // Writing to a string does not fail.
            let _ = write!(printable, "{}", character.escape_unicode());
        } else {
            printable.push(character);
        }
    }
    printable
}

fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns ", did you mean …" with the name that is most like a given one, if one is.
pub(crate) fn suggestion<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let similar = names.into_iter().map(|name| (strsim::jaro(given, name), name));
    let best =
        similar.filter(|(similarity, _)| *similarity > 0.7).max_by(|one, other| one.0.total_cmp(&other.0));
    best.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// A number with the words for one or for several.
pub(crate) fn count(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [["1", "ann"], ["12", "b"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(Some(["n", "name"]), rows, None), "n   name\n1   ann\n12  b");
    }

    #[test]
    fn a_narrow_terminal_has_one_line_a_row() {
        let rows = [["1".to_owned(), "x".repeat(100)]];
        let text = table(Some(["position", "data"]), rows, Some(20));
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 20), "{text}");
    }

    #[test]
    fn text_cannot_act_on_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c\n"), "a\\u{1b}[2Jb\\u{202e}c\\u{a}");
        assert_eq!(printable("Ännchen 李"), "Ännchen 李");
    }

    #[test]
    fn similar_name_is_suggested() {
        let names = ["account.opened", "account.deposited"];
        assert_eq!(suggestion("acount.opend", names), "; did you mean `account.opened`?");
        assert_eq!(suggestion("xyz", names), "");
    }
}
