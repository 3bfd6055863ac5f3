//! Rewrites stored events: adds tags to them, or replaces payloads.

use annalist_core::store::{Rewrite, RewriteStep};
use sqlx::{SqliteConnection, query, query_scalar};

use crate::{
    error::TransactionError,
    rows::{integer, json},
    sql::Sql,
    successors,
    write_transaction::{WriteTransaction, secure_delete},
};

/// Writes a step. The transaction has the write lock, so no append is running.
pub(crate) async fn write(
    mut transaction: WriteTransaction<'_>,
    step: RewriteStep,
) -> Result<Rewrite, TransactionError> {
    let log = transaction.log;
    let list = successors::load(transaction.connection(), &log.sql).await?;
    let stored = list.rewrite(&step.name, &step.target).cloned();
    let has_later = has_later(transaction.connection(), &log.sql, &step).await?;
    let Some(rewrite) = step.apply(stored.as_ref(), has_later, list.version) else {
        return transaction.rollback(step.not_applied(stored, &log.title)?).await;
    };
    add_tags(transaction.connection(), &log.sql, &step).await?;
    // Also on connections of the user's pool: the file keeps no byte of what is replaced.
    let setting = secure_delete(&mut transaction, 1).await?;
    replace_payloads(transaction.connection(), &log.sql, &step).await?;
    if rewrite.removes_snapshots() {
        transaction.execute(query(log.sql.remove_all_snapshots.clone())).await?;
    }
    secure_delete(&mut transaction, setting).await?;
    save(transaction.connection(), &log.sql, &rewrite).await?;
    transaction.commit(rewrite).await
}

async fn has_later(
    connection: &mut SqliteConnection,
    sql: &Sql,
    step: &RewriteStep,
) -> Result<bool, sqlx::Error> {
    let has_later = query_scalar(sql.has_later_event.clone()).bind(step.name.clone());
    has_later.bind(integer(step.up_to.get())).fetch_one(connection).await
}

async fn add_tags(
    connection: &mut SqliteConnection,
    sql: &Sql,
    step: &RewriteStep,
) -> Result<(), sqlx::Error> {
    for (position, tags) in &step.tags {
        let position = integer(position.get());
        let add = query(sql.add_tags.clone()).bind(position).bind(step.name.clone()).bind(json(tags));
        add.execute(&mut *connection).await?;
        let add_rows = query(sql.add_tag_rows.clone()).bind(position).bind(step.name.clone());
        add_rows.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn replace_payloads(
    connection: &mut SqliteConnection,
    sql: &Sql,
    step: &RewriteStep,
) -> Result<(), sqlx::Error> {
    for (position, payload) in &step.payloads {
        let replace = query(sql.replace_payload.clone()).bind(integer(position.get()));
        let replace = replace.bind(step.name.clone()).bind(payload.as_str().to_owned());
        replace.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Adds or replaces a pass.
pub(crate) async fn save(
    connection: &mut SqliteConnection,
    sql: &Sql,
    rewrite: &Rewrite,
) -> Result<(), sqlx::Error> {
    let save = query(sql.save_retag.clone())
        .bind(rewrite.name.clone())
        .bind(rewrite.target.to_text())
        .bind(rewrite.state.number())
        .bind(integer(rewrite.up_to.get()))
        .bind(integer(rewrite.events))
        .bind(integer(rewrite.changed))
        .bind(rewrite.actor.clone())
        .bind(rewrite.started_at.as_micros())
        .bind(rewrite.updated_at.as_micros())
        .bind(integer(rewrite.version));
    save.execute(connection).await.map(drop)
}
