//! Builds: made, made live, removed, one process at a time.

use annalist_core::{
    error::Error,
    record::Position,
    rows::{Anchor, Build, Checkpoint, Difference, PromoteOutcome, Table, sql::TableSql},
    store::LogId,
};
use sqlx::{AssertSqlSafe, PgConnection, PgExecutor, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Store,
    error::{append_failed, failed, is_other_view},
    row_values,
    rows::{Time, position},
};

impl Store {
    pub(crate) async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        TableSql::new(&self.rows, table)?;
        let build = self.build(&self.pool, table).await;
        match build.map_err(|error| failed(self.rows_of("define", table), error))? {
            Some(build) => checked(build, table, log),
            None => self.make(table, log).await,
        }
    }

    /// Makes table, view and checkpoint, unless another process has just done so.
    async fn make(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        let said = |error| failed(self.rows_of("define", table), error);
        let mut transaction = self.pool.begin().await.map_err(said)?;
        self.alone(&mut transaction, table).await.map_err(said)?;
        if let Some(build) = self.build(&mut *transaction, table).await.map_err(said)? {
            transaction.rollback().await.map_err(said)?;
            return checked(build, table, log);
        }
        if !table.is_checkpoint_only() {
            let sql = TableSql::new(&self.rows, table)?;
            let mut statements = sql.create();
            if !self.has_view(&mut transaction, table).await.map_err(said)? {
                statements.push(sql.view());
            }
            for statement in statements {
                run(&mut transaction, statement).await.map_err(said)?;
            }
        }
        let insert = self.sql.insert_build.of(table).bind(log.as_uuid()).bind(table.shape());
        insert.execute(&mut *transaction).await.map_err(said)?;
        // Whoever is in doubt asks again, and finds it made or makes it.
        transaction.commit().await.map_err(said)?;
        Ok(Checkpoint::default())
    }

    pub(crate) async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        let doing = || self.rows_of("switch to", table);
        let said = |error| failed(doing(), error);
        let mut transaction = self.pool.begin().await.map_err(said)?;
        let builds = self.alone(&mut transaction, table).await.map_err(said)?;
        let new = of(&builds, table).ok_or_else(|| table.undefined())?;
        let live = builds.iter().find(|build| build.live);
        let answer = match live {
            Some(live) if live.order() == new.order() => PromoteOutcome::Done,
            Some(live) if live.order() > new.order() => PromoteOutcome::Superseded,
            Some(live) if compare => self.compare(&mut transaction, table, live, new).await?,
            _ => PromoteOutcome::Done,
        };
        if answer != PromoteOutcome::Done || new.live {
            transaction.rollback().await.map_err(said)?;
            return Ok(answer);
        }
        if !table.is_checkpoint_only() {
            self.show(&mut transaction, table).await.map_err(said)?;
        }
        let none = self.sql.clear_live.query().bind(table.projection);
        none.execute(&mut *transaction).await.map_err(said)?;
        self.sql.set_live.of(table).execute(&mut *transaction).await.map_err(said)?;
        transaction.commit().await.map_err(|error| append_failed(doing(), error.into()))?;
        Ok(PromoteOutcome::Done)
    }

    pub(crate) async fn discard(&self, table: &Table) -> Result<bool, Error> {
        let doing = || self.rows_of("discard", table);
        let said = |error| failed(doing(), error);
        let mut transaction = self.pool.begin().await.map_err(said)?;
        let builds = self.alone(&mut transaction, table).await.map_err(said)?;
        match of(&builds, table) {
            None => return Ok(false),
            Some(build) if build.live || build.inline => return Err(table.in_use()),
            Some(_) => {}
        }
        if !table.is_checkpoint_only() {
            let sql = TableSql::new(&self.rows, table)?;
            let view = self.sql.view_selects_from.query().bind(table.projection).bind(table.name());
            let shown = view.fetch_one(&mut *transaction).await.and_then(|row| row.try_get(0));
            if shown.map_err(said)? {
                run(&mut transaction, sql.drop_view()).await.map_err(said)?;
            }
            run(&mut transaction, sql.drop_table()).await.map_err(said)?;
        }
        self.sql.delete_build.of(table).execute(&mut *transaction).await.map_err(said)?;
        transaction.commit().await.map_err(|error| append_failed(doing(), error.into()))?;
        Ok(true)
    }

    /// How the new build stands to the live one. Neither of them moves meanwhile: their checkpoints are ours.
    async fn compare(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        live: &Build,
        new: &Build,
    ) -> Result<PromoteOutcome, Error> {
        table.check_comparable(&live.shape)?;
        let parked = live.checkpoint.parked > 0 || new.checkpoint.parked > 0;
        if parked || stands(live) != stands(new) {
            return Ok(PromoteOutcome::NotComparable);
        }
        if table.is_checkpoint_only() {
            return Ok(PromoteOutcome::Done);
        }
        let said = |error| failed(self.rows_of("compare", table), error);
        let other = Table { version: live.version, build: live.build, ..*table };
        let (sql, other) = (TableSql::new(&self.rows, table)?, TableSql::new(&self.rows, &other)?);
        let compare = sqlx::query(AssertSqlSafe(sql.compare(&other))).persistent(false);
        let found = compare.fetch_one(connection).await.map_err(said)?;
        let number = |column| found.try_get::<i64, _>(column).map(i64::unsigned_abs).map_err(said);
        let difference = Difference {
            missing: number("missing")?,
            added: number("added")?,
            changed: number("changed")?,
            example: row_values::key(&found, table, 3)?,
        };
        Ok(if difference.is_none() { PromoteOutcome::Done } else { PromoteOutcome::Differs(difference) })
    }

    /// Points the view at a build. As long as its columns fit it is the same view: what others may do with it, and views
    /// on top of it, stay. Else it is made anew, with what others may do.
    async fn show(&self, connection: &mut PgConnection, table: &Table) -> Result<(), sqlx::Error> {
        let sql = TableSql::new(&self.rows, table).map_err(|error| sqlx::Error::Encode(error.into()))?;
        run(connection, "SAVEPOINT as_it_was".to_owned()).await?;
        match run(connection, sql.view().replacen("CREATE", "CREATE OR REPLACE", 1)).await {
            Err(error) if is_other_view(&error) => {}
            done => return done,
        }
        run(connection, "ROLLBACK TO as_it_was".to_owned()).await?;
        let grants = self.sql.view_grants.query().bind(table.projection);
        let grants = grants.fetch_all(&mut *connection).await?;
        run(connection, sql.drop_view()).await?;
        run(connection, sql.view()).await?;
        for grant in grants {
            run(connection, grant.try_get(0)?).await?;
        }
        Ok(())
    }

    /// Makes sure that nobody else makes, changes or moves builds of this projection until the end of the transaction.
    /// Gives them, as they are behind the locks.
    async fn alone(&self, connection: &mut PgConnection, table: &Table) -> Result<Vec<Build>, sqlx::Error> {
        self.be_patient(connection).await?;
        let lock = self.sql.advisory_lock.query().bind(self.keys.migration());
        lock.execute(&mut *connection).await?;
        self.lock_builds(connection, table).await
    }

    pub(crate) async fn lock_builds(
        &self,
        connection: &mut PgConnection,
        table: &Table,
    ) -> Result<Vec<Build>, sqlx::Error> {
        let lock = self.sql.lock_builds.query().bind(table.projection);
        lock.execute(&mut *connection).await?;
        self.builds(connection, table.projection).await
    }

    /// Waits for locks no longer than others can wait behind us.
    pub(crate) async fn be_patient(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        run(connection, format!("SET LOCAL lock_timeout = {}", self.timeout.as_millis().clamp(1, 600_000)))
            .await
    }

    async fn has_view(&self, connection: &mut PgConnection, table: &Table) -> Result<bool, sqlx::Error> {
        let has_view = self.sql.has_view.query().bind(table.projection);
        has_view.fetch_one(connection).await?.try_get(0)
    }

    pub(crate) async fn builds<'e>(
        &self,
        executor: impl PgExecutor<'e>,
        projection: &str,
    ) -> Result<Vec<Build>, sqlx::Error> {
        let found = self.sql.builds.query().bind(projection).fetch_all(executor).await?;
        found.iter().map(build).collect()
    }

    pub(crate) async fn build<'e>(
        &self,
        executor: impl PgExecutor<'e>,
        table: &Table,
    ) -> Result<Option<Build>, sqlx::Error> {
        let builds = self.builds(executor, table.projection).await?;
        Ok(builds.into_iter().find(|build| build.order() == table.order()))
    }
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}

