//! Event stores as callers pass them.

use std::{fmt, sync::Arc};

use super::EventStore;

/// An event store as [`App::builder`](crate::app::App::builder) takes it: by value, or in an `Arc`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event store",
    label = "an event store is needed here",
    note = "pass a store that implements `EventStore`, an `Arc` of one, or an `Arc<dyn EventStore>`"
)]
pub trait IntoEventStore {
    /// Returns the store in an `Arc`.
    fn into_event_store(self) -> Arc<dyn EventStore>;
}

impl<S: EventStore> IntoEventStore for S {
    fn into_event_store(self) -> Arc<dyn EventStore> {
        Arc::new(self)
    }
}

impl<S: EventStore> IntoEventStore for Arc<S> {
    fn into_event_store(self) -> Arc<dyn EventStore> {
        self
    }
}

impl IntoEventStore for Arc<dyn EventStore> {
    fn into_event_store(self) -> Self {
        self
    }
}

impl fmt::Debug for dyn EventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}
