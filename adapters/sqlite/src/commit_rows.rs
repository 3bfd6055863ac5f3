//! Commits what a batch of events changes in a build: rows, parked events and the checkpoint, in one transaction.

use annalist_core::{
    record::Position,
    rows::{CommitOutcome, FoldedRows, Parked, RowChange, Table, sql::TableSql},
    time::Timestamp,
};

use crate::{
    error::TransactionError,
    row_tables,
    rows::{integer, json},
    stored_builds::bind_build,
    write_transaction::WriteTransaction,
};

/// Writes a change and commits, or rolls back if the change is stale.
pub(crate) async fn commit(
    mut transaction: WriteTransaction<'_>,
    change: RowChange,
) -> Result<CommitOutcome, TransactionError> {
    match write(&mut transaction, change).await? {
        CommitOutcome::Done => transaction.commit(CommitOutcome::Done).await,
        stale => transaction.rollback(stale).await,
    }
}

/// Writes a change whose rows have been checked. The checkpoint is moved first: of two runners one finds it moved.
pub(crate) async fn write(
    transaction: &mut WriteTransaction<'_>,
    change: RowChange,
) -> Result<CommitOutcome, TransactionError> {
    if !move_checkpoint(transaction, &change).await? {
        return stale(transaction, &change.table).await;
    }
    let RowChange { table, upserts, deletes, park, unpark, .. } = change;
    let sql = TableSql::new(&transaction.log.dialect, &table)?;
    row_tables::write(transaction.connection(), &sql, FoldedRows { upserts, deletes }).await?;
    if !park.is_empty() || !unpark.is_empty() {
        write_parked(transaction, &table, &park, &unpark).await?;
    }
    Ok(CommitOutcome::Done)
}

/// Moves the checkpoint if it is where the change starts. Returns whether it was.
async fn move_checkpoint(
    transaction: &mut WriteTransaction<'_>,
    change: &RowChange,
) -> Result<bool, sqlx::Error> {
    let update = bind_build(&transaction.log.sql.move_checkpoint, &change.table)
        .bind(integer(change.from.get()))
        .bind(integer(change.parked))
        .bind(integer(change.to.get()))
        .bind(change.anchor.map(|anchor| integer(anchor.position.get())))
        .bind(change.anchor.map(|anchor| anchor.event.to_string()))
        .bind(Timestamp::now().as_micros());
    Ok(transaction.execute(update).await? > 0)
}

/// Finds out why the checkpoint did not move.
async fn stale(
    transaction: &mut WriteTransaction<'_>,
    table: &Table,
) -> Result<CommitOutcome, TransactionError> {
    match transaction.build(table).await? {
        None => Err(table.undefined_error().into()),
        Some(build) if build.inline => Err(table.inline_error().into()),
        Some(build) => Ok(CommitOutcome::Stale(build.checkpoint.position)),
    }
}

async fn write_parked(
    transaction: &mut WriteTransaction<'_>,
    table: &Table,
    park: &[Parked],
    unpark: &[Position],
) -> Result<(), sqlx::Error> {
    let sql = &transaction.log.sql;
    transaction.execute(bind_build(&sql.unpark, table).bind(json(unpark))).await?;
    for parked in park {
        let insert = bind_build(&sql.park, table)
            .bind(integer(parked.position.get()))
            .bind(parked.event.to_string())
            .bind(json(&parked.keys))
            .bind(&parked.error)
            .bind(parked.attempts)
            .bind(parked.needs_newer);
        transaction.execute(insert).await?;
    }
    transaction.execute(bind_build(&sql.count_parked, table)).await.map(drop)
}
