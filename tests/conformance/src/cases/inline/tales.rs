//! A fold that shows whatever is done to it: rows that tell every event that they were made of, in order.

use std::{collections::BTreeMap, sync::Arc};

use annalist_core::{
    Invalid,
    criteria::{Criteria, Item},
    record::{Draft, Position, Record},
    rows::{ColumnType, Folded, Inline, Key, Role, Row, Table, Value},
};

use crate::{given::*, rows::*};

/// Heroes, with what was told of them.
pub(super) const TALES: Table = Table {
    projection: "tales",
    version: 1,
    build: 0,
    columns: &[
        column("hero", ColumnType::Text, Role::Key),
        column("tale", ColumnType::Text, Role::Plain),
        column("last", ColumnType::Int, Role::Index),
    ],
};

/// What most folds take: `told` and `sung` go on with the tale, `forgotten` ends it.
pub(super) const TYPES: &[&str] = &["told", "sung", "forgotten"];

/// Folds events into the tales of the heroes in their tags.
pub(super) struct Tales {
    table: Table,
    types: &'static [&'static str],
}

/// The fold of a table.
pub(super) fn tales(table: Table) -> Arc<dyn Inline> {
    tales_of(table, TYPES)
}

/// The fold of some types alone.
pub(super) fn tales_of(table: Table, types: &'static [&'static str]) -> Arc<dyn Inline> {
    Arc::new(Tales { table, types })
}

/// An event about some heroes, with a number by which it is known in their tales.
pub(super) fn tale(name: &'static str, heroes: &[&str], number: usize) -> Draft {
    let heroes: Vec<String> = heroes.iter().map(|hero| format!("hero:{hero}")).collect();
    let heroes: Vec<&str> = heroes.iter().map(String::as_str).collect();
    event_with(name, &heroes, &number.to_string())
}

/// An event that makes the fold fail: when it is asked for its `keys`, or later, in the `fold`.
pub(super) fn bad(step: &str) -> Draft {
    event_with("told", &["hero:a"], &format!("\"{step}\""))
}

/// The rows that a fold makes of a whole log.
pub(super) fn folded(inline: &dyn Inline, log: &[Record]) -> Result<Vec<Row>, Invalid> {
    let own: Vec<Record> =
        log.iter().filter(|record| inline.types().contains(&&*record.name)).cloned().collect();
    let keys = inline.keys(&own)?;
    Ok(inline.fold(&own, keys.into_iter().map(|key| (key, None)).collect())?.upserts)
}

/// Which events a fold takes.
pub(super) fn taken(inline: &dyn Inline) -> Criteria {
    Item::any().types(inline.types().iter().copied()).into()
}

impl Inline for Tales {
    fn table(&self) -> &Table {
        &self.table
    }

    fn types(&self) -> &[&'static str] {
        self.types
    }

    fn keys(&self, records: &[Record]) -> Result<Vec<Key>, Invalid> {
        self.check(records, "keys")?;
        // In an order that is not theirs.
        let keys: BTreeMap<&str, ()> = records.iter().flat_map(heroes).map(|hero| (hero, ())).collect();
        Ok(keys.into_keys().rev().map(|hero| vec![text(hero)]).collect())
    }

    fn fold(&self, records: &[Record], rows: Vec<(Key, Option<Row>)>) -> Result<Folded, Invalid> {
        self.check(records, "fold")?;
        let mut rows: BTreeMap<String, Option<Row>> =
            rows.into_iter().map(|(key, row)| (hero_of(&key), row)).collect();
        for record in records {
            if record.position == Position::START {
                return Err(refused("an event", "it has no position"));
            }
            for hero in heroes(record) {
                let row = rows.get_mut(hero).ok_or_else(|| refused(hero, "its row was not read"))?;
                *row = next(row.take(), hero, record);
            }
        }
        let (kept, gone): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| row.is_some());
        Ok(Folded {
            upserts: kept.into_iter().filter_map(|(_, row)| row).collect(),
            deletes: gone.into_iter().map(|(hero, _)| vec![text(hero)]).collect(),
        })
    }
}

impl Tales {
    fn check(&self, records: &[Record], step: &str) -> Result<(), Invalid> {
        if let Some(foreign) = records.iter().find(|record| !self.types.contains(&&*record.name)) {
            return Err(refused(&foreign.name, "no event of this type is folded"));
        }
        match records.iter().any(|record| record.data.as_str() == format!("\"{step}\"")) {
            true => Err(refused(step, "the case wants this to fail")),
            false => Ok(()),
        }
    }
}

fn next(row: Option<Row>, hero: &str, record: &Record) -> Option<Row> {
    if record.name == "forgotten" {
        return None;
    }
    let so_far = match row.as_deref() {
        Some([_, Value::Text(tale), _]) => tale.as_str(),
        _ => "",
    };
    let tale = format!("{so_far}{}{} ", &record.name[..1], record.data.as_str());
    Some(vec![text(hero), text(tale), int(record.position.get().cast_signed())])
}

fn heroes(record: &Record) -> impl Iterator<Item = &str> {
    record.tags.iter().filter_map(|tag| tag.as_str().strip_prefix("hero:"))
}

fn hero_of(key: &Key) -> String {
    match key.as_slice() {
        [Value::Text(hero)] => hero.clone(),
        other => format!("{other:?}"),
    }
}

fn refused(value: &str, rule: &str) -> Invalid {
    Invalid::Text { what: "tale", value: value.to_owned(), rule: rule.to_owned() }
}
