//! Random changes, switches and queries, played on the store and on the rows in memory: every answer must be the same.

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

use crate::{
    Failure,
    failure::Outcome,
    support::{handle::Handle, log::Log, rows::*, scripts::for_all},
};

cases!("row_model" needs [Rows]: [
    random_scripts_of_rows_agree_with_the_model,
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

/// The builds of the projection: the first is there from the start.
const BUILDS: [Table; 4] = [
    TABLE,
    Table { build: 1, ..TABLE },
    Table { version: 2, ..TABLE },
    Table { version: 3, columns: TABLE_OF_OTHERS, ..TABLE },
];

/// Fewer columns, which cannot be compared with the others.
const TABLE_OF_OTHERS: &[Column] =
    &[column("number", ColumnType::Int, Role::Key), optional("name", ColumnType::Text, Role::Index)];

/// One step.
#[derive(Clone, Debug)]
enum Step {
    /// The same change of some builds, from where each stands or from elsewhere.
    Change {
        builds: Vec<usize>,
        sent: Sent,
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
    Switch {
        build: usize,
        compare: bool,
    },
    Discard(usize),
    Reopen,
}

/// What a change does.
#[derive(Clone, Debug)]
struct Sent {
    rows: Vec<Row>,
    deletes: Vec<Key>,
    park: Vec<Parked>,
    unpark: Vec<u64>,
    stale: bool,
    miscounted: bool,
}

/// Both sides of a script.
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
        player.same_rows().await
    })
    .await
}

/// Holds the answer of the store against that of the model. Where the model fails, the store has to, in its own words.
fn same<T: Debug + PartialEq>(
    found: Result<T, Error>,
    wanted: Result<T, Error>,
    what: &str,
) -> Outcome<Option<T>> {
    match (found, wanted) {
        (Err(_), Err(_)) => Ok(None),
        (found, Err(wanted)) => Err(Failure::new(format!("{what} fails ({wanted}), but is {found:?}"))),
        (found, Ok(wanted)) => {
            let found = found?;
            ensure_eq!(found, wanted, "{what}");
            Ok(Some(found))
        }
    }
}

impl Player {
    async fn step(&mut self, number: u64, step: Step) -> Outcome {
        let Self { rows, model, .. } = &*self;
        match step {
            Step::Change { builds, sent } => {
                for build in builds {
                    self.change(&BUILDS[build], number, &sent).await?;
                }
            }
            Step::Lookup(build, keys) => {
                let table = &BUILDS[build];
                let (found, wanted) = (rows.rows(table, &keys).await, model.rows(table, &keys).await);
                same(found, wanted, &format!("rows of {keys:?}"))?;
            }
            Step::Find { build, filters, sort, limit } => {
                let asked = select_all(&BUILDS[build]).limit(limit);
                let asked =
                    filters.into_iter().fold(asked, |asked, (column, bound)| asked.filter(column, bound));
                self.find(sort.into_iter().fold(asked, |asked, (column, down)| asked.order_by(column, down)))
                    .await?;
            }
            Step::Report(build, stopped) => {
                rows.report(&BUILDS[build], stopped.as_deref()).await?;
                model.report(&BUILDS[build], stopped.as_deref()).await?;
            }
            Step::Define(build) => {
                let table = &BUILDS[build];
                ensure_eq!(
                    rows.define_table(table).await?,
                    model.define_table(table).await?,
                    "what `define` gives"
                );
            }
            Step::Switch { build, compare } => {
                let (found, wanted) = (
                    rows.promote(&BUILDS[build], compare).await,
                    model.promote(&BUILDS[build], compare).await,
                );
                same(found, wanted, "the answer to a switch")?;
            }
            Step::Discard(build) => {
                let (found, wanted) =
                    (rows.discard(&BUILDS[build]).await, model.discard(&BUILDS[build]).await);
                same(found, wanted, "the answer to a discard")?;
            }
            Step::Reopen => self.rows = self.log.open_handle().await?.rows(),
        }
        self.same_builds().await
    }

    async fn change(&self, table: &Table, number: u64, sent: &Sent) -> Outcome {
        let builds = self.model.builds(table.projection).await?;
        let stands = builds.into_iter().find(|build| build.order() == table.order());
        let stands = stands.map(|build| build.checkpoint).unwrap_or_default();
        let from = stands.position.get() + u64::from(sent.stale);
        let change = changed(change(table, from, number * 2), sent);
        let change = change.if_parked(stands.parked + u64::from(sent.miscounted));
        let change = if number.is_multiple_of(2) { change.with_anchor(anchor(number)) } else { change };
        let (found, wanted) = (self.rows.commit(change.clone()).await, self.model.commit(change).await);
        let answer = same(found, wanted, "the answer to a change")?;
        let refused = answer.is_none_or(|answer| matches!(answer, CommitOutcome::Stale(_)));
        ensure!(refused || !(sent.stale || sent.miscounted), "a stale change was done");
        Ok(())
    }

