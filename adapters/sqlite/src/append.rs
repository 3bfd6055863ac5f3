//! One append inside the write transaction: the id first, then the conditions and the inline builds, then everything that it
//! writes. What can be refused is refused before anything is written.

use annalist_core::{
    record::{Draft, Position},
    store::{Append, Appended, CommandKey, Condition, Journaled, Receipt, Stored},
};
use sqlx::{SqliteConnection, query};

use crate::{
    error::Fault,
    inline::{Ground, fold_append},
    ledger,
    read::{count, newest, probes},
    rows::{integer, json, receipt_text},
    sql::Sql,
    tables,
    writer::Writer,
};

/// Checks one append and writes it behind the head of the ground, which moves along.
///
/// # Errors
/// [`Fault`] if it is refused or the database fails.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    Writer { sql, rows, operation, .. }: &Writer,
    ground: &mut Ground,
    append: &Append,
) -> Result<Appended, Fault> {
    if let Some(key) = &append.key
        && let Some(receipt) = ledger::find(connection, sql, operation, key).await?
    {
        return Ok(Appended::Already(receipt));
    }
    for (number, condition) in append.conditions.iter().enumerate() {
        if let Some(met) = met(connection, sql, condition).await? {
            return Ok(Appended::Conflict { condition: number, met });
        }
    }
    if let Some(inline) = ground.missed(append) {
        return Ok(Appended::Inline(inline));
    }
    let folded = fold_append(connection, rows, append, ground.head).await?;
    let receipt = write(connection, sql, &mut ground.head, append).await?;
    for (sql, folded) in folded {
        tables::write(connection, &sql, folded).await?;
    }
    Ok(Appended::Done(receipt))
}

/// The newest event that breaks a condition.
async fn met(
    connection: &mut SqliteConnection,
    sql: &Sql,
    Condition { criteria, marker }: &Condition,
) -> Result<Option<Position>, sqlx::Error> {
    let probes = probes(connection, sql, criteria).await?;
    let newest = newest(connection, sql, &probes, marker.settled()).await?;
    if newest.is_none() || marker.above() == 0 {
        return Ok(newest);
    }
    // Our own markers have nothing above them; those of another maker may.
    let seen = marker.above();
    let found = count(connection, sql, &probes, marker.settled(), seen.saturating_add(1)).await?;
    Ok(newest.filter(|_| found != seen))
}

async fn write(
    connection: &mut SqliteConnection,
    sql: &Sql,
    head: &mut Position,
    append: &Append,
) -> Result<Receipt, sqlx::Error> {
    let metadata = json(&append.metadata);
    let before = *head;
    let mut receipt = Receipt::default();
    for draft in &append.events {
        *head = Position::new(head.get() + 1);
        write_event(connection, sql, *head, draft, append, &metadata).await?;
        receipt.events.push(Stored { position: *head, id: draft.id() });
    }
    if append.events.iter().any(|draft| !draft.tags().is_empty()) {
        query(sql.insert_tags.clone()).bind(integer(before.get())).execute(&mut *connection).await?;
    }
    if let Some(journaled) = &append.journal {
        write_journal(connection, sql, journaled, append, &metadata, &receipt).await?;
    }
    if let Some(key) = &append.key {
        remember(connection, sql, key, append, &receipt).await?;
    }
    Ok(receipt)
}

async fn write_event(
    connection: &mut SqliteConnection,
    sql: &Sql,
    position: Position,
    draft: &Draft,
    append: &Append,
    metadata: &str,
) -> Result<(), sqlx::Error> {
    query(sql.insert_event.clone())
        .bind(integer(position.get()))
        .bind(draft.id().to_string())
        .bind(draft.name())
        .bind(draft.version())
        .bind(append.recorded_at.as_micros())
        .bind(json(draft.tags()))
        .bind(metadata)
        .bind(draft.data().as_str())
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_journal(
    connection: &mut SqliteConnection,
    sql: &Sql,
    journaled: &Journaled,
    append: &Append,
    metadata: &str,
    receipt: &Receipt,
) -> Result<(), sqlx::Error> {
    let positions: Vec<Position> = receipt.events.iter().map(|event| event.position).collect();
    query(sql.insert_journal.clone())
        .bind(append.recorded_at.as_micros())
        .bind(metadata)
        .bind(journaled.body.as_str())
        .bind(journaled.rejection.is_none().then(|| json(&positions)))
        .bind(journaled.rejection.as_deref())
        .execute(connection)
        .await?;
    Ok(())
}

async fn remember(
    connection: &mut SqliteConnection,
    sql: &Sql,
    key: &CommandKey,
    append: &Append,
    receipt: &Receipt,
) -> Result<(), sqlx::Error> {
    query(sql.insert_command.clone())
        .bind(key.id())
        .bind(key.command())
        .bind(key.scope())
        .bind(append.recorded_at.as_micros())
        .bind(receipt_text(receipt))
        .execute(connection)
        .await?;
    Ok(())
}
