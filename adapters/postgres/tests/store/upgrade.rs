//! Upgrades of the schema, from a dump of version 1 that is part of this repository.
//!
//! `fixtures/version_1.sql` was written by `record_version_1` below: it fills a new log of version 1 through the store and dumps it
//! with `pg_dump --inserts`. To record it again (only while version 1 is unreleased):
//!
//! ```text
//! UPDATE_FIXTURE=1 cargo xtask postgres cargo test -p annalist-postgres --test store -- upgrade::record
//! ```
//!
//! The tests restore it and upgrade it by a version 2 that exists only here.

use std::{process::Command, slice};

use annalist_cluster::Programs;
use annalist_core::{
    criteria::Criteria,
    keys::KeyState,
    payload::Payload,
    record::Position,
    rows::{Parked, RowChange, RowStore},
    store::{
        Append, AppendOutcome, ArchiveStep, EventStore, JournalRecord, KnownSuccessors, Marker, Outcome,
        PageLimit, Read, RewriteState, RewriteStep, RewriteTarget, Successor,
    },
    tag::Tag,
    time::Timestamp,
};
use annalist_postgres::{Options, Postgres};
use tokio::task::JoinSet;

use crate::{
    builds::{STOCK, built, change, row},
    events::{accept, append, command, event, fed, log, noted, provided, tag, tagged},
    inline::{Tally, expected, folding, rows},
    keys,
    opening::refused,
    snapshots,
    support::{TestDatabase, until},
};

const VERSION_1: &str = include_str!("../fixtures/version_1.sql");

/// A migration that changes a table, adds one, and copies data.
const VERSION_2: &[&str] = &[
    "ALTER TABLE {schema}.events ADD COLUMN source text NOT NULL DEFAULT 'unknown'",
    "CREATE TABLE {schema}.sources (source text PRIMARY KEY, events bigint NOT NULL)",
    "INSERT INTO {schema}.sources SELECT e.source, count(*) FROM {schema}.events e GROUP BY 1",
];

fn version_2() -> Options {
    Postgres::options().test_migration(VERSION_2)
}

