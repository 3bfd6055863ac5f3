//! Runs the conformance suite on PostgreSQL: each log in its own schema.

#![allow(clippy::unwrap_used)] // in what it shares with tests

mod support;

use std::sync::Arc;

use annalist_conformance::{BoxError, StoreUnderTest};
use annalist_core::store::EventStore;
use annalist_postgres::Postgres;

struct OnPostgres {
    url: String,
}

#[async_trait::async_trait]
impl StoreUnderTest for OnPostgres {
    const NAME: &'static str = "postgres";
    type Location = String;

    async fn create(&self) -> Result<String, BoxError> {
        Ok(support::fresh_name("conformance"))
    }

    async fn open(&self, schema: &String) -> Result<Arc<dyn EventStore>, BoxError> {
        Ok(Arc::new(Postgres::options().schema(schema).connect(&self.url).await?))
    }

    async fn remove(&self, schema: &String) -> Result<(), BoxError> {
        support::run(&self.url, &format!("DROP SCHEMA IF EXISTS {schema}, {schema}_rows CASCADE")).await
    }
}

fn main() {
    match support::server() {
        Ok(url) => annalist_conformance::run(OnPostgres { url }),
        Err(reason) => annalist_conformance::skip(OnPostgres::NAME, &reason),
    }
}
