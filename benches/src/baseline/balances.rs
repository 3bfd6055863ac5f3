//! Balances that are updated from the log on PostgreSQL, event by event and in batches.

use std::collections::HashMap;

use sqlx::PgPool;
use uuid::Uuid;

use super::event;
use crate::{
    Result,
    domain::AccountEvent,
    environment::{Commits, Environment},
};

const PAGE: &str =
    "SELECT position, type, data::text FROM events WHERE position > $1 ORDER BY position LIMIT $2";

const UPSERT: &str = "
    INSERT INTO balances (account, cents) SELECT * FROM unnest($1::uuid[], $2::bigint[])
    ON CONFLICT (account) DO UPDATE SET cents = balances.cents + excluded.cents";

/// Moves the checkpoint only from the expected position, so that two such loops count no event twice.
const CHECKPOINT: &str = "UPDATE checkpoint SET position = $2 WHERE position = $1";

#[derive(Clone)]
pub(crate) struct Balances {
    pool: PgPool,
}

impl Balances {
    /// Creates the tables in the schema of the events.
    pub(crate) async fn open_on(environment: &Environment, schema: &str) -> Result<Self> {
        let pool = environment.pool(2, schema, Commits::Plain).await?;
        sqlx::raw_sql(
            "CREATE TABLE balances (account uuid PRIMARY KEY, cents bigint NOT NULL);
             CREATE TABLE checkpoint (position bigint NOT NULL);
             INSERT INTO checkpoint VALUES (0)",
        )
        .execute(&pool)
        .await?;
        Ok(Self { pool })
    }

    /// Resets rows and checkpoint.
    pub(crate) async fn forget(&self) -> Result<()> {
        sqlx::raw_sql("TRUNCATE balances; UPDATE checkpoint SET position = 0").execute(&self.pool).await?;
        Ok(())
    }

    /// Folds up to a number of events, in transactions of a given size, and returns how many there were.
    pub(crate) async fn run(&self, events: usize, batch: usize) -> Result<usize> {
        let (mut at, mut done) = (0, 0);
        while done < events {
            let page: Vec<(i64, String, String)> =
                sqlx::query_as(PAGE).bind(at).bind(1_000_i64).fetch_all(&self.pool).await?;
            if page.is_empty() {
                break;
            }
            for rows in page.chunks(batch) {
                at = self.fold(at, rows).await?;
                done += rows.len();
            }
        }
        Ok(done)
    }

    async fn fold(&self, from: i64, rows: &[(i64, String, String)]) -> Result<i64> {
        let mut changes: HashMap<Uuid, i64> = HashMap::new();
        for (_, name, data) in rows {
            match event::decode(name, data)? {
                AccountEvent::Opened { .. } => {}
                AccountEvent::Deposited { account, amount } => {
                    *changes.entry(uuid(account)).or_default() += amount;
                }
                AccountEvent::Moved { from, to, amount } => {
                    *changes.entry(uuid(from)).or_default() -= amount;
                    *changes.entry(uuid(to)).or_default() += amount;
                }
            }
        }
        let (accounts, cents): (Vec<Uuid>, Vec<i64>) = changes.into_iter().unzip();
        let to = rows.last().map_or(from, |(position, ..)| *position);
        let mut transaction = self.pool.begin().await?;
        sqlx::query(UPSERT).bind(accounts).bind(cents).execute(&mut *transaction).await?;
        let moved = sqlx::query(CHECKPOINT).bind(from).bind(to).execute(&mut *transaction).await?;
        if moved.rows_affected() != 1 {
            return Err("somebody else has moved the checkpoint".into());
        }
        transaction.commit().await?;
        Ok(to)
    }
}

fn uuid(id: crate::domain::AccountId) -> Uuid {
    *annalist::Id::as_inner(&id)
}
