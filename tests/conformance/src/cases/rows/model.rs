//! Random scripts of changes, promotions and queries, played on the store and on the model, the rows in memory: every
//! result must be equal.

use std::{fmt::Debug, sync::Arc};

use annalist_core::{
    Error,
    rows::{
        Bound, Build, Column, ColumnType, CommitOutcome, Key, Parked, Role, Row, RowChange, RowQuery, Table,
        Value,
    },
};
use annalist_memory::Memory;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
    strategy::Union,
};

use super::values::extremes;
use crate::{
    Failure,
    failure::Outcome,
    support::{handle::Handle, log::Log, rows::*, scripts::for_all},
};

cases!("row_model" needs [Rows]: [
    random_scripts_of_rows_agree_with_the_model,
]);

/// A table with a key of two columns and an indexed column of every type.
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
        optional("day", ColumnType::Date, Role::Index),
        optional("opens", ColumnType::TimeOfDay, Role::Index),
        optional("price", ColumnType::Decimal, Role::Index),
        optional("document", ColumnType::Json, Role::Plain),
    ],
};

/// The columns that a query may filter and sort by.
const INDEXED: std::ops::Range<usize> = 0..11;

/// The builds of the projection. The first one is defined at the start.
const BUILDS: [Table; 4] = [
    TABLE,
    Table { build: 1, ..TABLE },
    Table { version: 2, ..TABLE },
    Table { version: 3, columns: OTHER_COLUMNS, ..TABLE },
];

/// Columns of a build that cannot be compared with the others.
const OTHER_COLUMNS: &[Column] =
    &[column("number", ColumnType::Int, Role::Key), optional("name", ColumnType::Text, Role::Index)];

/// One step of a script.
#[derive(Clone, Debug)]
enum Step {
    /// The same change of some builds, from the checkpoint of each or, if it is stale, from another position.
    Change {
        builds: Vec<usize>,
        change: ChangeStep,
    },
    Lookup(usize, Vec<Key>),
    /// A query, page by page.
    Find {
        build: usize,
        filters: Vec<(usize, Bound)>,
        sort: Option<(usize, bool)>,
        limit: usize,
    },
    Report(usize, Option<String>),
    Define(usize),
    Promote {
        build: usize,
        compare: bool,
    },
    Discard(usize),
    Reopen,
}

/// The content of a change, before it is adapted to a build.
#[derive(Clone, Debug)]
struct ChangeStep {
    rows: Vec<Row>,
    deletes: Vec<Key>,
    park: Vec<Parked>,
    unpark: Vec<u64>,
    /// Whether the change starts at a position other than the checkpoint.
    stale: bool,
    /// Whether the change expects a number of parked events other than the stored one.
    wrong_parked_count: bool,
}

/// The store and the model.
struct Player {
    log: Log,
    rows: TestRows,
    model: TestRows,
}

async fn random_scripts_of_rows_agree_with_the_model(log: Log) -> Outcome {
    for_all(log, script, |log, steps| async move {
        let model = Handle::new(Arc::new(Memory::new())).rows();
        let mut player = Player { rows: log.rows(), log, model };
        player.step(0, Step::Define(0)).await?;
        for (number, step) in (1..).zip(steps) {
            let played = player.step(number, step).await;
            played.map_err(|failure| failure.in_context(format!("step {number}")))?;
        }
        player.compare_rows().await
    })
    .await
}

/// Compares the result of the store with the result of the model. If the model returns an error, the store must return
/// one, too, but its text may differ.
fn compare_results<T: Debug + PartialEq>(
    found: Result<T, Error>,
    expected: Result<T, Error>,
    what: &str,
) -> Outcome<Option<T>> {
    match (found, expected) {
        (Err(_), Err(_)) => Ok(None),
        (found, Err(expected)) => Err(Failure::new(format!(
            "{what}: the model returns the error {expected}, but the store returned {found:?}"
        ))),
        (found, Ok(expected)) => {
            let found = found?;
            ensure_eq!(found, expected, "{what}");
            Ok(Some(found))
        }
    }
}

