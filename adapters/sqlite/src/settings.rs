//! What a connection must be like so that the promises of a log hold.

use std::time::{Duration, Instant};

use annalist_core::error::Error;
use sqlx::{Row, SqliteConnection, query, query_scalar};

use crate::error::{failed, is_busy};

/// How long to wait before asking again for the one lock that SQLite does not wait for itself.
const PAUSE: Duration = Duration::from_millis(5);

const NORMAL: i64 = 1;
const FULL: i64 = 2;

/// What is asked of connections.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    /// `synchronous=NORMAL` will do.
    pub(crate) relaxed: bool,
}

impl Settings {
    /// What is wrong with a connection and how to change it, if something is.
    pub(crate) async fn complaint(
        self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<String>, sqlx::Error> {
        let row = query(include_str!("../sql/settings.sql")).fetch_one(connection).await?;
        let (synchronous, journal): (i64, String) =
            (row.try_get("synchronous")?, row.try_get("journal_mode")?);
        let (uncommitted, file): (i64, Option<String>) =
            (row.try_get("read_uncommitted")?, row.try_get("file")?);
        let enough = if self.relaxed { NORMAL } else { FULL };
        Ok(if file.is_none_or(|file| file.is_empty()) {
            Some(IN_MEMORY.to_owned())
        } else if synchronous < enough {
            Some(format!(
                "its connections have synchronous={synchronous}, with which an acknowledged append can be lost when the power fails; set synchronous=FULL (2) or, if that is acceptable, ask for `relaxed_durability` with NORMAL (1)"
            ))
        } else if journal == "off" || journal == "memory" {
            Some(format!(
                "its connections have journal_mode={journal}, which a crash can tear; set journal_mode=WAL"
            ))
        } else if uncommitted != 0 {
            Some("its connections read uncommitted rows; set read_uncommitted=0".to_owned())
        } else {
            None
        })
    }
}

/// Why there is no log in memory here.
pub(crate) const IN_MEMORY: &str = "a SQLite database in memory keeps nothing and is another one for every connection; give a file, or use the store in memory";

/// Sets the file to write-ahead logging.
///
/// That needs the file for itself for a moment, and SQLite refuses at once instead of waiting when another process opens
/// the file at the same time: so this waits here, for as long as the busy timeout.
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
                        "write-ahead logging is not possible here, the file stays with journal_mode={mode}; is it on a network drive?"
                    ),
                ));
            }
            Err(error) if is_busy(&error) && began.elapsed() < busy_timeout => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(failed(operation, error)),
        }
    }
}
