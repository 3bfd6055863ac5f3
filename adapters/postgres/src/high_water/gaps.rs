//! Closing gaps with tombstones.

use std::time::Duration;

use annalist_core::error::Error;
use sqlx::Row;

use crate::{database::Database, error::server_error};

/// How long a process that is not allowed to close a gap leaves that to other processes before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a gap is still open.
pub(super) struct StillOpen {
    pub(super) reason: String,
    /// How long not to try again.
    pub(super) retry_after: Duration,
}

/// Closes gaps with tombstones. Returns the reason if one of them stays open.
///
/// An error of the server is a reason too: a role without the privilege to insert, and a standby, wait for another process to
/// close the gap.
pub(super) async fn close_gaps(database: &Database, gaps: Vec<i64>) -> Result<Option<StillOpen>, Error> {
    // A gap that is already closed stays as it is.
    let row = database.fetch_one(|| database.sql.close_gaps.query().bind(&gaps)).await;
    match row.and_then(|row| row.try_get::<Option<i64>, _>("busy")) {
        Ok(busy) => Ok(busy.map(|position| StillOpen {
            reason: format!("the append with position {position} is still running"),
            retry_after: Duration::ZERO,
        })),
        Err(error) => match server_error(&error) {
            Some(error) => Ok(Some(StillOpen {
                reason: format!(
                    "this process cannot close it ({}) and waits for a process that can",
                    error.message()
                ),
                retry_after: RETRY_AFTER,
            })),
            None => Err(database.read_error(error)),
        },
    }
}
