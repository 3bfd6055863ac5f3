//! Transfers on PostgreSQL: a decision over two accounts, which no unique number guards. The exact hand-written ways are a
//! SERIALIZABLE transaction that is retried after a serialization failure, and, for accounts on which many transfers meet, a
//! transaction that locks both accounts first.

use sqlx::PgPool;
use uuid::Uuid;

use super::{
    back_off,
    event::{self, Draft},
};
use crate::{
    Result,
    domain::{Account, Transfer, transfer},
    environment::{Commits, Environment},
};

const LOAD: &str = "
    SELECT t.tag, e.type, e.data::text FROM event_tags t JOIN events e USING (position)
    WHERE t.tag = ANY ($1) ORDER BY position";

const APPEND: &str = "
    WITH event AS (
      INSERT INTO events (id, type, version, recorded_at, tags, data, metadata)
      VALUES ($1, $2, 1, now(), $3, $4::text::json, $5::text::json)
      RETURNING tags, type, position)
    INSERT INTO event_tags (tag, type, position) SELECT unnest(tags), type, position FROM event";

/// In the order of the keys, so that no two transactions wait for each other.
const LOCK: &str = "
    SELECT pg_advisory_xact_lock(key)
    FROM (SELECT hashtextextended(tag, 0) AS key FROM unnest($1::text[]) AS tag ORDER BY key) AS keys";

#[derive(Clone)]
pub(crate) struct Transfers {
    pool: PgPool,
    locks: bool,
}

impl Transfers {
    /// Creates a log with a number of events of each of these accounts.
    pub(crate) async fn open_on(
        environment: &Environment,
        tasks: usize,
        past: usize,
        accounts: &[crate::domain::AccountId],
    ) -> Result<Self> {
        let schema = super::schema(environment).await?;
        super::fill(environment, &schema, past * accounts.len(), accounts).await?;
        Ok(Self { pool: environment.pool(tasks, &schema, Commits::Plain).await?, locks: false })
    }

    /// The same log, with transactions that lock the accounts.
    pub(crate) fn with_locks(self) -> Self {
        Self { locks: true, ..self }
    }

    pub(crate) async fn transfer(&self, command: &Transfer) -> Result<()> {
        loop {
            match self.attempt(command).await {
                Err(error) if is_serialization_failure(&error) => back_off().await,
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, command: &Transfer) -> Result<()> {
        let tags = [event::tag(command.from)?, event::tag(command.to)?];
        let mut transaction = if self.locks {
            // Each statement has a snapshot of its own, and the first one only locks.
            let mut transaction = self.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
            sqlx::query(LOCK).bind(&tags[..]).execute(&mut *transaction).await?;
            transaction
        } else {
            self.pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE").await?
        };
        let rows: Vec<(String, String, String)> =
            sqlx::query_as(LOAD).bind(&tags[..]).fetch_all(&mut *transaction).await?;
        let (mut from, mut to) = (Account::new(command.from), Account::new(command.to));
        for (tag, name, data) in &rows {
            let account = if *tag == tags[0] { &mut from } else { &mut to };
            account.apply(&event::decode(name, data)?);
        }
        let moved = transfer((&from, &to), command)?;
        let Draft { name, tags, data } = event::encode(moved)?;
        let append = sqlx::query(APPEND).bind(Uuid::now_v7()).bind(name).bind(tags).bind(data);
        append.bind(event::metadata("transfer")).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }
}

fn is_serialization_failure(error: &crate::Error) -> bool {
    let database = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    database.and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "40001" || code == "40P01")
}
