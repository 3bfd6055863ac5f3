//! Deposits on SQLite, one transaction for each.
//!
//! The tasks share one connection: SQLite has one writer, and waiting for its lock by retries is slower. Data
//! read inside the transaction cannot change before it ends, so no condition has to be checked.

use std::path::Path;

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::Uuid;

use super::event::{self, Draft};
use crate::{
    Result,
    domain::{Account, AccountId, Deposit},
};

const TABLES: [&str; 3] = [
    include_str!("../../../adapters/sqlite/sql/schema/1_events.sql"),
    include_str!("../../../adapters/sqlite/sql/schema/1_events_by_type.sql"),
    include_str!("../../../adapters/sqlite/sql/schema/1_event_tags.sql"),
];

const LOAD: &str = "
    SELECT e.type, e.data FROM event_tags t JOIN events e ON e.position = t.position
    WHERE t.tag = ?1 ORDER BY t.position";

const INSERT: &str = "
    INSERT INTO events (id, type, version, recorded_at, tags, metadata, data)
    VALUES (?1, ?2, 1, unixepoch() * 1000000, ?3, ?4, ?5)";

const INSERT_TAG: &str = "INSERT INTO event_tags (tag, type, position) VALUES (?1, ?2, last_insert_rowid())";

#[derive(Clone)]
pub(crate) struct File {
    pool: SqlitePool,
}

impl File {
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
        let pool = pool.connect_with(options).await?;
        for table in TABLES {
            sqlx::raw_sql(sqlx::AssertSqlSafe(table.replace("{prefix}", ""))).execute(&pool).await?;
        }
        Ok(Self { pool })
    }

    pub(crate) async fn deposit(&self, command: &Deposit) -> Result<()> {
        let tag = event::tag(command.account)?;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let rows: Vec<(String, String)> =
            sqlx::query_as(LOAD).bind(&tag).fetch_all(&mut *transaction).await?;
        let mut account = Account::new(command.account);
        for (name, data) in &rows {
            account.apply(&event::decode(name, data)?);
        }
        let event = account.deposit(command)?;
        insert(&mut transaction, event::encode(event)?).await?;
        Ok(transaction.commit().await?)
    }

    /// Inserts a number of deposits on each account, in one statement.
    pub(crate) async fn seed(&self, accounts: &[AccountId], events: usize) -> Result<()> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for account in accounts {
            for _ in 0..events {
                insert(&mut transaction, event::deposited(*account, 1)?).await?;
            }
        }
        Ok(transaction.commit().await?)
    }
}

async fn insert(connection: &mut sqlx::SqliteConnection, draft: Draft) -> Result<()> {
    let Draft { name, tags, data } = draft;
    let event =
        sqlx::query(INSERT).bind(Uuid::now_v7().to_string()).bind(name).bind(serde_json::to_string(&tags)?);
    event.bind(event::metadata("deposit")).bind(data).execute(&mut *connection).await?;
    for tag in tags {
        sqlx::query(INSERT_TAG).bind(tag).bind(name).execute(&mut *connection).await?;
    }
    Ok(())
}
