//! A broken store as the suite creates and opens it.

use std::sync::Arc;

use annalist_conformance::{BoxError, StoreUnderTest};
use annalist_core::store::EventStore;

use super::{fault::Fault, store::BrokenStore};

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
        Ok(Arc::clone(location) as Arc<dyn EventStore>)
    }
}
