//! The control: a consumer that counts events in rows and stores its checkpoint separately, as is common.

use std::{fs, path::Path};

use annalist::{App, Criteria, Position};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

/// The number of events for each write of the checkpoint.
const CHECKPOINT_EVERY: u64 = 10;

/// The result of the control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The number of events.
    pub events: u64,
    /// The position of the last event.
    pub position: Position,
}

/// Counts until the process is killed.
pub async fn count(app: &App, folder: &Path) {
    let mut rows = open(folder).await;
    let checkpoint = folder.join("checkpoint");
    let start = fs::read_to_string(&checkpoint).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
    let mut feed = app.feed(Criteria::all()).after(Position::new(start)).pages_of(1);
    let mut taken = 0;
    loop {
        for record in feed.next().await.unwrap().records {
            sqlx::query("UPDATE counted SET events = events + 1, position = ?")
                .bind(record.position.get().cast_signed())
                .execute(&mut rows)
                .await
                .unwrap();
            taken += 1;
            if taken % CHECKPOINT_EVERY == 0 {
                fs::write(folder.join("new"), record.position.to_string()).unwrap();
                fs::rename(folder.join("new"), &checkpoint).unwrap();
            }
        }
    }
}

/// Reads the result from the control's rows.
pub async fn counted(folder: &Path) -> Counted {
    let (events, position): (i64, i64) = sqlx::query_as("SELECT events, position FROM counted")
        .fetch_one(&mut open(folder).await)
        .await
        .unwrap();
    Counted { events: events.cast_unsigned(), position: Position::new(position.cast_unsigned()) }
}

async fn open(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.join("counted.db")).create_if_missing(true);
    let mut rows = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS counted (one INTEGER PRIMARY KEY CHECK (one = 1), events INTEGER, position INTEGER);
         INSERT OR IGNORE INTO counted VALUES (1, 0, 0)",
    )
    .execute(&mut rows)
    .await
    .unwrap();
    rows
}
