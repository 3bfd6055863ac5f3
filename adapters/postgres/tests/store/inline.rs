//! Inline rows: they change with every append, in the order of the log.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use annalist_core::{
    Error, Invalid,
    record::{Position, Record},
    rows::{
        Checkpoint, Column, ColumnType, FoldedRows, Inline, InlineOutcome, Key, Role, Row, RowQuery,
        RowStore, Table, Value,
    },
    store::{Append, AppendOutcome, EventStore},
};
use annalist_postgres::Postgres;
use sqlx::{Connection, Executor};
use tokio::task::JoinSet;

use crate::{
    events::{accept, append, command, event, fed, log, noted, tag},
    support::{DEFAULT_TIMEOUT, TestDatabase, until},
};

const fn column(name: &'static str, kind: ColumnType, role: Role) -> Column {
    Column { name, kind, nullable: false, role }
}

/// A tag whose fold fails.
const POISON: &str = "poison";
/// A tag whose fold panics.
const BOMB: &str = "bomb";

pub(crate) struct Tally(Table);

impl Tally {
    /// One row for each tag: the number of its events, and a number that depends on their order.
    pub(crate) const TABLE: Table = Table {
        projection: "tally",
        version: 1,
        build: 0,
        columns: &[
            column("tag", ColumnType::Text, Role::Key),
            column("events", ColumnType::Int, Role::Plain),
            column("trail", ColumnType::Int, Role::Plain),
        ],
    };

    pub(crate) fn inline() -> Arc<dyn Inline> {
        Arc::new(Self(Tally::TABLE))
    }
}

impl Inline for Tally {
    fn table(&self) -> &Table {
        &self.0
    }

    fn types(&self) -> &[&'static str] {
        &["noted"]
    }

    fn keys(&self, records: &[Record]) -> Result<Vec<Key>, Invalid> {
        let tags: BTreeSet<&str> =
            records.iter().flat_map(|record| &record.tags).map(annalist_core::tag::Tag::value).collect();
        Ok(tags.into_iter().map(|tag| vec![Value::Text(tag.to_owned())]).collect())
    }

    fn fold(&self, records: &[Record], rows: Vec<(Key, Option<Row>)>) -> Result<FoldedRows, Invalid> {
        let mut rows: BTreeMap<String, (i64, i64)> =
            rows.into_iter().map(|(key, row)| counted(&key, row)).collect();
        for record in records {
            for tag in &record.tags {
                assert_ne!(tag.value(), BOMB);
                if tag.value() == POISON {
                    return Err(Invalid::Damaged { position: record.position, reason: POISON.to_owned() });
                }
                let (events, trail) = rows.entry(tag.value().to_owned()).or_default();
                *events += 1;
                *trail = (*trail * 31 + i64::try_from(record.position.get()).unwrap()) % 1_000_000_007;
            }
        }
        Ok(FoldedRows { upserts: rows.into_iter().map(as_row).collect(), deletes: vec![] })
    }
}

fn counted(key: &Key, row: Option<Row>) -> (String, (i64, i64)) {
    let Value::Text(tag) = &key[0] else { panic!("{key:?}") };
    let numbers = match row.as_deref() {
        Some([_, Value::Int(events), Value::Int(trail)]) => (*events, *trail),
        _ => (0, 0),
    };
    (tag.clone(), numbers)
}

fn as_row((tag, (events, trail)): (String, (i64, i64))) -> Row {
    vec![Value::Text(tag), Value::Int(events), Value::Int(trail)]
}

pub(crate) fn folding(append: Append) -> Append {
    Append { inline: vec![Tally::inline()], ..append }
}

pub(crate) async fn rows(store: &Postgres) -> Vec<Row> {
    let query = RowQuery { table: &Tally::TABLE, filters: vec![], sort: None, after: None, limit: 1000 };
    store.find(&query).await.unwrap()
}

/// The rows that a fold of the log makes.
pub(crate) async fn expected(store: &Postgres) -> Vec<Row> {
    let mut records = log(store).await;
    records.retain(|record| &*record.name == "noted");
    Tally(Tally::TABLE).fold(&records, vec![]).unwrap().upserts
}