pub(crate) fn of<'a>(builds: &'a [Build], table: &Table) -> Option<&'a Build> {
    builds.iter().find(|build| build.order() == table.order())
}

/// Where its rows stand in the log; none at the end of it, where all inline builds are: an append changes all of them or none.
fn stands(build: &Build) -> Option<Position> {
    (!build.inline).then_some(build.checkpoint.position)
}

fn checked(build: Build, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
    table.check_stored(&build.shape, build.log, log)?;
    Ok(build.checkpoint)
}

fn build(found: &PgRow) -> Result<Build, sqlx::Error> {
    let small = |column| {
        let number: i64 = found.try_get(column)?;
        u32::try_from(number).map_err(|error| sqlx::Error::Decode(error.into()))
    };
    let anchor = match (found.try_get::<Option<i64>, _>("anchor_position")?, found.try_get("anchor_event")?) {
        (Some(at), Some(event)) => Some(Anchor { position: position(at), event }),
        _ => None,
    };
    Ok(Build {
        version: small("version")?,
        build: small("build")?,
        shape: found.try_get("shape")?,
        log: LogId::from_uuid(found.try_get::<Uuid, _>("log")?),
        live: found.try_get("live")?,
        inline: found.try_get("inline")?,
        checkpoint: Checkpoint {
            position: position(found.try_get("position")?),
            anchor,
            parked: found.try_get::<i64, _>("parked")?.unsigned_abs(),
            stopped: found.try_get("stopped")?,
        },
        updated_at: found.try_get::<Time, _>("updated_at")?.0,
    })
}
