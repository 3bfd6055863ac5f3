//! Builds become inline, and async again, while no append is running.

use std::sync::Arc;

use annalist_core::{
    criteria::{Criteria, Item},
    error::Error,
    record::Position,
    rows::{Anchor, Checkpoint, Inline, InlineOutcome, Table},
    store::{PageBuilder, PageLimit},
};
use sqlx::{Connection, PgConnection, Row};

use super::{
    registry::{self, for_table},
    tables::RowTables,
};
use crate::{
    append::{inline::fold, locks::AdvisoryKeys},
    error::{append_failed, failed},
    read::{
        pages::{Session, SettledEvents},
        successors,
    },
    values::{from_i64, to_i64},
};

pub(crate) struct InlineTransition {
    tables: Arc<RowTables>,
    keys: Arc<AdvisoryKeys>,
}

impl InlineTransition {
    pub(crate) fn new(tables: Arc<RowTables>, keys: Arc<AdvisoryKeys>) -> Self {
        Self { tables, keys }
    }

    pub(super) async fn make_inline(&self, inline: &dyn Inline) -> Result<InlineOutcome, Error> {
        let (table, database) = (inline.table(), &self.tables.database);
        let operation = || self.tables.operation("make inline", table);
        let write_error = |error| failed(operation(), error);
        let mut connection = database.acquire().await.map_err(write_error)?;
        let mut transaction = connection.begin().await.map_err(write_error)?;
        self.lock_out_appends(&mut transaction).await.map_err(write_error)?;
        self.tables.lock(&mut transaction, table).await?;
        let builds =
            registry::lock(database, &mut transaction, table.projection).await.map_err(write_error)?;
        let build = for_table(&builds, table).ok_or_else(|| table.undefined_error())?;
        if let Some(outcome) = build.decide_inline(table, database.id)? {
            return Ok(outcome);
        }
        let successors = successors::load(database, &mut transaction).await?;
        if successors.all().iter().any(|successor| inline.misses(successor)) {
            return Ok(InlineOutcome::Behind);
        }
        let (head, _) = self.head(&mut transaction).await.map_err(write_error)?;
        let missing =
            self.catch_up_records(&mut transaction, inline, build.checkpoint.position, head).await?;
        if missing.is_full() {
            return Ok(InlineOutcome::Behind);
        }
        let records = missing.into_items();
        fold(&self.tables, &mut transaction, inline, &records).await?;
        let types: Vec<&str> = inline.types().to_vec();
        let insert = database.sql.make_inline.for_build(table).bind(types);
        insert.execute(&mut *transaction).await.map_err(write_error)?;
        let anchor = records.last().map(Anchor::of);
        self.set_inline(&mut transaction, table, true, head, anchor).await.map_err(write_error)?;
        transaction.commit().await.map_err(|error| append_failed(operation(), error.into()))?;
        Ok(InlineOutcome::Done)
    }

    pub(super) async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        let database = &self.tables.database;
        let operation = || self.tables.operation("make async", table);
        let write_error = |error| failed(operation(), error);
        let mut connection = database.acquire().await.map_err(write_error)?;
        let mut transaction = connection.begin().await.map_err(write_error)?;
        self.lock_out_appends(&mut transaction).await.map_err(write_error)?;
        let builds =
            registry::lock(database, &mut transaction, table.projection).await.map_err(write_error)?;
        let build = for_table(&builds, table).ok_or_else(|| table.undefined_error())?;
        if !build.inline {
            return Ok(build.checkpoint.clone());
        }
        let (head, last) = self.head(&mut transaction).await.map_err(write_error)?;
        database.sql.make_async.for_build(table).execute(&mut *transaction).await.map_err(write_error)?;
        self.set_inline(&mut transaction, table, false, head, last).await.map_err(write_error)?;
        let build = registry::get(database, &mut *transaction, table).await.map_err(write_error)?;
        transaction.commit().await.map_err(|error| append_failed(operation(), error.into()))?;
        build.map(|build| build.checkpoint).ok_or_else(|| table.undefined_error())
    }

    /// Waits until no append is running, and blocks new ones until the end of the transaction. Fails after the lock timeout, so that
    /// a slow append does not block the others for longer.
    async fn lock_out_appends(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let database = &self.tables.database;
        registry::prepare_transaction(database, connection).await?;
        let lock = database.sql.advisory_lock.query().bind(self.keys.log());
        lock.execute(connection).await.map(drop)
    }

    /// The end of the log while no append is running, and its last event.
    async fn head(&self, connection: &mut PgConnection) -> Result<(Position, Option<Anchor>), sqlx::Error> {
        let row = self.tables.database.sql.head.query().fetch_one(connection).await?;
        let last = match (row.try_get::<Option<i64>, _>("position")?, row.try_get("id")?) {
            (Some(position), Some(event)) => Some(Anchor { position: from_i64(position), event }),
            _ => None,
        };
        Ok((from_i64(row.try_get("head")?), last))
    }

    /// The events that a build has not folded yet: a full page if there are more than is allowed.
    async fn catch_up_records(
        &self,
        connection: &mut PgConnection,
        inline: &dyn Inline,
        after: Position,
        head: Position,
    ) -> Result<PageBuilder, Error> {
        let criteria = Criteria::from(Item::any().types(inline.types().iter().copied()));
        let mut page = PageBuilder::new(PageLimit::CATCH_UP);
        let events = SettledEvents { database: &self.tables.database, filter: &criteria, up_to: head };
        events.add_to(&mut page, after, &mut Session::Transaction(connection)).await?;
        Ok(page)
    }

    async fn set_inline(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        inline: bool,
        position: Position,
        anchor: Option<Anchor>,
    ) -> Result<(), sqlx::Error> {
        let update = self.tables.database.sql.set_inline.for_build(table);
        let update = update.bind(inline).bind(to_i64(position));
        let update = update.bind(anchor.map(|anchor| to_i64(anchor.position)));
        let update = update.bind(anchor.map(|anchor| anchor.event));
        update.execute(connection).await.map(drop)
    }
}
