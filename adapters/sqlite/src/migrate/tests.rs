//! Upgrades of files that an earlier version wrote. The fixture is a file of version 1; version 2 exists only here.

use std::path::PathBuf;

use annalist_core::{
    criteria::{Criteria, Item},
    error::Invalid,
    keys::{Erasure, KeyState, KeyStore, StoredKey, SubjectHash},
    payload::Payload,
    record::{Draft, Name, Position, Record},
    rows::{
        Column, ColumnType, FoldedRows, FollowerRequests, Inline, InlineOutcome, Key, Parked, Role, Row,
        RowChange, RowQuery, RowStore, Table, Value,
    },
    store::{
        Append, AppendOutcome, ArchiveStep, CommandKey, EventStore, JournalRecord, KnownSuccessors, Outcome,
        PageLimit, Read, RewriteState, RewriteStep, RewriteTarget, Snapshot, SnapshotKey, Successor,
    },
    tag::Tag,
    time::Timestamp,
};
use sqlx::{SqlitePool, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::Sqlite;

/// A dump of a file of version 1, written by [`write_fixture`].
const FIXTURE: &str = include_str!("../../tests/fixtures/version_1.sql");

/// Adds a table that is filled from existing rows, and a column.
const VERSION_2: Migration = &[
    "CREATE TABLE {prefix}event_counts (type TEXT PRIMARY KEY NOT NULL, count INTEGER NOT NULL) STRICT",
    "INSERT INTO {prefix}event_counts SELECT type, count(*) FROM {prefix}events GROUP BY type",
    "ALTER TABLE {prefix}journal ADD COLUMN note TEXT",
];

const WITH_VERSION_2: &[Migration] = &[MIGRATIONS[0], VERSION_2];

/// The first statement works, the last one does not.
const WITH_BROKEN_VERSION_2: &[Migration] =
    &[MIGRATIONS[0], &[VERSION_2[0], "INSERT INTO {prefix}event_counts SELECT missing FROM {prefix}events"]];

const OWNERS: Table = Table {
    projection: "owners",
    version: 1,
    build: 0,
    columns: &[
        Column { name: "account", kind: ColumnType::Int, nullable: false, role: Role::Key },
        Column { name: "owner", kind: ColumnType::Text, nullable: false, role: Role::Index },
    ],
};

/// The inline projection of the fixture: it never has any rows.
const EMPTY: Table = Table { projection: "empty", ..OWNERS };

struct NoRows;

impl Inline for NoRows {
    fn table(&self) -> &Table {
        &EMPTY
    }

    fn types(&self) -> &[&'static str] {
        &["closed"]
    }

    fn keys(&self, _: &[Record]) -> Result<Vec<Key>, Invalid> {
        Ok(vec![])
    }

    fn fold(&self, _: &[Record], _: Vec<(Key, Option<Row>)>) -> Result<FoldedRows, Invalid> {
        Ok(FoldedRows { upserts: vec![], deletes: vec![] })
    }
}

/// A file in a temporary directory.
struct TestLog(TempDir);

impl TestLog {
    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The file whose dump the fixture is.
    async fn of_version_1() -> Self {
        let log = Self::empty();
        sqlx::raw_sql(FIXTURE).execute(&mut log.raw().await).await.unwrap();
        log
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("log.db")
    }

    /// A connection that bypasses the store.
    async fn raw(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.file()).create_if_missing(true);
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    async fn open(&self, migrations: &'static [Migration]) -> Result<Sqlite, Error> {
        Sqlite::options().migrations(migrations).open(self.file()).await
    }

    async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(&mut self.raw().await).await.unwrap()
    }

    /// The schema and the rows of all tables, as SQL statements.
    async fn dump(&self) -> Vec<String> {
        let mut raw = self.raw().await;
        let objects: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT type, name, sql FROM sqlite_schema
             WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type <> 'table', rowid",
        )
        .fetch_all(&mut raw)
        .await
        .unwrap();
        let mut dump = Vec::new();
        for (kind, name, sql) in objects {
            dump.push(sql);
            if kind != "table" {
                continue;
            }
            let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?1)")
                .bind(&name)
                .fetch_all(&mut raw)
                .await
                .unwrap();
            let values: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
            let rows = format!(
                "SELECT 'INSERT INTO \"{name}\" VALUES (' || {} || ')' FROM \"{name}\"",
                values.join(" || ', ' || ")
            );
            let rows: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut raw).await.unwrap();
            dump.extend(rows);
        }
        dump
    }

    async fn integrity(&self) -> Vec<String> {
        self.texts("PRAGMA integrity_check").await
    }
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

