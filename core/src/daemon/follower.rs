//! A follower of the log: a projection, a custom projection or a policy.

use std::sync::Arc;

use super::{BatchHandler, ErrorPolicy};
use crate::{
    error::Error,
    rows::{Inline, SharedRows, Table},
};

/// Follows the log under a name of its own, with its checkpoint in a row store.
pub trait Follower: Send + Sync + 'static {
    /// Its name, version and columns; without columns it has a checkpoint only.
    fn table(&self) -> Table;

    /// Creates the batch handler for one build.
    fn batch_handler(&self, table: Table, rows: SharedRows) -> Box<dyn BatchHandler>;

    /// Describes the events that a build folds; see [`RowStore::define`](crate::rows::RowStore::define). A build of other events is
    /// refused. Empty for a policy: its builds hold nothing that was folded.
    fn events(&self) -> String {
        String::new()
    }

    /// What happens to an event that fails.
    fn error_policy(&self) -> ErrorPolicy {
        ErrorPolicy::Stop
    }

    /// Whether the first start skips all events already in the log.
    fn starts_at_end(&self) -> bool {
        false
    }

    /// Whether one process at a time runs it. Otherwise all processes run it, and the comparison of the checkpoint decides whose
    /// result is stored.
    fn is_exclusive(&self) -> bool {
        false
    }

    /// Whether a new build is promoted only if its rows equal those of the live one.
    fn compares_builds(&self) -> bool {
        false
    }

    /// The fold of a build for the transactions of appends, if the follower is inline.
    fn inline(&self, _table: Table) -> Option<Arc<dyn Inline>> {
        None
    }

    /// Checks its definition, without a store.
    ///
    /// # Errors
    /// [`Error::Invalid`] if its name or its columns are not valid.
    fn check(&self) -> Result<(), Error> {
        Ok(self.table().check()?)
    }
}
