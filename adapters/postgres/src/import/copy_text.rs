//! Events as rows of the text format of COPY.

use std::fmt::Write;

use annalist_core::{error::Error, record::Record, tag::Tag};
use uuid::Uuid;

use crate::values::{array_literal, to_i64};

/// Adds an event as a row: its columns in the order of the statement, separated by tabs.
pub(super) fn add_row(text: &mut String, record: &Record) -> Result<(), Error> {
    let Record { position, id, version, recorded_at, .. } = record;
    // Writing to a string does not fail.
    let _ = write!(text, "{}\t{id}\t", to_i64(*position));
    add_escaped(text, &record.name);
    let _ = write!(text, "\t{version}\t{recorded_at}\t");
    add_escaped(text, &array_literal(record.tags.iter().map(Tag::as_str)));
    text.push('\t');
    add_escaped(text, record.data.as_str());
    text.push('\t');
    add_escaped(text, &serde_json::to_string(record.metadata()?).unwrap_or_default());
    text.push('\n');
    Ok(())
}

/// Adds a tombstone as a row: that of no event, with the id 0, as `close_gaps` writes it, or that of an event, as `remove_events` does.
pub(super) fn add_tombstone(text: &mut String, position: u64, id: Uuid) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{position}\t{id}\t$gap\t0\t-infinity\t{{}}\tnull\t{{}}");
}

/// Adds a text, in which the characters that mean something to COPY are escaped.
fn add_escaped(text: &mut String, column: &str) {
    let mut rest = column;
    while let Some(at) = rest.find(['\\', '\t', '\n', '\r']) {
        let (plain, special) = rest.split_at(at);
        text.push_str(plain);
        let mut special = special.chars();
        text.push_str(match special.next() {
            Some('\t') => "\\t",
            Some('\n') => "\\n",
            Some('\r') => "\\r",
            _ => "\\\\",
        });
        rest = special.as_str();
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_separates_columns_and_rows_is_escaped() {
        let mut text = String::new();
        add_escaped(&mut text, "a\tb\nc\r\\.\\N é");
        assert_eq!(text, "a\\tb\\nc\\r\\\\.\\\\N é");
        add_escaped(&mut text, "");
        assert_eq!(text, "a\\tb\\nc\\r\\\\.\\\\N é");
    }
}
