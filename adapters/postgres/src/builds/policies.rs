//! The checkpoints of policies, to be exported and imported with the log.

use annalist_core::{error::Error, rows::Anchor, store::PolicyCheckpoint};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::parked;
use crate::{
    database::Database,
    error::failed,
    values::{from_i64, to_i64},
};

/// All policies of the log, sorted by name.
pub(crate) async fn list(database: &Database) -> Result<Vec<PolicyCheckpoint>, Error> {
    let read_error = |error| failed(database.operation("list the policies of"), error);
    let id = database.id.as_uuid();
    let rows = database.fetch_all(|| database.sql.policies.query().bind(id)).await.map_err(read_error)?;
    let mut policies: Vec<PolicyCheckpoint> = Vec::new();
    for row in &rows {
        add(row, &mut policies).map_err(read_error)?;
    }
    Ok(policies)
}

fn add(row: &PgRow, policies: &mut Vec<PolicyCheckpoint>) -> Result<(), sqlx::Error> {
    let name: &str = row.try_get("name")?;
    if policies.last().is_none_or(|last| last.name != name) {
        let anchor = (row.try_get::<Option<i64>, _>("anchor_position")?, row.try_get("anchor_event")?);
        policies.push(PolicyCheckpoint {
            name: name.to_owned(),
            position: from_i64(row.try_get("checkpoint")?),
            anchor: match anchor {
                (Some(position), Some(event)) => Some(Anchor { position: from_i64(position), event }),
                _ => None,
            },
            parked: Vec::new(),
        });
    }
    if let Some(policy) = policies.last_mut() {
        policy.parked.extend(parked::decode(row)?);
    }
    Ok(())
}

/// Sets the checkpoint of a policy and its parked events. Returns whether it could be set.
pub(crate) async fn import(
    database: &Database,
    connection: &mut PgConnection,
    policy: &PolicyCheckpoint,
) -> Result<bool, sqlx::Error> {
    let PolicyCheckpoint { name, position, anchor, parked } = policy;
    let id = database.id.as_uuid();
    let sql = &database.sql;
    let set = sql.import_policy.planned().bind(name).bind(id).bind(to_i64(*position));
    let set = set.bind(anchor.map(|anchor| to_i64(anchor.position))).bind(anchor.map(|anchor| anchor.event));
    if set.execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(false);
    }
    sql.import_unpark.planned().bind(name).execute(&mut *connection).await?;
    if !parked.is_empty() {
        let insert = sql.park.planned().bind(name).bind(1_i64).bind(0_i64);
        parked::bind(insert, parked)?.execute(&mut *connection).await?;
        sql.count_parked.planned().bind(name).bind(1_i64).bind(0_i64).execute(connection).await?;
    }
    Ok(true)
}
