//! Tests of what is specific to SQLite: files, locks, pools and crashes. The guarantees of every store are tested in
//! `conformance.rs`.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod builds;
mod crashes;
mod errors;
mod files;
mod folds;
mod groups;
mod inline;
mod keys;
mod pools;
mod power_failures;
mod races;
mod rows;
mod snapshots;
mod stored_types;
mod user_transactions;
mod verify;
mod waits;

use annalist_core::{
    criteria::{Criteria, Item},
    error::Error,
    payload::Payload,
    record::{Draft, Name, Position, Record},
    store::{Append, AppendOutcome, Batch, CommandKey, Condition, EventStore, Read, Receipt},
    tag::Tag,
    time::Timestamp,
};
use annalist_sqlite::Sqlite;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

/// A file in a temporary directory, which is deleted on drop.
struct TestLog {
    dir: TempDir,
}

impl TestLog {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("log.db")
    }

    async fn open(&self) -> Sqlite {
        Sqlite::open(self.file()).await.unwrap()
    }

    /// A connection that bypasses the store.
    async fn raw(&self) -> SqliteConnection {
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(self.file())).await.unwrap()
    }

    /// Checks the integrity of the file, and that tags and events agree.
    async fn assert_sound(&self) {
        let mut raw = self.raw().await;
        let check: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut raw).await.unwrap();
        assert_eq!(check, "ok");
        let stray: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM annalist_event_tags t
             WHERE NOT EXISTS (SELECT 1 FROM annalist_events e, json_each(e.tags) j
                               WHERE e.position = t.position AND e.type = t.type AND j.value = t.tag)",
        )
        .fetch_one(&mut raw)
        .await
        .unwrap();
        let missing: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM annalist_events e, json_each(e.tags) j
             WHERE NOT EXISTS (SELECT 1 FROM annalist_event_tags t
                               WHERE e.position = t.position AND e.type = t.type AND j.value = t.tag)",
        )
        .fetch_one(&mut raw)
        .await
        .unwrap();
        assert_eq!((stray, missing), (0, 0), "stray and missing tags");
    }
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

fn name(text: impl Into<String>) -> Name {
    Name::new("name", text.into()).unwrap()
}

fn draft(kind: &'static str, tags: &[&str], data: &str) -> Draft {
    Draft::new(kind, 1, tags.iter().map(|text| tag(text)), Payload::parse(data).unwrap()).unwrap()
}

fn key(id: impl Into<String>) -> CommandKey {
    CommandKey::new(name(id), name("deposit"), [tag("account:1")])
}

fn events(events: impl IntoIterator<Item = Draft>) -> Append {
    Append { events: events.into_iter().collect(), ..Append::default() }
}

fn with_tag(text: &str) -> Criteria {
    Item::any().tag(tag(text)).into()
}

fn done(appended: AppendOutcome<Receipt>) -> Receipt {
    match appended {
        AppendOutcome::Appended(receipt) => receipt,
        other => panic!("not done: {other:?}"),
    }
}

async fn write(store: &impl EventStore, append: Append) -> Receipt {
    done(store.append_one(append).await.unwrap())
}

async fn read(store: &impl EventStore, criteria: Criteria) -> Batch {
    store.read(&[Read::all(criteria)]).await.unwrap().remove(0)
}

async fn all(store: &impl EventStore) -> Vec<Record> {
    read(store, Criteria::all()).await.records
}

fn positions(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.position.get()).collect()
}

fn message(error: &Error) -> String {
    format!("{error}\n{error:?}")
}

/// Reads, and appends under the condition that no matching event was appended since.
async fn guarded(store: &impl EventStore, criteria: Criteria, draft: Draft) -> AppendOutcome<Receipt> {
    let marker = read(store, criteria.clone()).await.marker;
    store
        .append_one(Append { conditions: vec![Condition { criteria, marker }], ..events([draft]) })
        .await
        .unwrap()
}

const TIME: Timestamp = Timestamp::from_micros(1_769_860_800_123_457);
const START: Position = Position::START;
