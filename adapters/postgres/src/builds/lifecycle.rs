//! Builds are defined, promoted and discarded, by one process at a time.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    rows::{Build, Checkpoint, Difference, PromoteOutcome, PromotionStep, Table},
    store::LogId,
};
use sqlx::{Connection, PgConnection, Row};

use super::{
    registry::{self, for_table, run},
    row_values::key,
    tables::{RowTables, unprepared},
};
use crate::{
    append::locks::AdvisoryKeys,
    error::{append_failed, failed, has_other_columns},
};

pub(crate) struct Lifecycle {
    tables: Arc<RowTables>,
    keys: Arc<AdvisoryKeys>,
}

impl Lifecycle {
    pub(crate) fn new(tables: Arc<RowTables>, keys: Arc<AdvisoryKeys>) -> Self {
        Self { tables, keys }
    }

    pub(super) async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        self.tables.sql(table)?;
        let database = &self.tables.database;
        let builds = registry::list_from_pool(database, table.projection).await;
        let builds = builds.map_err(|error| failed(self.tables.operation("define", table), error))?;
        match for_table(&builds, table) {
            Some(build) => checked(build, table, events, log),
            None => self.create(table, events, log).await,
        }
    }

    /// Creates table, view and checkpoint, unless another process has just done so.
    async fn create(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        let database = &self.tables.database;
        let write_error = |error| failed(self.tables.operation("define", table), error);
        let mut connection = database.acquire().await.map_err(write_error)?;
        let mut transaction = connection.begin().await.map_err(write_error)?;
        let builds = self.lock_and_load_builds(&mut transaction, table).await.map_err(write_error)?;
        if let Some(build) = for_table(&builds, table) {
            transaction.rollback().await.map_err(write_error)?;
            return checked(build, table, events, log);
        }
        Build::check_new(&builds, table)?;
        if !table.is_checkpoint_only() {
            let sql = self.tables.sql(table)?;
            let mut statements = sql.create();
            if !self.has_view(&mut transaction, table).await.map_err(write_error)? {
                statements.push(sql.view());
            }
            for statement in statements {
                run(&mut transaction, statement).await.map_err(write_error)?;
            }
        }
        let insert = database.sql.insert_build.for_build(table).bind(log.as_uuid()).bind(table.shape());
        insert.bind(events).execute(&mut *transaction).await.map_err(write_error)?;
        // If the outcome is unknown, a repeated call finds the build or creates it.
        transaction.commit().await.map_err(write_error)?;
        Ok(Checkpoint::default())
    }

    pub(super) async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        let database = &self.tables.database;
        let operation = || self.tables.operation("promote", table);
        let write_error = |error| failed(operation(), error);
        let mut connection = database.acquire().await.map_err(write_error)?;
        let mut transaction = connection.begin().await.map_err(write_error)?;
        let builds = self.lock_and_load_builds(&mut transaction, table).await.map_err(write_error)?;
        let outcome = match Build::decide_promotion(&builds, table, compare)? {
            PromotionStep::Finish(outcome) => Some(outcome),
            PromotionStep::Compare(live) => {
                let difference = self.difference(&mut transaction, table, &live).await?;
                (!difference.is_none()).then_some(PromoteOutcome::Differs(difference))
            }
            PromotionStep::MakeLive => None,
        };
        if let Some(outcome) = outcome {
            transaction.rollback().await.map_err(write_error)?;
            return Ok(outcome);
        }
        if !table.is_checkpoint_only() {
            self.show(&mut transaction, table).await.map_err(write_error)?;
        }
        let clear = database.sql.clear_live.query().bind(table.projection);
        clear.execute(&mut *transaction).await.map_err(write_error)?;
        database.sql.set_live.for_build(table).execute(&mut *transaction).await.map_err(write_error)?;
        transaction.commit().await.map_err(|error| append_failed(operation(), error.into()))?;
        Ok(PromoteOutcome::Done)
    }

    pub(super) async fn discard(&self, table: &Table) -> Result<bool, Error> {
        let database = &self.tables.database;
        let operation = || self.tables.operation("discard", table);
        let write_error = |error| failed(operation(), error);
        let mut connection = database.acquire().await.map_err(write_error)?;
        let mut transaction = connection.begin().await.map_err(write_error)?;
        self.begin(&mut transaction).await.map_err(write_error)?;
        if registry::get(database, &mut *transaction, table).await.map_err(write_error)?.is_none() {
            return Ok(false);
        }
        let sql = self.tables.sql(table)?;
        let selects = database.sql.view_selects_from.query().bind(table.projection).bind(table.name());
        let selects = selects.fetch_one(&mut *transaction).await.and_then(|row| row.try_get(0));
        let has_view: bool = selects.map_err(write_error)?;
        if !table.is_checkpoint_only() {
            // A change locks the table before its checkpoint, and a query of the view locks that before the table, so this does too:
            // otherwise each could wait for the other.
            let relation = match has_view {
                true => sql.view_relation(),
                false => sql.relation(),
            };
            let lock = format!(
                "DO $$ BEGIN LOCK TABLE {relation}; EXCEPTION WHEN undefined_table THEN NULL; END $$"
            );
            run(&mut transaction, lock).await.map_err(write_error)?;
        }
        let builds = registry::lock(database, &mut transaction, table.projection).await;
        match for_table(&builds.map_err(write_error)?, table) {
            None => return Ok(false),
            Some(build) if build.live || build.inline => return Err(table.in_use_error()),
            Some(_) => {}
        }
        if !table.is_checkpoint_only() {
            let sql = self.tables.sql(table)?;
            if has_view {
                run(&mut transaction, sql.drop_view()).await.map_err(write_error)?;
            }
            run(&mut transaction, sql.drop_table()).await.map_err(write_error)?;
        }
        database.sql.delete_build.for_build(table).execute(&mut *transaction).await.map_err(write_error)?;
        transaction.commit().await.map_err(|error| append_failed(operation(), error.into()))?;
        Ok(true)
    }

    /// Compares the rows of a new build with the rows of the live one, whose table is `live`. Neither changes meanwhile, because
    /// their checkpoints are locked.
    async fn difference(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        live: &Table,
    ) -> Result<Difference, Error> {
        let read_error = |error| failed(self.tables.operation("compare", table), error);
        let (sql, other) = (self.tables.sql(table)?, self.tables.sql(live)?);
        let row = unprepared(sql.compare(&other)).fetch_one(connection).await.map_err(read_error)?;
        let number = |column| row.try_get::<i64, _>(column).map(i64::unsigned_abs).map_err(read_error);
        Ok(Difference {
            missing: number("missing")?,
            added: number("added")?,
            changed: number("changed")?,
            example: key(&row, table, 3)?,
        })
    }

    /// Points the view at a build. If the columns are the same, the view is replaced, which keeps its privileges and the views on
    /// top of it. Otherwise it is dropped and created again, with its privileges.
    async fn show(&self, connection: &mut PgConnection, table: &Table) -> Result<(), sqlx::Error> {
        let sql = self.tables.sql(table).map_err(|error| sqlx::Error::Encode(error.into()))?;
        run(connection, "SAVEPOINT before_view".to_owned()).await?;
        match run(connection, sql.view().replacen("CREATE", "CREATE OR REPLACE", 1)).await {
            Err(error) if has_other_columns(&error) => {}
            done => return done,
        }
        run(connection, "ROLLBACK TO before_view".to_owned()).await?;
        let grants = self.tables.database.sql.view_grants.query().bind(table.projection);
        let grants = grants.fetch_all(&mut *connection).await?;
        run(connection, sql.drop_view()).await?;
        run(connection, sql.view()).await?;
        for grant in grants {
            run(connection, grant.try_get(0)?).await?;
        }
        Ok(())
    }

    /// Prevents other processes from creating, changing and moving builds of this projection until the end of the transaction,
    /// and lists the builds under these locks.
    async fn lock_and_load_builds(
        &self,
        connection: &mut PgConnection,
        table: &Table,
    ) -> Result<Vec<Build>, sqlx::Error> {
        self.begin(connection).await?;
        registry::lock(&self.tables.database, connection, table.projection).await
    }

    /// Prevents other processes from creating and removing builds until the end of the transaction.
    async fn begin(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let database = &self.tables.database;
        registry::prepare_transaction(database, connection).await?;
        let lock = database.sql.advisory_lock.query().bind(self.keys.migration());
        lock.execute(&mut *connection).await.map(drop)
    }

    async fn has_view(&self, connection: &mut PgConnection, table: &Table) -> Result<bool, sqlx::Error> {
        let has_view = self.tables.database.sql.has_view.query().bind(table.projection);
        has_view.fetch_one(connection).await?.try_get(0)
    }
}

fn checked(build: &Build, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
    build.check_stored(table, events, log)?;
    Ok(build.checkpoint.clone())
}