impl Player {
    async fn step(&mut self, number: u64, step: Step) -> Outcome {
        let Self { rows, model, .. } = &*self;
        match step {
            Step::Change { builds, change } => {
                for build in builds {
                    self.change(&BUILDS[build], number, &change).await?;
                }
            }
            Step::Lookup(build, keys) => {
                let table = &BUILDS[build];
                let (found, expected) = (rows.rows(table, &keys).await, model.rows(table, &keys).await);
                compare_results(found, expected, &format!("rows of {keys:?}"))?;
            }
            Step::Find { build, filters, sort, limit } => {
                let query = select_all(&BUILDS[build]).limit(limit);
                let query =
                    filters.into_iter().fold(query, |query, (column, bound)| query.filter(column, bound));
                let query = match sort {
                    Some((column, descending)) => query.order_by(column, descending),
                    None => query,
                };
                self.find(query).await?;
            }
            Step::Report(build, stopped) => {
                rows.report(&BUILDS[build], stopped.as_deref()).await?;
                model.report(&BUILDS[build], stopped.as_deref()).await?;
            }
            Step::Define(build) => {
                let table = &BUILDS[build];
                let (found, expected) =
                    (rows.define(table, "", rows.log).await, model.define(table, "", model.log).await);
                compare_results(found, expected, "checkpoint returned by `define`")?;
            }
            Step::Promote { build, compare } => {
                let (found, expected) = (
                    rows.promote(&BUILDS[build], compare).await,
                    model.promote(&BUILDS[build], compare).await,
                );
                compare_results(found, expected, "outcome of `promote`")?;
            }
            Step::Discard(build) => {
                let (found, expected) =
                    (rows.discard(&BUILDS[build]).await, model.discard(&BUILDS[build]).await);
                compare_results(found, expected, "result of `discard`")?;
            }
            Step::Reopen => self.rows = self.log.open_handle().await?.rows(),
        }
        self.compare_builds().await
    }

    async fn change(&self, table: &Table, number: u64, step: &ChangeStep) -> Outcome {
        let builds = self.model.builds(table.projection).await?;
        let build = builds.into_iter().find(|build| build.order() == table.order());
        let checkpoint = build.map(|build| build.checkpoint).unwrap_or_default();
        let from = checkpoint.position.get() + u64::from(step.stale);
        let change = with_content(change(table, from, number * 2), step);
        let change = change.if_parked(checkpoint.parked + u64::from(step.wrong_parked_count));
        let change = if number.is_multiple_of(2) { change.with_anchor(anchor(number)) } else { change };
        let (found, expected) = (self.rows.commit(change.clone()).await, self.model.commit(change).await);
        let outcome = compare_results(found, expected, "outcome of `commit`")?;
        let refused = outcome.is_none_or(|outcome| matches!(outcome, CommitOutcome::Stale(_)));
        ensure!(refused || !(step.stale || step.wrong_parked_count), "a stale change was committed");
        Ok(())
    }

    async fn find(&self, mut query: RowQuery<'_>) -> Outcome {
        loop {
            let (found, expected) = (self.rows.find(&query).await, self.model.find(&query).await);
            let found = compare_results(found, expected, &format!("rows of {query:?}"))?;
            match found.unwrap_or_default().last() {
                Some(last) => query = query.after_row(last),
                None => return Ok(()),
            }
        }
    }

    /// Compares the builds, except for log id and time, which always differ.
    async fn compare_builds(&self) -> Outcome {
        let comparable_builds = async |rows: &TestRows| {
            let builds = rows.builds(TABLE.projection).await?;
            let comparable = |one: Build| (one.order(), one.shape, one.live, one.inline, one.checkpoint);
            Outcome::Ok(builds.into_iter().map(comparable).collect::<Vec<_>>())
        };
        ensure_eq!(comparable_builds(&self.rows).await?, comparable_builds(&self.model).await?, "builds");
        for table in &BUILDS {
            let (found, expected) = (self.rows.parked(table).await, self.model.parked(table).await);
            compare_results(found, expected, &format!("parked events of `{}`", table.name()))?;
        }
        Ok(())
    }

    async fn compare_rows(&self) -> Outcome {
        for table in &BUILDS {
            self.find(select_all(table)).await?;
        }
        Ok(())
    }
}

