//! The settings that a connection must have so that the guarantees of a log hold.

use std::time::{Duration, Instant};

use annalist_core::error::Error;
use sqlx::{Row, SqliteConnection, query, query_scalar};

use crate::error::{failed, is_busy};

/// The retry interval for the one lock that SQLite itself does not wait for.
pub(crate) const RETRY_INTERVAL: Duration = Duration::from_millis(5);

const NORMAL: i64 = 1;
const FULL: i64 = 2;

/// The required settings of connections.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    /// Whether `synchronous=NORMAL` is enough.
    pub(crate) relaxed: bool,
}

impl Settings {
    /// Returns the first violation of a connection and how to fix it, or `None` if its settings are sufficient.
    pub(crate) async fn violation(
        self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<String>, sqlx::Error> {
        let row = query(include_str!("../sql/settings.sql")).fetch_one(connection).await?;
        let (synchronous, journal): (i64, String) =
            (row.try_get("synchronous")?, row.try_get("journal_mode")?);
        let (uncommitted, file): (i64, Option<String>) =
            (row.try_get("read_uncommitted")?, row.try_get("file")?);
        let required = if self.relaxed { NORMAL } else { FULL };
        Ok(if file.is_none_or(|file| file.is_empty()) {
            Some(IN_MEMORY.to_owned())
        } else if synchronous < required {
            Some(format!(
                "its connections have synchronous={synchronous}, with which an acknowledged append can be lost when the power fails; set synchronous=FULL (2) or, if that is acceptable, use `relaxed_durability` with NORMAL (1)"
            ))
        } else if journal == "off" || journal == "memory" {
            Some(format!(
                "its connections have journal_mode={journal}, with which a crash can corrupt the file; set journal_mode=WAL"
            ))
        } else if uncommitted != 0 {
            Some("its connections read uncommitted rows; set read_uncommitted=0".to_owned())
        } else {
            None
        })
    }
}

/// Why a database in memory is refused.
pub(crate) const IN_MEMORY: &str = "SQLite in memory is not supported, because every connection gets a database of its own; use a file, or the in-memory store";

/// Sets the file to write-ahead logging.
///
/// The switch needs an exclusive lock, for which SQLite does not wait: it fails at once while another process opens the
/// file. This function retries until the busy timeout.
pub(crate) async fn write_ahead(
    connection: &mut SqliteConnection,
    busy_timeout: Duration,
    operation: &str,
) -> Result<(), Error> {
    let began = Instant::now();
    loop {
        let mode: Result<String, _> =
            query_scalar("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await;
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) if mode == "memory" => return Err(Error::unusable(operation, IN_MEMORY)),
            Ok(mode) => {
                return Err(Error::unusable(
                    operation,
                    format!(
                        "write-ahead logging is not possible, the file stays with journal_mode={mode}; is it on a network drive?"
                    ),
                ));
            }
            Err(error) if is_busy(&error) && began.elapsed() < busy_timeout => {
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            Err(error) => return Err(failed(operation, error)),
        }
    }
}
