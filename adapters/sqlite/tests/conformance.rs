//! The promises of the port, on files.

use std::sync::Arc;

use annalist_conformance::{BoxError, Subject};
use annalist_core::store::EventStore;
use annalist_sqlite::Sqlite;
use tempfile::TempDir;

struct InFiles;

#[async_trait::async_trait]
impl Subject for InFiles {
    const NAME: &'static str = "sqlite";
    type Place = TempDir;

    async fn create(&self) -> Result<TempDir, BoxError> {
        Ok(tempfile::tempdir()?)
    }

    async fn open(&self, place: &TempDir) -> Result<Arc<dyn EventStore>, BoxError> {
        Ok(Arc::new(Sqlite::open(place.path().join("log.db")).await?))
    }
}

fn main() {
    annalist_conformance::run(InFiles);
}
