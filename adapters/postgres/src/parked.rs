//! Events that a build has put aside.

use annalist_core::{
    error::Error,
    record::Position,
    rows::{Parked, Table},
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use crate::{
    Store,
    error::failed,
    rows::{number, position},
};

impl Store {
    /// Writes and removes parked events in the transaction that moves the checkpoint.
    pub(crate) async fn park(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        park: &[Parked],
        unpark: &[Position],
    ) -> Result<(), sqlx::Error> {
        if !unpark.is_empty() {
            let positions: Vec<i64> = unpark.iter().copied().map(number).collect();
            self.sql.unpark.of(table).bind(positions).execute(&mut *connection).await?;
        }
        if !park.is_empty() {
            let json = |text| serde_json::to_string(text).map_err(|error| sqlx::Error::Encode(error.into()));
            let keys = park.iter().map(|parked| serde_json::to_string(&parked.keys));
            let keys =
                keys.collect::<Result<Vec<_>, _>>().map_err(|error| sqlx::Error::Encode(error.into()))?;
            let errors = park.iter().map(|parked| json(&parked.error)).collect::<Result<Vec<_>, _>>()?;
            let insert = self.sql.park.of(table);
            let insert = insert.bind(park.iter().map(|parked| number(parked.position)).collect::<Vec<_>>());
            let insert = insert.bind(park.iter().map(|parked| parked.event).collect::<Vec<_>>());
            let insert = insert.bind(keys).bind(errors);
            let insert =
                insert.bind(park.iter().map(|parked| i64::from(parked.attempts)).collect::<Vec<_>>());
            insert.execute(&mut *connection).await?;
        }
        self.sql.count_parked.of(table).execute(connection).await.map(drop)
    }

    pub(crate) async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        let unread = |error| failed(self.rows_of("read parked events of", table), error);
        let found = self.sql.parked.of(table).fetch_all(&self.pool).await.map_err(unread)?;
        if found.is_empty() {
            return Err(table.undefined());
        }
        let parked = found.iter().filter_map(|row| parked(row).transpose());
        parked.collect::<Result<_, _>>().map_err(unread)
    }
}

fn parked(row: &PgRow) -> Result<Option<Parked>, sqlx::Error> {
    let Some(at) = row.try_get::<Option<i64>, _>("position")? else { return Ok(None) };
    let damaged = |error: serde_json::Error| sqlx::Error::Decode(error.into());
    Ok(Some(Parked {
        position: position(at),
        event: row.try_get("event")?,
        keys: serde_json::from_str(row.try_get("keys")?).map_err(damaged)?,
        error: serde_json::from_str(row.try_get("error")?).map_err(damaged)?,
        attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
    }))
}
