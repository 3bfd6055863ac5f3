//! Tables and folds for the tests.

use std::{collections::BTreeMap, sync::Arc};

use annalist_core::{
    error::Invalid,
    rows::{
        Column, ColumnType, FoldedRows, Inline, InlineOutcome, Key, Role, Row, RowChange, RowQuery, RowStore,
        Table, Value,
    },
};
use annalist_sqlite::Sqlite;

use super::*;

/// The owners of accounts.
pub(super) const OWNERS: Table = Table {
    projection: "owners",
    version: 1,
    build: 0,
    columns: &[
        Column { name: "account", kind: ColumnType::Int, nullable: false, role: Role::Key },
        Column { name: "owner", kind: ColumnType::Text, nullable: false, role: Role::Index },
    ],
};

/// The number of events with each tag.
pub(super) const TALLIES: Table = Table {
    projection: "tallies",
    version: 1,
    build: 0,
    columns: &[
        Column { name: "tag", kind: ColumnType::Text, nullable: false, role: Role::Key },
        Column { name: "count", kind: ColumnType::Int, nullable: false, role: Role::Plain },
        Column { name: "last", kind: ColumnType::Int, nullable: false, role: Role::Plain },
    ],
};

pub(super) fn owner(account: i64, owner: &str) -> Row {
    vec![Value::Int(account), Value::Text(owner.to_owned())]
}

pub(super) fn change(table: &Table, from: u64, to: u64, upserts: Vec<Row>) -> RowChange {
    RowChange { upserts, ..RowChange::new(table, Position::new(from), Position::new(to)) }
}

pub(super) async fn found(store: &impl RowStore, table: &Table) -> Vec<Row> {
    store.find(&RowQuery { table, filters: vec![], sort: None, after: None, limit: 1_000_000 }).await.unwrap()
}

/// The texts of one column, queried in SQL.
pub(super) async fn texts(test_log: &TestLog, sql: &str) -> Vec<String> {
    let asked = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()));
    asked.fetch_all(&mut test_log.raw().await).await.unwrap()
}

/// The names of the tables and views of rows in the file.
pub(super) async fn relations(test_log: &TestLog) -> Vec<String> {
    texts(
        test_log,
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name GLOB 'annalist_rows_*' ORDER BY name",
    )
    .await
}

/// Counts events of the type `paid` for each tag. The data of an event can make it panic.
pub(super) struct Tally(pub(super) Table);

impl Inline for Tally {
    fn table(&self) -> &Table {
        &self.0
    }

    fn types(&self) -> &[&'static str] {
        &["paid"]
    }

    fn keys(&self, records: &[Record]) -> Result<Vec<Key>, Invalid> {
        assert!(!records.iter().any(|record| record.data.as_str() == "\"panics early\""), "no keys");
        Ok(tallied(records).into_keys().map(|tag| vec![Value::Text(tag)]).collect())
    }

    fn fold(&self, records: &[Record], rows: Vec<(Key, Option<Row>)>) -> Result<FoldedRows, Invalid> {
        assert!(!records.iter().any(|record| record.data.as_str() == "\"panics late\""), "no rows");
        let mut counts = tallied(records);
        for (_, row) in rows.into_iter().filter_map(|(key, row)| Some((key, row?))) {
            let [Value::Text(tag), Value::Int(count), Value::Int(last)] = &row[..] else { unreachable!() };
            let tally = counts.get_mut(tag).unwrap();
            assert!(*last < tally.1, "{tag}: {last} was folded before {}", tally.1);
            tally.0 += count;
        }
        Ok(FoldedRows { upserts: counts.into_iter().map(tally).collect(), deletes: vec![] })
    }
}

fn tally((tag, (count, last)): (String, (i64, i64))) -> Row {
    vec![Value::Text(tag), Value::Int(count), Value::Int(last)]
}

fn tallied(records: &[Record]) -> BTreeMap<String, (i64, i64)> {
    let mut counts = BTreeMap::new();
    for record in records.iter().filter(|record| record.name == "paid") {
        for tag in &record.tags {
            let tally: &mut (i64, i64) = counts.entry(tag.to_string()).or_default();
            *tally = (tally.0 + 1, record.position.get().cast_signed());
        }
    }
    counts
}

/// The rows for a whole log.
pub(super) fn tallies(records: &[Record]) -> Vec<Row> {
    tallied(records).into_iter().map(tally).collect()
}

pub(super) fn inline(table: Table) -> Arc<dyn Inline> {
    Arc::new(Tally(table))
}

/// An append that provides the inline build of [`TALLIES`].
pub(super) fn counted(drafts: impl IntoIterator<Item = Draft>) -> Append {
    Append { inline: vec![inline(TALLIES)], ..events(drafts) }
}

/// A store with [`TALLIES`] inline.
pub(super) async fn store_with_inline_tallies(test_log: &TestLog) -> Sqlite {
    let store = test_log.open().await;
    store.define(&TALLIES, "", store.log_id()).await.unwrap();
    assert_eq!(store.make_inline(inline(TALLIES)).await.unwrap(), InlineOutcome::Done);
    store
}