/// A log with an inline tally.
async fn inline(db: &TestDatabase) -> Postgres {
    let store = db.open().await;
    store.define(&Tally::TABLE, "", store.log_id()).await.unwrap();
    assert_eq!(store.make_inline(Tally::inline()).await.unwrap(), InlineOutcome::Done);
    store
}

/// Races appends of three processes, each of which changes some of four rows. Returns the rows, and the rows that they should be.
async fn race(db: &TestDatabase) -> (Vec<Row>, Vec<Row>) {
    let store = inline(db).await;
    let mut tasks = JoinSet::new();
    for task in 0..12_u64 {
        let store = if task % 4 == 0 { db.open().await } else { store.clone() };
        tasks.spawn(async move {
            let mut random = fastrand::Rng::with_seed(task);
            for _ in 0..25 {
                let events = (0..random.usize(1..3)).map(|_| {
                    let tags = (0..4).filter(|_| random.bool()).map(tag);
                    event("noted", tags.collect::<Vec<_>>())
                });
                accept(&store, folding(append(events.collect::<Vec<_>>()))).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    (rows(&store).await, expected(&store).await)
}

pub(crate) async fn inline_rows_are_folded_in_the_order_of_the_log(db: TestDatabase) {
    let (rows, expected) = race(&db).await;
    assert_eq!(rows.len(), 4);
    assert_eq!(rows, expected);
}

/// The negative control: without waiting for locks, the rows are wrong.
pub(crate) async fn inline_rows_without_locks_are_wrong(db: TestDatabase) {
    db.open().await;
    db.run(crate::locks::WITHOUT_LOCKS).await;
    let (rows, expected) = race(&db).await;
    assert_ne!(rows, expected);
}

pub(crate) async fn many_inline_rows_are_folded_under_the_lock_on_the_log(db: TestDatabase) {
    let store = inline(&db).await;
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let store = db.open().await;
        tasks.spawn(async move {
            for _ in 0..5 {
                accept(&store, folding(append([event("noted", (0..100).map(tag))]))).await;
                accept(&store, folding(noted(50))).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(rows(&store).await, expected(&store).await);
}

pub(crate) async fn append_without_a_required_inline_build_is_refused(db: TestDatabase) {
    let (store, other) = (inline(&db).await, db.open().await);
    let missed = vec![(&Tally::TABLE).into()];
    // Appends of one batch have outcomes of their own.
    let mut tasks = JoinSet::new();
    for value in 0..20 {
        let (store, bad) = (other.clone(), value % 3 == 0);
        let name = if bad { "noted" } else { "other" };
        tasks.spawn(
            async move { (bad, store.append_one(append([event(name, [tag(value)])])).await.unwrap()) },
        );
    }
    while let Some(done) = tasks.join_next().await {
        match done.unwrap() {
            (true, AppendOutcome::InlineRequired { builds, .. }) => assert_eq!(builds, missed),
            (false, AppendOutcome::Appended(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    let answer = other.append_one(folding(append([event("other", [])]))).await.unwrap();
    assert_eq!(answer, AppendOutcome::InlineRequired { index: 0, builds: vec![] });
    accept(&other, folding(noted(1))).await;
    assert_eq!(rows(&store).await, expected(&store).await);
}

pub(crate) async fn failed_fold_fails_only_its_append(db: TestDatabase) {
    let store = inline(&db).await;
    let mut tasks = JoinSet::new();
    for value in 0..40 {
        let store = store.clone();
        let name = match value % 7 {
            0 => POISON.to_owned(),
            1 => BOMB.to_owned(),
            good => good.to_string(),
        };
        tasks.spawn(async move {
            (value % 7, store.append_one(folding(append([event("noted", [tag(name)])]))).await)
        });
    }
    while let Some(done) = tasks.join_next().await {
        match done.unwrap() {
            (0, Err(Error::Invalid(_)))
            | (1, Err(Error::Panicked { .. }))
            | (2.., Ok(AppendOutcome::Appended(_))) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(log(&store).await.len(), 28);
    assert_eq!(rows(&store).await, expected(&store).await);
}

pub(crate) async fn append_with_connection_lost_during_the_fold_writes_nothing(db: TestDatabase) {
    let store = inline(&db).await;
    accept(&store, folding(noted(1))).await;
    let before = rows(&store).await;
    let mut other = db.connection().await;
    other.execute("BEGIN; LOCK TABLE annalist_rows.tally_v1 IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let cut = store.clone();
    let task = tokio::spawn(async move { cut.append_one(folding(noted(1))).await });
    until("it waits with its event written", || db.waiting(1)).await;
    db.number(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    .await;
    let error = task.await.unwrap().unwrap_err();
    assert!(error.is_unavailable(), "nothing was committed, and that is certain: {error:?}");
    other.execute("ROLLBACK").await.unwrap();
    other.close().await.unwrap();
    assert_eq!((log(&store).await.len(), rows(&store).await), (1, before));
    accept(&store, folding(noted(1))).await;
    until("the gap is closed", || async { fed(&store).await.len() == 2 }).await;
    assert_eq!(rows(&store).await, expected(&store).await);
}

pub(crate) async fn build_becomes_inline_and_async_during_appends(db: TestDatabase) {
    let store = Postgres::options().timeout(DEFAULT_TIMEOUT).connect(&db.url).await.unwrap();
    store.define(&Tally::TABLE, "", store.log_id()).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..6_usize {
        let store = if task % 2 == 0 { db.open().await } else { store.clone() };
        tasks.spawn(async move {
            let mut bring = false;
            for round in 0..40 {
                loop {
                    let plain = noted((task + round) % 3);
                    match store.append_one(if bring { folding(plain) } else { plain }).await.unwrap() {
                        AppendOutcome::Appended(_) => break,
                        AppendOutcome::InlineRequired { builds, .. } => bring = !builds.is_empty(),
                        other => panic!("{other:?}"),
                    }
                }
            }
        });
    }
    // While the build is async it has no runner, so its rows stay as they are.
    for _ in 0..10 {
        assert_eq!(store.make_inline(Tally::inline()).await.unwrap(), InlineOutcome::Done);
        let Checkpoint { position, .. } = store.make_async(&Tally::TABLE).await.unwrap();
        let mut records = log(&store).await;
        records.retain(|record| record.position <= position);
        assert_eq!(rows(&store).await, Tally(Tally::TABLE).fold(&records, vec![]).unwrap().upserts);
    }
    assert_eq!(store.make_inline(Tally::inline()).await.unwrap(), InlineOutcome::Done);
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(rows(&store).await, expected(&store).await);
}

/// A call that has waited for a blocked append until its timeout stops blocking the other appends.
pub(crate) async fn blocked_append_blocks_only_make_inline(db: TestDatabase) {
    let store = db.open().await;
    store.define(&Tally::TABLE, "", store.log_id()).await.unwrap();
    accept(&store, noted(1)).await;
    // Another session has inserted the row of its command id, and may still commit it.
    let mut other = db.connection().await;
    other
        .execute(
            "BEGIN; INSERT INTO annalist.commands (id, command, scope, recorded_at, positions, event_ids)
             VALUES ('c-1', 'note', '[]', now(), '{}', '{}')",
        )
        .await
        .unwrap();
    let slow = tokio::spawn({
        let store = store.clone();
        async move { accept(&store, Append { key: Some(command("c-1")), ..noted(2) }).await }
    });
    until("an append is blocked", || db.waiting(1)).await;
    let hasty = Postgres::options().timeout(Duration::from_millis(500));
    let hasty = hasty.with_pool(db.pool("SELECT 1").await).await.unwrap();
    let error = hasty.make_inline(Tally::inline()).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    accept(&db.open().await, noted(3)).await;
    other.execute("ROLLBACK").await.unwrap();
    slow.await.unwrap();
    assert_eq!(store.make_inline(Tally::inline()).await.unwrap(), InlineOutcome::Done);
    assert_eq!(rows(&store).await, expected(&store).await);
}

pub(crate) async fn rows_of_another_log_do_not_become_inline(db: TestDatabase) {
    let store = db.open().await;
    let elsewhere = Postgres::options().schema("elsewhere").connect(&db.url).await.unwrap();
    elsewhere.define(&Tally::TABLE, "", store.log_id()).await.unwrap();
    match elsewhere.make_inline(Tally::inline()).await {
        Err(Error::Unusable { reason, .. }) => {
            assert!(reason.contains("not in the store of their log"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(elsewhere.checkpoint("tally", 1).await.unwrap().unwrap().position, Position::START);
}
