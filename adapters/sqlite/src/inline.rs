//! Rows that change in the transaction of the append. The write lock keeps the order: while it is held no position is drawn
//! and no row is written elsewhere, so keys need no locks of their own.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use annalist_core::{
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    record::{Position, Record},
    rows::{Anchor, BuildId, Checkpoint, Folded, Inline, InlineOutcome, Table, sql::TableSql},
    store::{Append, Read},
    time::Timestamp,
};
use serde::Deserialize;
use sqlx::{SqliteConnection, query_as};

use crate::{
    builds::about,
    error::{Fault, panic_message},
    locked::Locked,
    read::{head, position, records},
    row_values::Rows,
    rows::{integer, json},
    sql::Sql,
    tables,
};

/// What the appends of one transaction stand on.
pub(crate) struct Ground {
    /// The position of the last event.
    pub(crate) head: Position,
    /// The builds that are kept inline.
    kept: Vec<Kept>,
}

/// A build that is kept inline, and the types that its fold takes.
#[derive(Deserialize)]
struct Kept(String, u32, u32, Vec<String>);

impl Ground {
    /// As it is while the write lock is held.
    pub(crate) async fn read(connection: &mut SqliteConnection, sql: &Sql) -> Result<Self, sqlx::Error> {
        let (head, kept): (i64, String) = query_as(sql.ground.clone()).fetch_one(connection).await?;
        let kept = serde_json::from_str(&kept).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Self { head: position(head), kept })
    }

    /// The inline builds that an append has to bring, if it brings others.
    pub(crate) fn missed(&self, append: &Append) -> Option<Vec<BuildId>> {
        if self.kept.is_empty() && append.inline.is_empty() {
            return None;
        }
        let takes =
            |kept: &&Kept| append.events.iter().any(|event| kept.3.iter().any(|one| one == event.name()));
        let mut wanted: Vec<BuildId> = self.kept.iter().filter(takes).map(Kept::id).collect();
        let mut brought: Vec<BuildId> = append.inline.iter().map(|inline| inline.table().into()).collect();
        wanted.sort_unstable();
        brought.sort_unstable();
        (wanted != brought).then_some(wanted)
    }
}

impl Kept {
    fn id(&self) -> BuildId {
        let Self(projection, version, build, _) = self;
        BuildId { projection: projection.clone(), version: *version, build: *build }
    }
}

/// What the inline builds of appends make of their events, which are still to be written. Each append brings every build that
/// folds its types, so a build may see the events of all.
///
/// # Errors
/// [`Fault`] if the database or a fold fails: nothing was written.
pub(crate) async fn fold_appends<'a>(
    connection: &mut SqliteConnection,
    rows: &'a Rows,
    appends: &'a [Append],
    head: Position,
) -> Result<Vec<(TableSql<'a>, Folded)>, Fault> {
    let brought = appends.iter().flat_map(|append| &append.inline);
    let inline: BTreeMap<BuildId, _> = brought.map(|inline| (inline.table().into(), inline)).collect();
    if inline.is_empty() {
        return Ok(Vec::new());
    }
    let records = drafted(appends, head);
    let mut folded = Vec::with_capacity(inline.len());
    for inline in inline.into_values() {
        folded.push(fold(connection, rows, &**inline, &records).await?);
    }
    Ok(folded)
}

/// The records that appends would write behind a position.
fn drafted(appends: &[Append], head: Position) -> Vec<Record> {
    let mut positions = (head.get() + 1..).map(Position::new);
    let mut records = Vec::new();
    for Append { events, recorded_at, metadata, .. } in appends {
        let drafts = events.iter().cloned().zip(&mut positions);
        records.extend(drafts.map(|(draft, at)| draft.record(at, *recorded_at, metadata.clone())));
    }
    records
}

