//! What a store has to tell about itself to be tested.

use std::sync::Arc;

use annalist_core::{BoxError, store::EventStore};
use async_trait::async_trait;

/// A kind of store under test: how to make a log, and how to open it.
#[async_trait]
pub trait Subject: Send + Sync + 'static {
    /// The first part of every case's name, and the name of the store in messages.
    const NAME: &'static str;

    /// Where one log is: a folder, a schema, the log itself. It is dropped when its case is over.
    type Place: Send + Sync + 'static;

    /// Makes a place for a log that nobody else uses, without events.
    async fn create(&self) -> Result<Self::Place, BoxError>;

    /// Opens the log with a handle of its own, as another process would: no connection, cache or lock is shared with
    /// handles that were opened before and may still be in use.
    async fn open(&self, place: &Self::Place) -> Result<Arc<dyn EventStore>, BoxError>;

    /// Removes what [`Subject::create`] made, unless dropping the place does it already. Handles may still be open.
    async fn remove(&self, _place: &Self::Place) -> Result<(), BoxError> {
        Ok(())
    }

    /// Why the store lacks a capability, if it does. The cases that need it are listed as ignored, with this reason.
    fn lacks(&self, _capability: Capability) -> Option<&'static str> {
        None
    }
}

/// What not every store can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// The log is still there when every handle to it is gone.
    Durable,
    /// The store keeps rows of projections: [`EventStore::row_store`] gives them. A store that gives none need not say
    /// so here.
    Rows,
    /// Several appends stand or fall together: [`EventStore::max_batch`] is more than one. A store that takes one
    /// need not say so here.
    AppendAll,
    /// The store keeps snapshots: one that was kept is there afterwards. A store that keeps none need not say so here.
    Snapshots,
    /// An append changes the rows of inline builds in its own transaction, because they are kept beside the log.
    Inline,
}

/// A [`Subject`] without its types, so that cases are plain functions.
#[async_trait]
pub(crate) trait Maker: Send + Sync {
    async fn make(&self) -> Result<Arc<dyn Home>, BoxError>;
}

/// Where one log is, together with how to open it.
#[async_trait]
pub(crate) trait Home: Send + Sync {
    async fn open(&self) -> Result<Arc<dyn EventStore>, BoxError>;
    async fn remove(&self) -> Result<(), BoxError>;
}

/// The only maker.
pub(crate) struct MakerOf<S>(pub(crate) Arc<S>);

struct HomeOf<S: Subject> {
    subject: Arc<S>,
    place: S::Place,
}

#[async_trait]
impl<S: Subject> Maker for MakerOf<S> {
    async fn make(&self) -> Result<Arc<dyn Home>, BoxError> {
        let place = self.0.create().await?;
        Ok(Arc::new(HomeOf { subject: Arc::clone(&self.0), place }))
    }
}

#[async_trait]
impl<S: Subject> Home for HomeOf<S> {
    async fn open(&self) -> Result<Arc<dyn EventStore>, BoxError> {
        self.subject.open(&self.place).await
    }

    async fn remove(&self) -> Result<(), BoxError> {
        self.subject.remove(&self.place).await
    }
}