    async fn find(&self, mut query: RowQuery<'_>) -> Outcome {
        loop {
            let (found, wanted) = (self.rows.find(&query).await, self.model.find(&query).await);
            let found = same(found, wanted, &format!("the answer to {query:?}"))?;
            match found.unwrap_or_default().last() {
                Some(last) => query = query.after_row(last),
                None => return Ok(()),
            }
        }
    }

    /// Compares the builds, whose log and time differ between both sides.
    async fn same_builds(&self) -> Outcome {
        let told = async |rows: &TestRows| {
            let builds = rows.builds(TABLE.projection).await?;
            let told = |one: Build| (one.order(), one.shape, one.live, one.inline, one.checkpoint);
            Outcome::Ok(builds.into_iter().map(told).collect::<Vec<_>>())
        };
        ensure_eq!(told(&self.rows).await?, told(&self.model).await?, "the builds");
        for table in &BUILDS {
            let (found, wanted) = (self.rows.parked(table).await, self.model.parked(table).await);
            same(found, wanted, &format!("the parked events of `{}`", table.name()))?;
        }
        Ok(())
    }

    async fn same_rows(&self) -> Outcome {
        for table in &BUILDS {
            self.find(select_all(table)).await?;
        }
        Ok(())
    }
}

/// A change in which each key and each position stands once.
fn changed(base: RowChange, sent: &Sent) -> RowChange {
    let Sent { rows, deletes, park, unpark, .. } = sent.clone();
    let (mut keys, mut places) = (vec![], vec![]);
    let mut first = |key: Key| (!keys.contains(&key)).then(|| keys.push(key)).is_some();
    let rows = rows.into_iter().map(|row| fitting(&base.table, row));
    let rows = rows.filter(|row| first(base.table.key_of(row))).collect();
    let deletes = deletes.into_iter().map(|key| key[..base.table.key().count()].to_vec());
    let deletes = deletes.filter(|key| first(key.clone())).collect();
    let mut once = |place: u64| (!places.contains(&place)).then(|| places.push(place)).is_some();
    let park = park.into_iter().filter(|one| once(one.position.get())).collect();
    let unpark: Vec<u64> = unpark.into_iter().filter(|place| once(*place)).collect();
    base.upserting(rows).deleting(deletes).parking(park).unparking(unpark)
}

/// A row of [`TABLE`] as one of another build.
fn fitting(table: &Table, row: Row) -> Row {
    if table.columns == TABLE.columns { row } else { vec![row[1].clone(), row[0].clone()] }
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..40)
}

fn step() -> impl Strategy<Value = Step> {
    let filters =
        vec(ASKED.prop_flat_map(|column| bound(column).prop_map(move |bound| (column, bound))), 0..3);
    let find = (0..3_usize, filters, option::of((ASKED, any::<bool>())), select(vec![1, 2, 7, 100]));
    let find = find.prop_map(|(build, filters, sort, limit)| Step::Find { build, filters, sort, limit });
    // Mostly all at once, so that builds stand at the same place and can be compared.
    let builds = prop_oneof![2 => Just(vec![0, 1, 2, 3]), 1 => subsequence(vec![0, 1, 2, 3], 1..3)];
    let change = (builds, sent()).prop_map(|(builds, sent)| Step::Change { builds, sent });
    let build = || 0..BUILDS.len();
    let switch = (build(), any::<bool>()).prop_map(|(build, compare)| Step::Switch { build, compare });
    Union::new_weighted(vec![
        (6, change.boxed()),
        (2, (0..3_usize, vec(key(), 1..6)).prop_map(|(build, keys)| Step::Lookup(build, keys)).boxed()),
        (6, find.boxed()),
        (1, (build(), option::of("[a-z]{0,4}")).prop_map(|(build, why)| Step::Report(build, why)).boxed()),
        (2, build().prop_map(Step::Define).boxed()),
        (3, switch.boxed()),
        (1, build().prop_map(Step::Discard).boxed()),
        (1, Just(Step::Reopen).boxed()),
    ])
}

fn sent() -> impl Strategy<Value = Sent> {
    let aside = (1..6_u64, vec(word(), 0..3), word(), 0..4_u32).prop_map(|(at, keys, error, attempts)| {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        parked(at, &keys, &error, attempts)
    });
    let park = prop_oneof![3 => Just(vec![]), 1 => vec(aside, 0..3)];
    let unpark = prop_oneof![1 => Just(vec![]), 1 => vec(1..6_u64, 0..6)];
    let few = || prop::bool::weighted(0.1);
    let sent = (vec(row(), 0..6), vec(key(), 0..3), park, unpark, few(), few());
    sent.prop_map(|(rows, deletes, park, unpark, stale, miscounted)| Sent {
        rows,
        deletes,
        park,
        unpark,
        stale,
        miscounted,
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
