//! Random changes and queries, played on the store and on the rows in memory: every answer must be the same.

use std::sync::Arc;

use annalist_core::rows::{Bound, ColumnType, Committed, Key, Role, Row, RowChange, Table, Value};
use annalist_memory::Memory;
use proptest::{collection::vec, option, prelude::*, sample::select, strategy::Union};

use super::scripts::for_all;
use crate::{
    failure::Outcome,
    log::{Handle, Log},
    rows::*,
};

cases!("row_script" needs [Rows]: [
    every_answer_is_that_of_the_model,
]);

/// A column of every type that can be asked by, and a key of two.
const TABLE: Table = Table {
    projection: "everything",
    version: 1,
    build: 0,
    columns: &[
        optional("name", ColumnType::Text, Role::Index),
        column("number", ColumnType::Int, Role::Key),
        optional("flag", ColumnType::Bool, Role::Index),
        column("word", ColumnType::Text, Role::Key),
        optional("count", ColumnType::Int, Role::Index),
        optional("ratio", ColumnType::Float, Role::Index),
        optional("owner", ColumnType::Uuid, Role::Index),
        optional("since", ColumnType::Time, Role::Index),
        optional("document", ColumnType::Json, Role::Plain),
    ],
};

/// The columns that a query may ask by.
const ASKED: std::ops::Range<usize> = 0..8;

/// One step.
#[derive(Clone, Debug)]
enum Step {
    /// A change, from where the checkpoint stands or from elsewhere.
    Change {
        rows: Vec<Row>,
        deletes: Vec<Key>,
        stale: bool,
    },
    Lookup(Vec<Key>),
    /// A query, page by page.
    Find {
        filters: Vec<(usize, Bound)>,
        sort: Option<(usize, bool)>,
        limit: usize,
    },
    Report(Option<String>),
    Reopen,
}

async fn every_answer_is_that_of_the_model(log: Log) -> Outcome {
    for_all(log, script, |log, steps| async move {
        let model = Handle::new(Arc::new(Memory::new())).rows();
        model.defined(&TABLE).await?;
        let mut rows = log.rows();
        rows.defined(&TABLE).await?;
        for (number, step) in steps.into_iter().enumerate() {
            if let Step::Reopen = step {
                rows = log.reopen().await?.rows();
                ensure_eq!(
                    rows.defined(&TABLE).await?,
                    model.standing(&TABLE).await?,
                    "what a new handle finds"
                );
                continue;
            }
            let played = play(&rows, &model, number as u64, step).await;
            played.map_err(|failure| failure.within(format!("step {number}")))?;
        }
        ensure_eq!(rows.standing(&TABLE).await?, model.standing(&TABLE).await?, "the checkpoint at the end");
        ensure_eq!(rows.all(&TABLE).await?, model.all(&TABLE).await?, "the rows at the end");
        Ok(())
    })
    .await
}

async fn play(rows: &Rows, model: &Rows, number: u64, step: Step) -> Outcome {
    match step {
        Step::Change { rows: upserts, deletes, stale } => {
            let at = model.standing(&TABLE).await?.position.get();
            let change = changed(if stale { at + 1 } else { at }, at + 2, upserts, deletes);
            let change = if number.is_multiple_of(2) { change.anchored(anchor(number + 1)) } else { change };
            let (found, wanted) = (rows.commit(change.clone()).await?, model.commit(change).await?);
            ensure_eq!(found, wanted, "the answer to a change");
            ensure_eq!(matches!(found, Committed::Stale(_)), stale, "whether a change is stale");
            ensure_eq!(rows.standing(&TABLE).await?, model.standing(&TABLE).await?, "the checkpoint");
        }
        Step::Lookup(keys) => {
            ensure_eq!(rows.rows(&TABLE, &keys).await?, model.rows(&TABLE, &keys).await?, "rows of {keys:?}");
        }
        Step::Find { filters, sort, limit } => {
            let query = filters
                .into_iter()
                .fold(everything(&TABLE).first(limit), |query, (column, bound)| query.whose(column, bound));
            let mut query = match sort {
                Some((column, descending)) => query.by(column, descending),
                None => query,
            };
            loop {
                let (found, wanted) = (rows.find(&query).await?, model.find(&query).await?);
                ensure_eq!(found, wanted, "the answer to {query:?}");
                match found.last() {
                    Some(last) => query = query.behind(last),
                    None => break,
                }
            }
        }
        Step::Report(stopped) => {
            rows.report(&TABLE, stopped.as_deref()).await?;
            model.report(&TABLE, stopped.as_deref()).await?;
            ensure_eq!(rows.standing(&TABLE).await?, model.standing(&TABLE).await?, "the checkpoint");
        }
        Step::Reopen => {}
    }
    Ok(())
}

