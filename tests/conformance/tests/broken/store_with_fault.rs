//! A broken store as the suite creates and opens it.

use std::sync::Arc;

use annalist_conformance::{BoxError, StoreUnderTest};
use annalist_core::{
    rows::{FollowerRequests, Table},
    store::EventStore,
};

use super::{fault::Fault, row_fault::RowFault, store::BrokenStore};

/// The build of the case about a reopen.
const MAILER: Table = Table { projection: "mailer", version: 1, build: 0, columns: &[] };

/// Creates logs whose store has a fault.
pub(crate) struct StoreWithFault(pub(crate) Fault);

#[async_trait::async_trait]
impl StoreUnderTest for StoreWithFault {
    const NAME: &'static str = "broken";
    type Location = Arc<BrokenStore>;

    async fn create(&self) -> Result<Arc<BrokenStore>, BoxError> {
        Ok(Arc::new(BrokenStore::new(self.0)))
    }

    async fn open(&self, location: &Arc<BrokenStore>) -> Result<Arc<dyn EventStore>, BoxError> {
        if self.0 == Fault::OpensEmptyLogs {
            return Ok(Arc::new(BrokenStore::new(self.0)));
        }
        if let (Fault::Rows(RowFault::ForgetsRequestsAtReopen), Some(rows)) = (self.0, location.row_store()) {
            let stored = rows.builds(MAILER.projection).await?.pop().map(|build| build.requests);
            let mut forgotten = FollowerRequests::default();
            forgotten.revision = stored.map_or(0, |requests| requests.revision) + 1;
            rows.replace_requests(&MAILER, &forgotten).await?;
        }
        Ok(Arc::clone(location) as Arc<dyn EventStore>)
    }
}
