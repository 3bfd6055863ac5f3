//! The baselines: hand-written code for one domain, in plain sqlx and plain Rust, as a competent engineer writes it.
//!
//! They use the event and tag tables of the adapters, from the same files, store the same tags and JSON, and use the
//! same fold and decision. Only the library between is missing.

pub(crate) mod balances;
pub(crate) mod bank;
pub(crate) mod copy;
pub(crate) mod event;
pub(crate) mod file;
pub(crate) mod map;
pub(crate) mod pages;
pub(crate) mod transfers;
pub(crate) mod wide;

use std::time::Duration;

use crate::{
    Result,
    environment::{Commits, Environment},
};

/// Only the tables of an adapter, without its functions.
const TABLES: [&str; 4] = [
    include_str!("../../adapters/postgres/sql/schema/04_events.sql"),
    include_str!("../../adapters/postgres/sql/schema/05_events_by_type.sql"),
    include_str!("../../adapters/postgres/sql/schema/06_events_by_time.sql"),
    include_str!("../../adapters/postgres/sql/schema/07_event_tags.sql"),
];

/// Creates a schema with the tables of the adapter, and returns its name.
pub(crate) async fn schema(environment: &Environment) -> Result<String> {
    let schema = environment.fresh_name("hand");
    let tables = TABLES.join(";\n").replace("{schema}", &schema);
    environment.run(&format!("CREATE SCHEMA {schema};\n{tables}")).await?;
    Ok(schema)
}

/// Like [`schema`], with a unique number for each event of an account.
pub(crate) async fn schema_with_streams(environment: &Environment) -> Result<String> {
    let schema = schema(environment).await?;
    let streams = format!(
        "ALTER TABLE {schema}.events ADD COLUMN stream uuid, ADD COLUMN stream_version int;
         CREATE UNIQUE INDEX events_by_stream ON {schema}.events (stream, stream_version)"
    );
    environment.run(&streams).await?;
    Ok(schema)
}

/// Waits 1 to 8 ms before the next attempt.
pub(crate) async fn back_off() {
    tokio::time::sleep(Duration::from_micros(fastrand::u64(1_000..8_000))).await;
}

/// Inserts deposits as [`insert`] does, and collects statistics of them.
pub(crate) async fn fill(
    environment: &Environment,
    schema: &str,
    events: usize,
    accounts: &[crate::domain::AccountId],
) -> Result<()> {
    insert(environment, schema, events, accounts).await?;
    environment.run(&format!("VACUUM ANALYZE {schema}.events")).await?;
    environment.run(&format!("VACUUM ANALYZE {schema}.event_tags")).await
}

/// Inserts deposits on a number of accounts in turn, in one statement, into the tables of Annalist or of a baseline.
pub(crate) async fn insert(
    environment: &Environment,
    schema: &str,
    events: usize,
    accounts: &[crate::domain::AccountId],
) -> Result<()> {
    let pool = environment.pool(1, schema, Commits::Plain).await?;
    let deposits: Vec<event::Draft> =
        accounts.iter().map(|account| event::deposited(*account, 1)).collect::<Result<_>>()?;
    let tags: Vec<&str> = deposits.iter().map(|deposit| deposit.tags[0].as_str()).collect();
    let data: Vec<&str> = deposits.iter().map(|deposit| deposit.data.as_str()).collect();
    sqlx::query(
        "INSERT INTO events (id, type, version, recorded_at, tags, data, metadata)
         SELECT gen_random_uuid(), 'account.deposited', 1, now(), ARRAY[($1::text[])[1 + n % $4]], ($2::text[])[1 + n % $4]::json,
                $3::text::json
         FROM generate_series(1, $5) AS n",
    )
    .bind(tags)
    .bind(data)
    .bind(event::metadata("deposit"))
    .bind(accounts.len() as i32)
    .bind(events as i32)
    .execute(&pool)
    .await?;
    sqlx::query(
        "INSERT INTO event_tags (tag, type, position)
         SELECT * FROM (SELECT tags[1], type, position FROM events ORDER BY position DESC LIMIT $1) AS added ORDER BY 1, 2, 3",
    )
    .bind(events as i64)
    .execute(&pool)
    .await?;
    pool.close().await;
    Ok(())
}
