//! Runs the conformance suite on PostgreSQL behind PgBouncer in transaction mode.

#![allow(clippy::unwrap_used)] // in what it shares with tests

mod support;

use std::sync::Arc;

use annalist_cluster::{PoolMode, Pooler};
use annalist_conformance::{BoxError, StoreUnderTest};
use annalist_core::store::EventStore;
use annalist_postgres::Postgres;

/// The sessions of the server that all stores share.
const SESSIONS: u32 = 16;

struct BehindPooler {
    server: String,
    pooler: Pooler,
}

#[async_trait::async_trait]
impl StoreUnderTest for BehindPooler {
    const NAME: &'static str = "postgres-pooler";
    type Location = String;

    async fn create(&self) -> Result<String, BoxError> {
        Ok(support::fresh_name("conformance"))
    }

    async fn open(&self, schema: &String) -> Result<Arc<dyn EventStore>, BoxError> {
        let database = self.server.rsplit('/').next().unwrap_or_default();
        // Stated, because the sessions of the pooler may be in use by other cases while the log is opened.
        let options = Postgres::options().schema(schema).transaction_pooling(true);
        Ok(Arc::new(options.connect(&self.pooler.url_of(database)).await?))
    }

    async fn remove(&self, schema: &String) -> Result<(), BoxError> {
        support::run(&self.server, &format!("DROP SCHEMA IF EXISTS {schema}, {schema}_rows CASCADE")).await
    }
}

fn main() {
    let started = support::server().and_then(|server| {
        let pooler = Pooler::start(&server, PoolMode::Transaction, SESSIONS, &[]);
        Ok(BehindPooler { pooler: pooler.map_err(|error| error.to_string())?, server })
    });
    match started {
        Ok(store) => annalist_conformance::run(store),
        Err(reason) => annalist_conformance::skip(BehindPooler::NAME, &reason),
    }
}