/// A change in which each key stands once.
fn changed(from: u64, to: u64, rows: Vec<Row>, deletes: Vec<Key>) -> RowChange<'static> {
    let mut keys: Vec<Key> = vec![];
    let mut first = |key: Key| {
        let new = !keys.contains(&key);
        keys.push(key);
        new
    };
    let rows = rows.into_iter().filter(|row| first(TABLE.key_of(row))).collect();
    let deletes = deletes.into_iter().filter(|key| first(key.clone())).collect();
    change(&TABLE, from, to).writes(rows).deletes(deletes)
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..40)
}

fn step() -> impl Strategy<Value = Step> {
    let change = (vec(row(), 0..6), vec(key(), 0..3), prop::bool::weighted(0.1));
    let filters =
        vec(ASKED.prop_flat_map(|column| bound(column).prop_map(move |bound| (column, bound))), 0..3);
    let find = (filters, option::of((ASKED, any::<bool>())), select(vec![1, 2, 7, 100]));
    Union::new_weighted(vec![
        (6, change.prop_map(|(rows, deletes, stale)| Step::Change { rows, deletes, stale }).boxed()),
        (2, vec(key(), 0..6).prop_map(Step::Lookup).boxed()),
        (8, find.prop_map(|(filters, sort, limit)| Step::Find { filters, sort, limit }).boxed()),
        (1, option::of("[a-z]{0,4}").prop_map(Step::Report).boxed()),
        (1, Just(Step::Reopen).boxed()),
    ])
}

fn row() -> impl Strategy<Value = Row> {
    let cell = |n: usize| match TABLE.columns[n].nullable {
        true => prop_oneof![1 => Just(Value::Null), 4 => value(n)].boxed(),
        false => value(n).boxed(),
    };
    (0..TABLE.columns.len()).map(cell).collect::<Vec<_>>()
}

fn key() -> impl Strategy<Value = Key> {
    vec![value(1).boxed(), value(3).boxed()]
}

fn bound(column: usize) -> impl Strategy<Value = Bound> {
    let value = || value(column);
    let mut bounds = vec![
        (3, value().prop_map(Bound::Equal).boxed()),
        (1, Just(Bound::Equal(Value::Null)).boxed()),
        (1, value().prop_map(Bound::AtLeast).boxed()),
        (1, value().prop_map(Bound::Below).boxed()),
        (1, value().prop_map(Bound::AtMost).boxed()),
        (1, value().prop_map(Bound::Above).boxed()),
    ];
    if TABLE.columns[column].kind == ColumnType::Text {
        bounds.push((4, word().prop_map(Bound::Prefix).boxed()));
    }
    Union::new_weighted(bounds)
}

/// A value for a column: few enough to meet often, and some that are easily taken for others.
fn value(column: usize) -> impl Strategy<Value = Value> {
    match TABLE.columns[column].kind {
        ColumnType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        ColumnType::Int => {
            select(vec![i64::MIN, -1, 0, 1, 2, 10, (1 << 53) + 1, i64::MAX]).prop_map(int).boxed()
        }
        ColumnType::Float => {
            let numbers =
                [f64::NEG_INFINITY, -1.5, 0.0, 5e-324, 0.1, 0.1 + 0.2, 1.0, f64::MAX, f64::INFINITY];
            select(numbers.to_vec()).prop_map(float).boxed()
        }
        ColumnType::Text => word().prop_map(text).boxed(),
        ColumnType::Uuid => select(vec![0, 1, 1 << 64, 1 << 127, u128::MAX]).prop_map(uuid).boxed(),
        ColumnType::Time => {
            select(vec![i64::MIN, -1, 0, 1, 1_769_860_800_000_001, i64::MAX]).prop_map(time).boxed()
        }
        ColumnType::Json => {
            select(vec!["null", "{}", "{ }", "[1,1.0]", r#""\u0000""#]).prop_map(json).boxed()
        }
    }
}

fn word() -> impl Strategy<Value = String> {
    let parts =
        ["a", "A", "b", "%", "_", "\\", "'", "é", "e\u{301}", " ", "\u{7f}", "\u{d7ff}", "\u{10ffff}", "😀"];
    vec(select(parts.to_vec()), 0..3).prop_map(|parts| parts.concat())
}