fn draft(kind: &'static str, tags: &[&str]) -> Draft {
    Draft::new(kind, 1, tags.iter().map(|text| tag(text)), Payload::parse("{\"n\":1}").unwrap()).unwrap()
}

fn key() -> CommandKey {
    let name = |text: &str| Name::new("name", text.to_owned()).unwrap();
    CommandKey::new(name("c1"), name("open"), [tag("account:1")])
}

fn snapshot_key() -> SnapshotKey {
    SnapshotKey { aggregate: "Account", tag: Some(tag("account:1")), fingerprint: u64::MAX }
}

fn snapshot() -> Snapshot {
    Snapshot { position: Position::new(3), state: Payload::parse("{\"balance\":5}").unwrap() }
}

fn owner(account: i64, owner: &str) -> Row {
    vec![Value::Int(account), Value::Text(owner.to_owned())]
}

async fn append(store: &Sqlite, append: Append) -> u64 {
    match store.append_one(append).await.unwrap() {
        AppendOutcome::Appended(receipt) => receipt.position().get(),
        other => panic!("{other:?}"),
    }
}

fn renamed() -> Successor {
    Successor::renamed("payment", "paid").unwrap()
}

fn subject_key(number: u8) -> StoredKey {
    let (id, subject) = (Uuid::from_u128(number.into()), SubjectHash([number; 32]));
    StoredKey { id, subject, wrapped: vec![number; 40], master: "first".to_owned() }
}

fn erasure() -> Erasure {
    let erased_at = Timestamp::from_micros(1_769_860_800_000_000);
    Erasure { subject: subject_key(2).subject, actor: Some("ann".to_owned()), erased_at, completed_at: None }
}

/// A step that adds a tag to the second event.
fn retag() -> RewriteStep {
    RewriteStep {
        name: "paid".to_owned(),
        target: RewriteTarget::Tags { kind: "payment".to_owned() },
        found: None,
        state: RewriteState::Running,
        up_to: Position::new(2),
        events: 1,
        tags: vec![(Position::new(2), vec![tag("payment:1")])],
        payloads: Vec::new(),
        actor: Some("ann".to_owned()),
        at: Timestamp::from_micros(1_769_860_800_000_000),
    }
}

/// A step that closes an id.
fn closing() -> ArchiveStep {
    ArchiveStep::Close {
        ids: vec![tag("card:9")],
        file: "cards.jsonl".to_owned(),
        actor: Some("ann".to_owned()),
        at: Timestamp::from_micros(1_769_860_800_000_000),
    }
}

/// Writes a row into every table of a log.
async fn fill(store: &Sqlite) {
    let recorded_at = Timestamp::from_micros(1_769_860_800_000_000);
    let body = || Payload::parse("{\"amount\":5}").unwrap();
    let accepted = Append {
        recorded_at,
        key: Some(key()),
        journal: Some(JournalRecord { body: body(), rejection: None }),
        events: vec![
            draft("opened", &["account:1", "owner:7"]),
            draft("paid", &["account:1"]),
            draft("paid", &[]),
        ],
        successors: Some(KnownSuccessors { version: 0, added: vec![renamed()] }),
        ..Append::default()
    };
    append(store, accepted).await;
    let rejection = Some("it is closed".to_owned());
    let journal = Some(JournalRecord { body: body(), rejection });
    store.append_one(Append { recorded_at, journal, ..Append::default() }).await.unwrap();
    store.archive(closing()).await.unwrap();
    store.rewrite(retag()).await.unwrap();
    store.save_snapshot(&snapshot_key(), &snapshot()).await.unwrap();
    store.hash_key(subject_key(0)).await.unwrap();
    store.current_keys(vec![subject_key(1), subject_key(2)]).await.unwrap();
    store.erase(erasure()).await.unwrap();
    store.define(&OWNERS, "", store.log_id()).await.unwrap();
    let parked = Parked {
        position: Position::new(2),
        event: Uuid::from_u128(2),
        keys: vec!["1".to_owned()],
        error: "it cannot be decoded".to_owned(),
        attempts: 1,
        needs_newer: true,
    };
    let change = RowChange {
        upserts: vec![owner(1, "Anna"), owner(2, "Bert")],
        park: vec![parked],
        ..RowChange::new(&OWNERS, Position::START, Position::new(2))
    };
    store.commit(change).await.unwrap();
    store.promote(&OWNERS, false).await.unwrap();
    let mut requests = FollowerRequests::default();
    (requests.revision, requests.restarts) = (1, 1);
    assert!(store.replace_requests(&OWNERS, &requests).await.unwrap());
    store.define(&EMPTY, "", store.log_id()).await.unwrap();
    assert_eq!(store.make_inline(std::sync::Arc::new(NoRows)).await.unwrap(), InlineOutcome::Done);
}

