//! A fold whose rows list every event that was folded into them, in order, so that every mistake is visible.

use std::{collections::BTreeMap, sync::Arc};

use annalist_core::{
    Invalid,
    criteria::{Criteria, Item},
    record::{Draft, Position, Record},
    rows::{ColumnType, FoldedRows, Inline, Key, Role, Row, Table, Value},
};

use crate::support::{fixtures::*, rows::*};

/// Notes with their history.
pub(super) const NOTES: Table = Table {
    projection: "notes",
    version: 1,
    build: 0,
    columns: &[
        column("note", ColumnType::Text, Role::Key),
        column("history", ColumnType::Text, Role::Plain),
        column("last", ColumnType::Int, Role::Index),
    ],
};

/// The event types of most folds: `written` and `edited` add to the history, `deleted` deletes the row.
pub(super) const TYPES: &[&str] = &["written", "edited", "deleted"];

/// Folds events into the histories of the notes in their tags.
pub(super) struct NotesFold {
    table: Table,
    types: &'static [&'static str],
}

/// The fold of a table.
pub(super) fn notes(table: Table) -> Arc<dyn Inline> {
    notes_of(table, TYPES)
}

/// The fold of a table that processes only some event types.
pub(super) fn notes_of(table: Table, types: &'static [&'static str]) -> Arc<dyn Inline> {
    Arc::new(NotesFold { table, types })
}

/// An event about some notes, with a number that identifies it in their histories.
pub(super) fn note_event(name: &'static str, notes: &[&str], number: usize) -> Draft {
    let notes: Vec<String> = notes.iter().map(|note| format!("note:{note}")).collect();
    let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
    event_with(name, &notes, &number.to_string())
}

/// An event that makes the fold fail in a step: `keys` or `fold`.
pub(super) fn failing_event(step: &str) -> Draft {
    event_with("written", &["note:a"], &format!("\"{step}\""))
}

/// The rows of a fold over a whole log.
pub(super) fn folded_rows(inline: &dyn Inline, log: &[Record]) -> Result<Vec<Row>, Invalid> {
    let own: Vec<Record> =
        log.iter().filter(|record| inline.types().contains(&&*record.name)).cloned().collect();
    let keys = inline.keys(&own)?;
    Ok(inline.fold(&own, keys.into_iter().map(|key| (key, None)).collect())?.upserts)
}

/// Criteria for the events that a fold processes.
pub(super) fn folded_events(inline: &dyn Inline) -> Criteria {
    Item::any().types(inline.types().iter().copied()).into()
}

impl Inline for NotesFold {
    fn table(&self) -> &Table {
        &self.table
    }

    fn types(&self) -> &[&'static str] {
        self.types
    }

    fn keys(&self, records: &[Record]) -> Result<Vec<Key>, Invalid> {
        self.check(records, "keys")?;
        // Descending: a store must not rely on sorted keys.
        let keys: BTreeMap<&str, ()> = records.iter().flat_map(notes_in).map(|note| (note, ())).collect();
        Ok(keys.into_keys().rev().map(|note| vec![text(note)]).collect())
    }

    fn fold(&self, records: &[Record], rows: Vec<(Key, Option<Row>)>) -> Result<FoldedRows, Invalid> {
        self.check(records, "fold")?;
        let mut rows: BTreeMap<String, Option<Row>> =
            rows.into_iter().map(|(key, row)| (note_of(&key), row)).collect();
        for record in records {
            if record.position == Position::START {
                return Err(refused("an event", "the event has no position"));
            }
            for note in notes_in(record) {
                let row =
                    rows.get_mut(note).ok_or_else(|| refused(note, "the row of the note was not read"))?;
                *row = next(row.take(), note, record);
            }
        }
        let (upserts, deletes): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| row.is_some());
        Ok(FoldedRows {
            upserts: upserts.into_iter().filter_map(|(_, row)| row).collect(),
            deletes: deletes.into_iter().map(|(note, _)| vec![text(note)]).collect(),
        })
    }
}

impl NotesFold {
    fn check(&self, records: &[Record], step: &str) -> Result<(), Invalid> {
        if let Some(other) = records.iter().find(|record| !self.types.contains(&&*record.name)) {
            return Err(refused(&other.name, "the fold processes no event of this type"));
        }
        match records.iter().any(|record| record.data.as_str() == format!("\"{step}\"")) {
            true => Err(refused(step, "this event makes the fold fail")),
            false => Ok(()),
        }
    }
}

fn next(row: Option<Row>, note: &str, record: &Record) -> Option<Row> {
    if record.name == "deleted" {
        return None;
    }
    let before = match row.as_deref() {
        Some([_, Value::Text(history), _]) => history.as_str(),
        _ => "",
    };
    let history = format!("{before}{}{} ", &record.name[..1], record.data.as_str());
    Some(vec![text(note), text(history), int(record.position.get().cast_signed())])
}

fn notes_in(record: &Record) -> impl Iterator<Item = &str> {
    record.tags.iter().filter_map(|tag| tag.as_str().strip_prefix("note:"))
}

fn note_of(key: &Key) -> String {
    match key.as_slice() {
        [Value::Text(note)] => note.clone(),
        other => format!("{other:?}"),
    }
}

fn refused(value: &str, rule: &str) -> Invalid {
    Invalid::Text { what: "note", value: value.to_owned(), rule: rule.to_owned() }
}