/// The append of the log's first command.
fn first_command() -> Append {
    let body = Payload::parse(r#"{"note":"é"}"#).unwrap();
    let events = [event("opened", [tag(1)]), event("closed", [tag(1), tag(2)])];
    Append {
        key: Some(command("c-1")),
        journal: Some(JournalRecord { body, rejection: None }),
        ..append(events)
    }
}

fn rejected_command() -> Append {
    let body = Payload::parse("{}").unwrap();
    Append {
        journal: Some(JournalRecord { body, rejection: Some("not \0 today".to_owned()) }),
        ..Append::default()
    }
}

fn parked() -> Vec<Parked> {
    vec![Parked {
        position: Position::new(2),
        event: uuid::Uuid::from_u128(7),
        keys: vec!["[1]".to_owned()],
        error: "no\0".to_owned(),
        attempts: 3,
        needs_newer: true,
    }]
}

fn renamed() -> Successor {
    Successor::renamed("relocated", "moved").unwrap()
}

/// A step that adds a tag to the third event.
fn retag() -> RewriteStep {
    RewriteStep {
        name: "moved".to_owned(),
        target: RewriteTarget::Tags { kind: "end".to_owned() },
        found: None,
        state: RewriteState::Running,
        up_to: Position::new(4),
        events: 1,
        tags: vec![(Position::new(4), vec![Tag::new("end", 1).unwrap()])],
        payloads: Vec::new(),
        actor: Some("ann".to_owned()),
        at: Timestamp::from_micros(1_769_860_800_000_000),
    }
}

/// A step that closes an id.
fn closing() -> ArchiveStep {
    ArchiveStep::Close {
        ids: vec![Tag::new("card", 9).unwrap()],
        file: "cards.jsonl".to_owned(),
        actor: Some("ann".to_owned()),
        at: Timestamp::from_micros(1_769_860_800_000_000),
    }
}

/// Writes what the fixture contains.
pub(crate) async fn fill(db: &TestDatabase) {
    let store = db.open().await;
    accept(&store, first_command()).await;
    accept(&store, rejected_command()).await;
    // A gap at position 3, filled with a tombstone.
    db.run("SELECT pg_catalog.nextval('annalist.events_position_seq')").await;
    let successors = Some(KnownSuccessors { version: 0, added: vec![renamed()] });
    accept(&store, Append { successors, ..append([event("moved", [])]) }).await;
    until("the gap is closed", || async { store.settled().await.unwrap().position == Position::new(4) })
        .await;
    store.archive(closing()).await.unwrap();
    store.rewrite(retag()).await.unwrap();
    built(&store, &STOCK, vec![row(1, 10), row(2, 20)]).await;
    store.promote(&STOCK, false).await.unwrap();
    store.commit(RowChange { park: parked(), ..change(&STOCK, 1, 2, vec![row(1, 9)]) }).await.unwrap();
    built(&store, &STOCK.built(1), vec![row(1, 8)]).await;
    store.define(&Tally::TABLE, "", store.log_id()).await.unwrap();
    store.make_inline(Tally::inline()).await.unwrap();
    accept(&store, folding(noted("x"))).await;
    accept(&store, folding(noted("y"))).await;
    store.save_snapshot(&snapshots::of(1), &snapshots::at(2)).await.unwrap();
    let subject_keys = store.key_store().unwrap();
    subject_keys.hash_key(keys::key(0)).await.unwrap();
    subject_keys.current_keys(vec![keys::key(1), keys::key(2)]).await.unwrap();
    subject_keys.erase(keys::erasure(2)).await.unwrap();
    store.close().await;
}

/// Asserts that a log contains what [`fill`] wrote, and that it can be continued.
pub(crate) async fn assert_complete_and_continued(store: &Postgres) {
    let records = log(store).await;
    let seen: Vec<_> = records.iter().map(|record| (record.position.get(), &*record.name)).collect();
    assert_eq!(seen, [(1, "opened"), (2, "closed"), (4, "moved"), (5, "noted"), (6, "noted")]);
    assert_eq!(records[1].tags, [tag(1), tag(2)]);
    assert_eq!(fed(store).await, records);
    assert_eq!(store.settled().await.unwrap().position, Position::new(6));

    let successors = store.successors().await.unwrap();
    assert_eq!(successors.all(), [renamed().stored_at(Position::new(4))]);
    assert_eq!(store.archives().await.unwrap()[0].file, "cards.jsonl");
    let retag = successors.retag("moved", "end").unwrap();
    assert_eq!((retag.state, retag.changed, retag.version), (RewriteState::Running, 1, successors.version));
    let journal = store.journal(0, PageLimit::records(10)).await.unwrap();
    assert_eq!(journal[0].outcome, Outcome::Accepted(vec![Position::new(1), Position::new(2)]));
    assert_eq!(journal[1].outcome, Outcome::Rejected("not \0 today".to_owned()));
    match store.append_one(first_command()).await.unwrap() {
        AppendOutcome::Duplicate { receipt, .. } => assert_eq!(receipt.events[1].id, records[1].id),
        other => panic!("not a duplicate: {other:?}"),
    }
    assert_eq!(store.snapshot(&snapshots::of(1)).await.unwrap(), Some(snapshots::at(2)));
    let subject_keys = store.key_store().unwrap();
    let states = subject_keys.keys(&[keys::key(1).id, keys::key(2).id]).await.unwrap();
    assert_eq!(states, [KeyState::Stored(keys::key(1)), KeyState::Erased]);
    assert_eq!(subject_keys.hash_key(keys::key(9)).await.unwrap(), keys::key(0));
    assert_eq!(subject_keys.erasures(true).await.unwrap(), [keys::erasure(2)]);

    let builds: Vec<_> = store.builds("stock").await.unwrap();
    assert_eq!(
        builds.iter().map(|build| (build.build, build.live)).collect::<Vec<_>>(),
        [(0, true), (1, false)]
    );
    assert_eq!(store.parked(&STOCK).await.unwrap(), parked());
    let keys = [row(1, 0)[..1].to_vec(), row(2, 0)[..1].to_vec()];
    assert_eq!(store.rows(&STOCK, &keys).await.unwrap(), [Some(row(1, 9)), Some(row(2, 20))]);
    store
        .commit(RowChange { unpark: vec![Position::new(2)], parked: 1, ..change(&STOCK, 2, 4, vec![]) })
        .await
        .unwrap();
    assert!(store.parked(&STOCK).await.unwrap().is_empty());

    // Conditions hold across the upgrade, and inline rows are still required and folded.
    let read = Read::all(tagged("x"));
    let marker = store.read(slice::from_ref(&read)).await.unwrap()[0].marker;
    let guarded = |marker| folding(Append { conditions: provided(tagged("x"), marker), ..noted("x") });
    let conflict = store.append_one(guarded(Marker::START)).await.unwrap();
    assert!(matches!(conflict, AppendOutcome::Conflict { .. }), "{conflict:?}");
    assert!(matches!(store.append_one(noted("x")).await.unwrap(), AppendOutcome::InlineRequired { .. }));
    assert_eq!(accept(store, guarded(marker)).await.position(), Position::new(7));
    assert_eq!(rows(store).await, expected(store).await);
    until("the feed shows the new event", || async { fed(store).await.len() == 6 }).await;
}

pub(crate) async fn fixture_of_version_1_is_complete(db: TestDatabase) {
    db.run(VERSION_1).await;
    assert_complete_and_continued(&db.open().await).await;
    assert_eq!(db.number("SELECT max(version)::bigint FROM annalist.migrations").await, 1);
}

pub(crate) async fn upgraded_log_is_complete_and_continued(db: TestDatabase) {
    db.run(VERSION_1).await;
    assert_complete_and_continued(&version_2().connect(&db.url).await.unwrap()).await;
    assert_eq!(db.number("SELECT sum(version)::bigint FROM annalist.migrations").await, 1 + 2);
    assert_eq!(db.number("SELECT events FROM annalist.sources WHERE source = 'unknown'").await, 6);
    // It is not upgraded again, and not opened by a program of version 1.
    let again = version_2().migrate(false).connect(&db.url).await.unwrap();
    assert_eq!(log(&again).await.len(), 6);
    let reason = refused(Postgres::connect(&db.url).await);
    assert!(reason.contains("version 2") && reason.contains("newer program"), "{reason}");
}

pub(crate) async fn upgrade_by_eight_processes_happens_once(db: TestDatabase) {
    db.run(VERSION_1).await;
    let mut openers = JoinSet::new();
    for _ in 0..8 {
        let url = db.url.clone();
        openers.spawn(async move { version_2().connect(&url).await.unwrap().log_id() });
    }
    let ids = openers.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(db.number("SELECT sum(version)::bigint FROM annalist.migrations").await, 1 + 2);
}

pub(crate) async fn failed_upgrade_changes_nothing(db: TestDatabase) {
    db.run(VERSION_1).await;
    let options = version_2().test_migration(&["CREATE TABLE {schema}.half ()", "SELECT 1 / 0"]);
    let error = options.connect(&db.url).await.unwrap_err();
    assert!(error.to_string().contains("division by zero"), "{error}");
    assert_eq!(db.number("SELECT count(to_regclass('annalist.half'))").await, 0);
    assert_eq!(db.number("SELECT count(to_regclass('annalist.sources'))").await, 0);
    assert_complete_and_continued(&db.open().await).await;
}

pub(crate) async fn upgrade_is_refused_without_permission_to_migrate(db: TestDatabase) {
    db.run(VERSION_1).await;
    let reason = refused(version_2().migrate(false).connect(&db.url).await);
    assert!(reason.contains("has version 1") && reason.contains("needs 2"), "{reason}");
    let (role, url) = db.role().await;
    crate::rights::may_append(&db, &role).await;
    let reason = refused(version_2().connect(&url).await);
    assert!(reason.contains("must be owner"), "{reason}");
    // A role that may only append still opens version 1.
    let store = Postgres::connect(&url).await.unwrap();
    assert_eq!(store.read(&[Read::all(Criteria::all())]).await.unwrap()[0].records.len(), 5);
}

/// Whatever the path of its versions, the result is the schema of a new log.
pub(crate) async fn upgraded_schema_equals_a_new_one(db: TestDatabase) {
    db.run(VERSION_1).await;
    for options in [Postgres::options(), version_2()] {
        options.clone().connect(&db.url).await.unwrap().close().await;
        options.schema("fresh").connect(&db.url).await.unwrap().close().await;
        let upgraded = schema_of(&db, "annalist").await;
        assert!(upgraded.contains("annalist.append("), "{upgraded}");
        assert_eq!(upgraded.replace("annalist", "fresh"), schema_of(&db, "fresh").await);
        db.run("DROP SCHEMA fresh, fresh_rows CASCADE").await;
    }
}

/// The definitions of all objects in the schema of a log.
async fn schema_of(db: &TestDatabase, schema: &str) -> String {
    dump(db, &["--schema-only", "--schema", schema]).await
}

/// A dump in plain SQL that every role can restore on every server version, without `psql`.
async fn dump(db: &TestDatabase, options: &[&str]) -> String {
    let mut pg_dump = Command::new(Programs::find().unwrap().path("pg_dump"));
    pg_dump.args(["--no-owner", "--no-privileges", "--no-comments"]).args(options).arg(&db.url);
    let output = tokio::task::spawn_blocking(move || pg_dump.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sql = String::from_utf8(output.stdout).unwrap();
    // Settings that older servers do not know, commands of psql, and comments, outside of function bodies.
    let needed = sql.lines().filter(|line| {
        let is_omitted = ["SET ", "\\", "--"].iter().any(|start| line.starts_with(start));
        !is_omitted || line.starts_with("SET check_function_bodies")
    });
    let mut sql = String::new();
    for line in needed {
        if !(line.is_empty() && sql.ends_with("\n\n")) {
            sql += line;
            sql.push('\n');
        }
    }
    sql.trim_start().to_owned()
}

/// Writes the fixture.
pub(crate) async fn record_version_1(db: TestDatabase) {
    fill(&db).await;
    let sql = dump(&db, &["--inserts", "--schema=annalist", "--schema=annalist_rows"]).await;
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/version_1.sql"), sql).unwrap();
}