/// Adds the content of a step to a change, each key and each position only once.
fn with_content(base: RowChange, step: &ChangeStep) -> RowChange {
    let ChangeStep { rows, deletes, park, unpark, .. } = step.clone();
    let (mut keys, mut positions) = (vec![], vec![]);
    let mut is_new_key = |key: Key| (!keys.contains(&key)).then(|| keys.push(key)).is_some();
    let rows = rows.into_iter().map(|row| convert_row(&base.table, row));
    let rows = rows.filter(|row| is_new_key(base.table.key_of(row))).collect();
    let deletes = deletes.into_iter().map(|key| key[..base.table.key().count()].to_vec());
    let deletes = deletes.filter(|key| is_new_key(key.clone())).collect();
    let mut is_new_position =
        |position: u64| (!positions.contains(&position)).then(|| positions.push(position)).is_some();
    let park = park.into_iter().filter(|one| is_new_position(one.position.get())).collect();
    let unpark: Vec<u64> = unpark.into_iter().filter(|position| is_new_position(*position)).collect();
    base.upserting(rows).deleting(deletes).parking(park).unparking(unpark)
}

/// Converts a row of [`TABLE`] to a row of another build.
fn convert_row(table: &Table, row: Row) -> Row {
    if table.columns == TABLE.columns { row } else { vec![row[1].clone(), row[0].clone()] }
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..40)
}

fn step() -> impl Strategy<Value = Step> {
    let filters =
        vec(INDEXED.prop_flat_map(|column| bound(column).prop_map(move |bound| (column, bound))), 0..3);
    let find = (0..3_usize, filters, option::of((INDEXED, any::<bool>())), select(vec![1, 2, 7, 100]));
    let find = find.prop_map(|(build, filters, sort, limit)| Step::Find { build, filters, sort, limit });
    // Often all builds, so that they have equal positions and can be compared.
    let builds = prop_oneof![2 => Just(vec![0, 1, 2, 3]), 1 => subsequence(vec![0, 1, 2, 3], 1..3)];
    let change = (builds, change_step()).prop_map(|(builds, change)| Step::Change { builds, change });
    let build = || 0..BUILDS.len();
    let promote = (build(), any::<bool>()).prop_map(|(build, compare)| Step::Promote { build, compare });
    Union::new_weighted(vec![
        (6, change.boxed()),
        (2, (0..3_usize, vec(key(), 1..6)).prop_map(|(build, keys)| Step::Lookup(build, keys)).boxed()),
        (6, find.boxed()),
        (
            1,
            (build(), option::of("[a-z]{0,4}"))
                .prop_map(|(build, reason)| Step::Report(build, reason))
                .boxed(),
        ),
        (2, build().prop_map(Step::Define).boxed()),
        (3, promote.boxed()),
        (1, build().prop_map(Step::Discard).boxed()),
        (1, Just(Step::Reopen).boxed()),
    ])
}

fn change_step() -> impl Strategy<Value = ChangeStep> {
    let parked_event =
        (1..6_u64, vec(word(), 0..3), word(), 0..4_u32).prop_map(|(at, keys, error, attempts)| {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            parked(at, &keys, &error, attempts)
        });
    let park = prop_oneof![3 => Just(vec![]), 1 => vec(parked_event, 0..3)];
    let unpark = prop_oneof![1 => Just(vec![]), 1 => vec(1..6_u64, 0..6)];
    let seldom = || prop::bool::weighted(0.1);
    let content = (vec(row(), 0..6), vec(key(), 0..3), park, unpark, seldom(), seldom());
    content.prop_map(|(rows, deletes, park, unpark, stale, wrong_parked_count)| ChangeStep {
        rows,
        deletes,
        park,
        unpark,
        stale,
        wrong_parked_count,
    })
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

/// A value for a column: one of few, so that equal values are frequent, some of them similar.
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
        kind @ (ColumnType::Date | ColumnType::TimeOfDay | ColumnType::Decimal) => {
            select(extremes(kind)).boxed()
        }
    }
}

fn word() -> impl Strategy<Value = String> {
    let parts =
        ["a", "A", "b", "%", "_", "\\", "'", "é", "e\u{301}", " ", "\u{7f}", "\u{d7ff}", "\u{10ffff}", "😀"];
    vec(select(parts.to_vec()), 0..3).prop_map(|parts| parts.concat())
}
