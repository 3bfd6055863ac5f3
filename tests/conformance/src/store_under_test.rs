//! What a store's author implements to run the suite.

use std::sync::Arc;

use annalist_core::{BoxError, store::EventStore};
use async_trait::async_trait;

/// A kind of store under test: how to create a new log and how to open it.
#[async_trait]
pub trait StoreUnderTest: Send + Sync + 'static {
    /// The name of the store: the first part of every case's name.
    const NAME: &'static str;

    /// Where one log is: a folder, a schema, the log itself. It is dropped when its case ends.
    type Location: Send + Sync + 'static;

    /// Creates a location for a new, empty log that no other test uses.
    async fn create(&self) -> Result<Self::Location, BoxError>;

    /// Opens the log as another process would: the handle shares no connection, cache or lock with handles that were
    /// opened earlier and may still be in use.
    async fn open(&self, location: &Self::Location) -> Result<Arc<dyn EventStore>, BoxError>;

    /// Removes what [`StoreUnderTest::create`] created, unless dropping the location does so. Handles may still be
    /// open.
    async fn remove(&self, _location: &Self::Location) -> Result<(), BoxError> {
        Ok(())
    }

    /// Returns the reason why the store does not support a capability, or `None` if it does. Cases that need an
    /// unsupported capability are listed as ignored, with this reason.
    fn unsupported(&self, _capability: Capability) -> Option<&'static str> {
        None
    }
}

/// What a store may leave unsupported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// The log survives the drop of all its handles.
    Durable,
    /// The store holds rows of projections. Detected: [`EventStore::row_store`] returns a row store.
    Rows,
    /// The store accepts several appends in one transaction. Detected: [`EventStore::max_batch`] is more than 1.
    AppendBatch,
    /// The store holds snapshots. Detected: a saved snapshot can be loaded.
    Snapshots,
    /// The store imports logs. Detected: [`EventStore::import`] begins an import.
    Import,
    /// The store holds keys of subjects. Detected: [`EventStore::key_store`] returns a key store.
    Keys,
    /// An append changes the rows of inline builds in its own transaction, because log and rows are in one database.
    Inline,
}

/// A [`StoreUnderTest`] without its type, so that cases are plain functions.
#[async_trait]
pub(crate) trait LogFactory: Send + Sync {
    async fn create(&self) -> Result<Arc<dyn TestLog>, BoxError>;
}

/// One log and how to open it.
#[async_trait]
pub(crate) trait TestLog: Send + Sync {
    async fn open(&self) -> Result<Arc<dyn EventStore>, BoxError>;
    async fn remove(&self) -> Result<(), BoxError>;
}

/// Creates logs of a [`StoreUnderTest`].
pub(crate) struct FactoryFor<S>(pub(crate) Arc<S>);

struct LogAt<S: StoreUnderTest> {
    store: Arc<S>,
    location: S::Location,
}

#[async_trait]
impl<S: StoreUnderTest> LogFactory for FactoryFor<S> {
    async fn create(&self) -> Result<Arc<dyn TestLog>, BoxError> {
        let location = self.0.create().await?;
        Ok(Arc::new(LogAt { store: Arc::clone(&self.0), location }))
    }
}

#[async_trait]
impl<S: StoreUnderTest> TestLog for LogAt<S> {
    async fn open(&self) -> Result<Arc<dyn EventStore>, BoxError> {
        self.store.open(&self.location).await
    }

    async fn remove(&self) -> Result<(), BoxError> {
        self.store.remove(&self.location).await
    }
}
