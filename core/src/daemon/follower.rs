//! What follows the log under a name of its own: a projection, a user's own tables, a policy.

use std::sync::Arc;

use super::{BatchHandler, ErrorPolicy};
use crate::{
    error::Error,
    rows::{Inline, SharedRows, Table},
};

/// Follows the log, and keeps its checkpoint in a store of rows.
pub trait Follower: Send + Sync + 'static {
    /// Its table, or its checkpoint alone: name, version and columns.
    fn table(&self) -> Table;

    /// What takes the events of a build of its version.
    fn batch_handler(&self, table: Table, rows: SharedRows) -> Box<dyn BatchHandler>;

    /// What becomes of an event that cannot be taken.
    fn error_policy(&self) -> ErrorPolicy {
        ErrorPolicy::Stop
    }

    /// Whether it passes over everything that was there when it was first started.
    fn starts_at_end(&self) -> bool {
        false
    }

    /// Whether a new build takes over only if its rows are those of the live one.
    fn compares_builds(&self) -> bool {
        false
    }

    /// The fold of a build, if its rows are to change in the transactions of the appends.
    fn inline(&self, _table: Table) -> Option<Arc<dyn Inline>> {
        None
    }

    /// Checks what can be checked before anything is asked.
    ///
    /// # Errors
    /// [`Error::Invalid`] if its name or its columns are not valid.
    fn check(&self) -> Result<(), Error> {
        Ok(self.table().check()?)
    }
}