/// Writes the fixture; run it only before version 1 is released:
/// `cargo test -p annalist-sqlite --lib -- --ignored write_fixture`.
#[tokio::test]
#[ignore = "it replaces the fixture"]
async fn write_fixture() {
    let log = TestLog::empty();
    let store = log.open(MIGRATIONS).await.unwrap();
    fill(&store).await;
    store.close().await;
    let mut text = "-- A file of version 1 with a row in every table. Written by `write_fixture` in `src/migrate/tests.rs`:\n\
                    -- cargo test -p annalist-sqlite --lib -- --ignored write_fixture\n"
        .to_owned();
    for statement in log.dump().await {
        text.push_str(&statement);
        text.push_str(";\n");
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/version_1.sql"), text).unwrap();
}

#[tokio::test]
async fn fixture_has_the_tables_that_migration_1_creates() {
    let restored = TestLog::of_version_1().await;
    let created = TestLog::empty();
    fill(&created.open(&MIGRATIONS[..1]).await.unwrap()).await;
    let schema = |log: Vec<String>| -> Vec<String> {
        log.into_iter().filter(|statement| !statement.starts_with("INSERT")).collect()
    };
    assert_eq!(schema(restored.dump().await), schema(created.dump().await));
    // Only an import fills `gaps`.
    let empty = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'annalist_%'
                 AND name NOT IN ('annalist_rows_empty_v1', 'annalist_gaps') ORDER BY name";
    for table in restored.texts(empty).await {
        let insert = format!("INSERT INTO \"{table}\" ");
        assert!(restored.dump().await.iter().any(|statement| statement.starts_with(&insert)), "{table}");
    }
}

#[tokio::test]
async fn upgraded_file_can_be_read_and_appended() {
    let log = TestLog::of_version_1().await;
    let before = log.open(MIGRATIONS).await.unwrap();
    let events = before.read(&[Read::all(Criteria::all())]).await.unwrap();
    let builds = before.builds("owners").await.unwrap();
    before.close().await;

    let store = log.open(WITH_VERSION_2).await.unwrap();
    assert_eq!(
        log.texts("SELECT type || ' ' || count FROM annalist_event_counts ORDER BY type").await,
        ["opened 1", "paid 2"]
    );
    assert_eq!(log.texts("SELECT schema_version || '' FROM annalist_log").await, ["2"]);
    assert_eq!(store.log_id(), before.log_id());
    assert_eq!(store.read(&[Read::all(Criteria::all())]).await.unwrap(), events);
    assert_eq!(events[0].records.len(), 3);
    assert_eq!(store.receipt(&key()).await.unwrap().unwrap().position(), Position::new(3));
    let successors = store.successors().await.unwrap();
    assert_eq!(successors.all(), [renamed().stored_at(Position::new(2))]);
    assert_eq!(store.archives().await.unwrap()[0].ids, [tag("card:9")]);
    let retag = successors.retag("paid", "payment").unwrap();
    assert_eq!((retag.state, retag.changed, retag.version), (RewriteState::Running, 1, successors.version));
    let journal = store.journal(0, PageLimit::records(10)).await.unwrap();
    let positions = [1, 2, 3].map(Position::new).to_vec();
    assert_eq!(journal[0].outcome, Outcome::Accepted(positions));
    assert_eq!(journal[1].outcome, Outcome::Rejected("it is closed".to_owned()));
    assert_eq!(store.snapshot(&snapshot_key()).await.unwrap(), Some(snapshot()));
    let states = store.keys(&[subject_key(1).id, subject_key(2).id]).await.unwrap();
    assert_eq!(states, [KeyState::Stored(subject_key(1)), KeyState::Erased]);
    assert_eq!(store.hash_key(subject_key(9)).await.unwrap(), subject_key(0));
    assert_eq!(store.erasures(true).await.unwrap(), [erasure()]);
    assert_eq!(store.builds("owners").await.unwrap(), builds);
    assert!(builds[0].live && builds[0].checkpoint.parked == 1);
    assert!(store.builds("empty").await.unwrap()[0].inline);
    assert_eq!(store.parked(&OWNERS).await.unwrap()[0].keys, ["1"]);
    let all = RowQuery { table: &OWNERS, filters: vec![], sort: None, after: None, limit: 10 };
    assert_eq!(store.find(&all).await.unwrap(), [owner(1, "Anna"), owner(2, "Bert")]);

    let journal = Some(JournalRecord { body: Payload::parse("0").unwrap(), rejection: None });
    let next = Append { events: vec![draft("paid", &["account:1"])], journal, ..Append::default() };
    assert_eq!(append(&store, next).await, 4);
    let account = Read::all(Item::any().tag(tag("account:1")).into());
    assert_eq!(store.read(&[account]).await.unwrap()[0].records.len(), 3);
    assert_eq!(store.journal(2, PageLimit::records(10)).await.unwrap()[0].number, 3);
    let change = RowChange {
        parked: 1,
        upserts: vec![owner(2, "Berta")],
        ..RowChange::new(&OWNERS, Position::new(2), Position::new(4))
    };
    store.commit(change).await.unwrap();
    assert_eq!(log.texts("SELECT owner FROM annalist_rows_owners ORDER BY account").await, ["Anna", "Berta"]);
    assert_eq!(log.integrity().await, ["ok"]);
}

#[tokio::test]
async fn failed_upgrade_leaves_the_file_unchanged_and_can_be_repeated() {
    let log = TestLog::of_version_1().await;
    let before = log.dump().await;
    let error = log.open(WITH_BROKEN_VERSION_2).await.unwrap_err();
    assert!(matches!(&error, Error::Unusable { .. }), "{error:?}");
    assert_eq!(log.dump().await, before);
    log.open(WITH_VERSION_2).await.unwrap();
    assert_eq!(log.texts("SELECT schema_version || '' FROM annalist_log").await, ["2"]);
}

#[tokio::test]
async fn new_file_runs_all_migrations() {
    let log = TestLog::empty();
    let store = log.open(WITH_VERSION_2).await.unwrap();
    fill(&store).await;
    assert_eq!(log.texts("SELECT schema_version || '' FROM annalist_log").await, ["2"]);
    assert_eq!(log.texts("SELECT type FROM annalist_event_counts").await, [""; 0]);
}

#[tokio::test]
async fn file_of_a_newer_version_is_refused_and_left_unchanged() {
    let log = TestLog::of_version_1().await;
    log.open(WITH_VERSION_2).await.unwrap().close().await;
    let before = log.dump().await;
    let error = log.open(MIGRATIONS).await.unwrap_err();
    assert!(matches!(&error, Error::Unusable { .. }), "{error:?}");
    assert!(error.to_string().contains("version 2, written by a newer program"), "{error}");
    assert_eq!(log.dump().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_opens_upgrade_a_file_once() {
    for _ in 0..5 {
        let log = TestLog::of_version_1().await;
        let mut openers = JoinSet::new();
        for _ in 0..6 {
            let file = log.file();
            openers.spawn(async move {
                let options = Sqlite::options().migrations(WITH_VERSION_2);
                options.open(file).await.unwrap().builds("owners").await.unwrap().len()
            });
        }
        assert_eq!(openers.join_all().await, [1; 6]);
        assert_eq!(
            log.texts("SELECT type FROM annalist_event_counts ORDER BY type").await,
            ["opened", "paid"]
        );
        assert_eq!(log.integrity().await, ["ok"]);
    }
}

#[tokio::test]
async fn read_only_file_of_an_older_version_is_refused() {
    let log = TestLog::of_version_1().await;
    let options = SqliteConnectOptions::new().filename(log.file()).read_only(true);
    let pool = SqlitePool::connect_lazy_with(options);
    let options = Sqlite::options().migrations(WITH_VERSION_2);
    let error = options.with_pool(pool).await.unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    assert_eq!(log.texts("SELECT schema_version || '' FROM annalist_log").await, ["1"]);
}

#[tokio::test]
async fn other_prefix_in_an_upgraded_file_is_a_log_of_its_own() {
    let log = TestLog::of_version_1().await;
    let first = log.open(WITH_VERSION_2).await.unwrap();
    let options = Sqlite::options().migrations(WITH_VERSION_2);
    let second = options.prefix("other_").open(log.file()).await.unwrap();
    assert_ne!(second.log_id(), first.log_id());
    assert_eq!(append(&second, Append { events: vec![draft("opened", &[])], ..Append::default() }).await, 1);
}