/// What a fold makes of records and the rows as they are; it fits the table.
async fn fold<'a>(
    connection: &mut SqliteConnection,
    rows: &'a Rows,
    inline: &'a dyn Inline,
    records: &[Record],
) -> Result<(TableSql<'a>, Folded), Fault> {
    let matching = records.iter().filter(|record| inline.types().contains(&&*record.name));
    let matching: Vec<Record> = matching.cloned().collect();
    let drafted = matching.iter().cloned().map(|record| Record { position: Position::START, ..record });
    let drafted: Vec<Record> = drafted.collect();
    let table = inline.table();
    let keys = guard(table, || inline.keys(&drafted))?;
    let stored = tables::read(connection, rows, table, &keys).await?;
    let folded = guard(table, || inline.fold(&matching, keys.into_iter().zip(stored).collect()))?;
    let sql = TableSql::new(rows, table)?;
    sql.check(&folded.upserts, &folded.deletes)?;
    Ok((sql, folded))
}

/// Runs a fold; a panic of it becomes an error.
fn guard<T>(table: &Table, fold: impl FnOnce() -> Result<T, Invalid>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(fold)) {
        Ok(answer) => Ok(answer?),
        Err(panic) => {
            let function = format!("the fold of `{}`", table.name());
            Err(Error::Panicked { function, message: panic_message(&*panic) })
        }
    }
}

impl Locked<'_> {
    /// Folds what lies behind a build and keeps it inline from now on.
    pub(crate) async fn make_inline(mut self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        let (log, operation, table) = (self.log, self.operation, *inline.table());
        let build = self.build(&table).await?.ok_or_else(|| table.undefined())?;
        if build.inline {
            return self.give_up(InlineOutcome::Done).await;
        }
        if build.log != log.id {
            return Err(table.not_beside_its_log());
        }
        let types = Item::any().types(inline.types().iter().copied());
        let (behind, limit) =
            (Read::all(types.into()).after(build.checkpoint.position), InlineOutcome::AT_MOST + 1);
        let behind = records(self.connection(), &log.sql, operation, &behind, Some(limit)).await?.0;
        if behind.len() > InlineOutcome::AT_MOST || build.checkpoint.parked > 0 {
            return self.give_up(InlineOutcome::Behind).await;
        }
        let folded = fold(self.connection(), &log.rows, &*inline, &behind).await;
        let (sql, folded) = folded.map_err(|fault| self.said(fault))?;
        let written = tables::write(self.connection(), &sql, folded).await;
        written.map_err(|error| self.said(error))?;
        let end = (self.head().await?, behind.last().map(Anchor::of));
        self.set_inline(&table, Some(json(inline.types())), end).await?;
        self.commit(InlineOutcome::Done).await
    }

    /// Leaves a build to its runners, from the end that the log has now.
    pub(crate) async fn make_async(mut self, table: Table) -> Result<Checkpoint, Error> {
        let build = self.build(&table).await?.ok_or_else(|| table.undefined())?;
        if !build.inline {
            return self.give_up(build.checkpoint).await;
        }
        let end = self.end().await?;
        self.set_inline(&table, None, end).await?;
        let left = self.build(&table).await?.ok_or_else(|| table.undefined())?;
        self.commit(left.checkpoint).await
    }

    async fn set_inline(
        &mut self,
        table: &Table,
        types: Option<String>,
        (end, anchor): (Position, Option<Anchor>),
    ) -> Result<(), Error> {
        let update = about(&self.log.sql.set_inline, table)
            .bind(types)
            .bind(integer(end.get()))
            .bind(anchor.map(|anchor| integer(anchor.position.get())))
            .bind(anchor.map(|anchor| anchor.event.to_string()))
            .bind(Timestamp::now().as_micros());
        self.run(update).await.map(drop)
    }

    /// Where the log ends, and its last event.
    async fn end(&mut self) -> Result<(Position, Option<Anchor>), Error> {
        let (log, operation, head) = (self.log, self.operation, self.head().await?);
        let last = Read::all(Criteria::all()).after(Position::new(head.get().saturating_sub(1)));
        let last = records(self.connection(), &log.sql, operation, &last, Some(1)).await?.0;
        Ok((head, last.last().map(Anchor::of)))
    }

    async fn head(&mut self) -> Result<Position, Error> {
        let log = self.log;
        head(self.connection(), &log.sql).await.map_err(|error| self.said(error))
    }
}
