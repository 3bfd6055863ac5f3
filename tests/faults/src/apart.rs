//! The control: a consumer that counts events in rows and keeps its place somewhere else, as many do.

use std::{fs, path::Path};

use annalist::{App, Criteria, Position};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

/// How many events it takes before it writes down its place.
const EACH: u64 = 10;

/// What it has counted: how many events, up to which position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub events: u64,
    /// Up to where.
    pub position: Position,
}

/// Counts until somebody puts an end to it.
pub async fn count(app: &App, folder: &Path) {
    let mut rows = open(folder).await;
    let place = folder.join("place");
    let start = fs::read_to_string(&place).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
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
            if taken % EACH == 0 {
                fs::write(folder.join("new"), record.position.to_string()).unwrap();
                fs::rename(folder.join("new"), &place).unwrap();
            }
        }
    }
}

/// What stands in its rows.
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
