//! Runs the conformance suite on SQLite files.

use std::sync::Arc;

use annalist_conformance::{BoxError, StoreUnderTest};
use annalist_core::store::EventStore;
use annalist_sqlite::Sqlite;
use tempfile::TempDir;

struct SqliteFiles;

#[async_trait::async_trait]
impl StoreUnderTest for SqliteFiles {
    const NAME: &'static str = "sqlite";
    type Location = TempDir;

    async fn create(&self) -> Result<TempDir, BoxError> {
        Ok(tempfile::tempdir()?)
    }

    async fn open(&self, location: &TempDir) -> Result<Arc<dyn EventStore>, BoxError> {
        Ok(Arc::new(Sqlite::open(location.path().join("log.db")).await?))
    }
}

fn main() {
    annalist_conformance::run(SqliteFiles);
}
