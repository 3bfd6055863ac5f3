//! The journal of commands, the ledger's forgetting, and points in time.

use annalist_core::{
    error::{Error, Invalid},
    payload::Payload,
    record::Position,
    store::{Entry, Outcome},
    time::Timestamp,
};
use sqlx::{Row, postgres::PgRow};

use crate::{
    Store,
    rows::{Time, metadata, number, position},
};

impl Store {
    /// An entry whose append is still running may appear later between those that were read: numbers are drawn before the
    /// commit, and nobody closes their gaps. The journal is for looking things up; what must miss nothing reads the feed.
    pub(crate) async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = self.sql.journal.query().bind(after).bind(limit);
        let rows = query.fetch_all(&self.pool).await.map_err(|error| self.unread(error))?;
        rows.iter().map(entry).collect()
    }

    pub(crate) async fn purge_command_ids(&self, before: Timestamp) -> Result<u64, Error> {
        let query = self.sql.purge_command_ids.query().bind(Time(before));
        let done = query.execute(&self.pool).await.map_err(|error| self.unread(error))?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn position_at(&self, time: Timestamp) -> Result<Position, Error> {
        let settled = self.settle().await?.position;
        let query = self.sql.position_at.query().bind(Time(time)).bind(number(settled));
        let row = query.fetch_one(&self.pool).await.map_err(|error| self.unread(error))?;
        row.try_get("position").map(position).map_err(|error| self.unread(error))
    }
}

fn entry(row: &PgRow) -> Result<Entry, Error> {
    let number: i64 = row.try_get("number").unwrap_or(0);
    read_entry(row).map_err(|reason| {
        Invalid::Damaged {
            position: position(number),
            reason: format!("as an entry of the journal: {reason}"),
        }
        .into()
    })
}

fn read_entry(row: &PgRow) -> Result<Entry, String> {
    let unread = |error: sqlx::Error| error.to_string();
    let number: i64 = row.try_get("number").map_err(unread)?;
    let rejection: Option<&str> = row.try_get("rejection").map_err(unread)?;
    Ok(Entry {
        number: u64::try_from(number).map_err(|error| error.to_string())?,
        recorded_at: row.try_get::<Time, _>("recorded_at").map_err(unread)?.0,
        metadata: metadata(row)?,
        body: Payload::from_stored(row.try_get::<String, _>("body").map_err(unread)?),
        outcome: match rejection {
            Some(json) => Outcome::Rejected(serde_json::from_str(json).map_err(|error| error.to_string())?),
            None => Outcome::Accepted(accepted(row).map_err(unread)?),
        },
    })
}

fn accepted(row: &PgRow) -> Result<Vec<Position>, sqlx::Error> {
    let numbers: Vec<i64> = row.try_get("positions")?;
    Ok(numbers.into_iter().map(position).collect())
}
