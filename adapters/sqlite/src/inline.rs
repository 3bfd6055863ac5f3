//! Switches builds between inline and asynchronous.

use std::sync::Arc;

use annalist_core::{
    criteria::{Criteria, Item},
    record::Position,
    rows::{Anchor, Checkpoint, Inline, InlineOutcome, Table},
    store::{PageLimit, Read},
    time::Timestamp,
};

use crate::{
    error::TransactionError,
    inline_folds::fold,
    read::{head, page},
    row_tables,
    rows::{integer, json},
    stored_builds::bind_build,
    successors,
    write_transaction::WriteTransaction,
};

/// Folds the events after the checkpoint of a build and makes it inline.
pub(crate) async fn make_inline(
    mut transaction: WriteTransaction<'_>,
    inline: Arc<dyn Inline>,
) -> Result<InlineOutcome, TransactionError> {
    let (log, table) = (transaction.log, *inline.table());
    let build = transaction.build(&table).await?.ok_or_else(|| table.undefined_error())?;
    if let Some(outcome) = build.decide_inline(&table, log.id)? {
        return transaction.rollback(outcome).await;
    }
    let successors = successors::load(transaction.connection(), &log.sql).await?;
    if successors.all().iter().any(|successor| inline.misses(successor)) {
        return transaction.rollback(InlineOutcome::Behind).await;
    }
    let types = Item::any().types(inline.types().iter().copied());
    let missing = Read::all(types.into()).after(build.checkpoint.position);
    let (missing, _) = page(transaction.connection(), &log.sql, &missing, PageLimit::CATCH_UP).await?;
    if missing.is_full() {
        return transaction.rollback(InlineOutcome::Behind).await;
    }
    let missing = missing.into_items();
    let (sql, folded) = fold(transaction.connection(), &log.dialect, &*inline, &missing).await?;
    row_tables::write(transaction.connection(), &sql, folded).await?;
    let head = head(transaction.connection(), &log.sql).await?;
    let types = Some(json(inline.types()));
    set_inline(&mut transaction, &table, types, head, missing.last().map(Anchor::of)).await?;
    transaction.commit(InlineOutcome::Done).await
}

/// Makes a build asynchronous, with its checkpoint at the end of the log. Returns the checkpoint.
pub(crate) async fn make_async(
    mut transaction: WriteTransaction<'_>,
    table: Table,
) -> Result<Checkpoint, TransactionError> {
    let build = transaction.build(&table).await?.ok_or_else(|| table.undefined_error())?;
    if !build.inline {
        return transaction.rollback(build.checkpoint).await;
    }
    let log = transaction.log;
    let head = head(transaction.connection(), &log.sql).await?;
    let last = Read::all(Criteria::all()).after(Position::new(head.get().saturating_sub(1)));
    let last = page(transaction.connection(), &log.sql, &last, PageLimit::records(1)).await?.0.into_items();
    set_inline(&mut transaction, &table, None, head, last.last().map(Anchor::of)).await?;
    let build = transaction.build(&table).await?.ok_or_else(|| table.undefined_error())?;
    transaction.commit(build.checkpoint).await
}

/// Writes the types that a build folds inline, `None` for an asynchronous one, and its checkpoint.
async fn set_inline(
    transaction: &mut WriteTransaction<'_>,
    table: &Table,
    types: Option<String>,
    head: Position,
    anchor: Option<Anchor>,
) -> Result<(), sqlx::Error> {
    let update = bind_build(&transaction.log.sql.set_inline, table)
        .bind(types)
        .bind(integer(head.get()))
        .bind(anchor.map(|anchor| integer(anchor.position.get())))
        .bind(anchor.map(|anchor| anchor.event.to_string()))
        .bind(Timestamp::now().as_micros());
    transaction.execute(update).await.map(drop)
}
