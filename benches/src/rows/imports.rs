//! The import of an export into PostgreSQL.

use std::{sync::Arc, time::Instant};

use annalist::{
    Postgres,
    transfer::{self, Export},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};
use uuid::Uuid;

use crate::{
    Result,
    baseline::{self, copy::CopiedLog},
    environment::{Commits, Environment},
    harness::{Pair, side},
    moved_log::{filled, record},
};

/// Imports, each into a new log, in events a second.
pub(crate) async fn prepare(environment: &Environment) -> Result<Pair> {
    let events = environment.size().of(1_000, 100_000, 300_000);
    let url = environment.url(Commits::Plain);
    let mut export = Vec::new();
    Export::new(filled(events).await?).write_to(&mut export).await?;
    let schema = baseline::schema(environment).await?;
    let copied = CopiedLog::new(url.clone(), schema, (0..events).map(record))?;
    Ok(Pair {
        ours: side((url, Arc::new(export)), |(url, export)| async move { import(&url, &export).await }),
        baseline: side(Arc::new(copied), |copied| async move { copied.copy().await }),
    })
}

async fn import(url: &str, export: &[u8]) -> Result<f64> {
    let schema = format!("import_{}", Uuid::now_v7().simple());
    let store = Postgres::options().schema(&schema).connect(url).await?;
    let started = Instant::now();
    let imported = transfer::import(&store, &mut &*export).await?;
    let figure = imported.events as f64 / started.elapsed().as_secs_f64();
    store.close().await;
    let mut connection = PgConnection::connect(url).await?;
    let remove = format!("DROP SCHEMA {schema}, {schema}_rows CASCADE");
    raw_sql(AssertSqlSafe(remove)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(figure)
}
