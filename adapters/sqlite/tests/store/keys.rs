//! Keys of subjects in a file: what is erased is in none of its bytes.

use std::time::Duration;

use annalist_core::{
    keys::{Erasure, KeyState, KeyStore, StoredKey, SubjectHash},
    rows::{Column, ColumnType, Role, RowChange, RowStore, Table, Value},
};
use sqlx::{SqlitePool, query, query_scalar, sqlite::SqlitePoolOptions};
use uuid::Uuid;

use super::*;

/// A key with bytes that occur nowhere else.
fn key(number: u32) -> StoredKey {
    let mut subject = [b's'; 32];
    subject[..4].copy_from_slice(&number.to_be_bytes());
    let wrapped = format!("<key {number} encrypted>").into_bytes();
    let id = Uuid::from_u128(u128::from(number) << 40 | 7);
    StoredKey { id, subject: SubjectHash(subject), wrapped, master: "first".to_owned() }
}

fn erasure(number: u32) -> Erasure {
    Erasure { subject: key(number).subject, actor: None, erased_at: TIME, completed_at: None }
}

impl TestLog {
    /// Whether some bytes are in a file of the database.
    fn contains(&self, bytes: &[u8]) -> bool {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files.into_iter().any(|file| {
            let content = std::fs::read(file.unwrap().path()).unwrap();
            content.windows(bytes.len()).any(|window| window == bytes)
        })
    }

    fn keys_in_bytes(&self, numbers: impl Iterator<Item = u32>) -> Vec<u32> {
        numbers.filter(|number| self.contains(&key(*number).wrapped)).collect()
    }
}

#[tokio::test]
async fn bytes_of_erased_keys_are_in_no_file() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    // In random order, so that pages are split.
    let mut numbers: Vec<u32> = (0..600).collect();
    fastrand::shuffle(&mut numbers);
    for numbers in numbers.chunks(7) {
        store.current_keys(numbers.iter().copied().map(key).collect()).await.unwrap();
    }
    assert_eq!(test_log.keys_in_bytes(0..600).len(), 600);
    for number in (0..600).step_by(50) {
        store.erase(erasure(number)).await.unwrap();
        assert!(!test_log.contains(&key(number).wrapped));
    }
    let (erased, intact): (Vec<u32>, _) = (0..600).partition(|number| number % 50 == 0);
    assert_eq!(test_log.keys_in_bytes(erased.into_iter()), [0_u32; 0]);
    assert_eq!(test_log.keys_in_bytes(intact.iter().copied()), intact);
}

#[tokio::test]
async fn erasure_in_a_pool_of_the_user_overwrites_and_keeps_its_settings() {
    let test_log = TestLog::new();
    test_log.open().await.close().await;
    let options = SqliteConnectOptions::new().filename(test_log.file()).pragma("secure_delete", "OFF");
    let pool: SqlitePool = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options);
    let store = Sqlite::options().with_pool(pool.clone()).await.unwrap();
    store.current_keys((0..20).map(key).collect()).await.unwrap();
    store.erase(erasure(3)).await.unwrap();
    assert_eq!(test_log.keys_in_bytes(0..5), [0, 1, 2, 4]);
    let setting: i64 = query_scalar("PRAGMA secure_delete").fetch_one(&pool).await.unwrap();
    assert_eq!(setting, 0);
}

#[tokio::test]
async fn erasure_is_complete_only_when_no_reader_needs_the_older_state() {
    let test_log = TestLog::new();
    let options = Sqlite::options().busy_timeout(Duration::from_millis(1));
    let store = options.open(test_log.file()).await.unwrap();
    store.current_keys(vec![key(1)]).await.unwrap();
    let mut reader = test_log.raw().await;
    query("BEGIN").execute(&mut reader).await.unwrap();
    query("SELECT count(*) FROM annalist_subject_keys").fetch_one(&mut reader).await.unwrap();

    store.erase(erasure(1)).await.unwrap();
    assert_eq!(store.keys(&[key(1).id]).await.unwrap(), [KeyState::Erased]);
    let error = store.complete_erasure(key(1).subject, TIME).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("write-ahead log"), "{error}");
    assert_eq!(store.erasures(true).await.unwrap(), [erasure(1)]);
    assert!(test_log.contains(&key(1).wrapped));

    query("ROLLBACK").execute(&mut reader).await.unwrap();
    store.complete_erasure(key(1).subject, TIME).await.unwrap();
    assert!(!test_log.contains(&key(1).wrapped));
    assert_eq!(store.erasures(true).await.unwrap(), []);
}

#[tokio::test]
async fn restored_key_row_is_not_used() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    store.current_keys(vec![key(1)]).await.unwrap();
    let mut raw = test_log.raw().await;
    query("CREATE TEMP TABLE backup AS SELECT * FROM annalist_subject_keys").execute(&mut raw).await.unwrap();
    store.erase(erasure(1)).await.unwrap();
    query("INSERT INTO annalist_subject_keys SELECT * FROM backup").execute(&mut raw).await.unwrap();
    assert_eq!(store.keys(&[key(1).id]).await.unwrap(), [KeyState::Erased]);
    assert_eq!(store.keys_after(Uuid::nil(), 10).await.unwrap(), []);
    let new = StoredKey { subject: key(1).subject, ..key(2) };
    assert_eq!(store.current_keys(vec![new.clone()]).await.unwrap(), [None]);

    store.readmit(key(1).subject).await.unwrap();
    assert_eq!(store.current_keys(vec![new.clone()]).await.unwrap(), [Some(new.clone())]);
    assert_eq!(store.keys(&[key(1).id]).await.unwrap(), [KeyState::Erased]);
    assert_eq!(store.keys(&[new.id]).await.unwrap(), [KeyState::Stored(new)]);
}

const ROWS: Table = Table {
    projection: "addresses",
    version: 1,
    build: 0,
    columns: &[
        Column { name: "id", kind: ColumnType::Int, nullable: false, role: Role::Key },
        Column { name: "address", kind: ColumnType::Text, nullable: false, role: Role::Index },
    ],
};

#[tokio::test]
async fn bytes_of_a_discarded_build_are_in_no_file() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let id = store.log_id();
    for build in 0..2 {
        store.define(&ROWS.built(build), "", id).await.unwrap();
    }
    let mut random = fastrand::Rng::with_seed(7);
    for position in 0..40_u64 {
        let row = |number: i64, random: &mut fastrand::Rng| {
            let text = format!(
                "{number} {}s3cr3t{}",
                "a".repeat(random.usize(..90)),
                "z".repeat(random.usize(..40))
            );
            vec![Value::Int(number), Value::Text(text)]
        };
        // Rows grow, shrink and move.
        let upserts = (0..50).map(|_| row(random.i64(..1_000), &mut random)).collect();
        let range = RowChange::new(&ROWS, Position::new(position), Position::new(position + 1));
        store.commit(RowChange { upserts, ..range }).await.unwrap();
    }
    assert!(test_log.contains(b"s3cr3t"));
    store.promote(&ROWS.built(1), false).await.unwrap();
    assert!(store.discard(&ROWS).await.unwrap());
    store.overwrite_deleted().await.unwrap();
    assert!(!test_log.contains(b"s3cr3t"));
}
