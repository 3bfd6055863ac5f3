//! The checkpoints of policies, to be exported and imported with the log.

use annalist_core::{
    rows::Parked,
    store::{LogId, PolicyCheckpoint},
    time::Timestamp,
};
use sqlx::{SqliteConnection, query, sqlite::SqliteRow};

use crate::{
    error::TransactionError,
    rows::{integer, json},
    sql::Sql,
    stored_builds::{Columns, anchor, parked_event},
};

/// All policies of a log, sorted by name.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    sql: &Sql,
    log: LogId,
) -> Result<Vec<PolicyCheckpoint>, TransactionError> {
    let mut policies = Vec::new();
    for row in &query(sql.policies.clone()).bind(log.to_string()).fetch_all(connection).await? {
        add(row, &mut policies)?;
    }
    Ok(policies)
}

fn add(row: &SqliteRow, policies: &mut Vec<PolicyCheckpoint>) -> Result<(), TransactionError> {
    let columns = Columns(row);
    let name: &str = columns.get("name")?;
    if policies.last().is_none_or(|last| last.name != name) {
        policies.push(PolicyCheckpoint {
            name: name.to_owned(),
            position: columns.position("checkpoint")?,
            anchor: anchor(&columns)?,
            parked: Vec::new(),
        });
    }
    if let Some(policy) = policies.last_mut()
        && columns.get::<Option<i64>>("position")?.is_some()
    {
        policy.parked.push(parked_event(&columns)?);
    }
    Ok(())
}

/// Sets the checkpoint of a policy and its parked events. Returns whether it could be set.
pub(crate) async fn import(
    connection: &mut SqliteConnection,
    sql: &Sql,
    log: LogId,
    policy: &PolicyCheckpoint,
) -> Result<bool, sqlx::Error> {
    let PolicyCheckpoint { name, position, anchor, parked } = policy;
    let set = query(sql.import_policy.clone())
        .bind(name)
        .bind(log.to_string())
        .bind(integer(position.get()))
        .bind(anchor.map(|anchor| integer(anchor.position.get())))
        .bind(anchor.map(|anchor| anchor.event.to_string()))
        .bind(Timestamp::now().as_micros())
        .bind(integer(parked.len() as u64));
    if set.execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(false);
    }
    query(sql.unpark_all.clone()).bind(name).bind(1).bind(0).execute(&mut *connection).await?;
    for Parked { position, event, keys, error, attempts, needs_newer } in parked {
        let park = query(sql.park.clone())
            .bind(name)
            .bind(1)
            .bind(0)
            .bind(integer(position.get()))
            .bind(event.to_string())
            .bind(json(keys))
            .bind(error)
            .bind(attempts)
            .bind(needs_newer);
        park.execute(&mut *connection).await?;
    }
    Ok(true)
}
