//! Rewrites stored events while no append is running: adds tags to them, or replaces payloads.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    store::{Rewrite, RewriteStep},
};
use sqlx::{Connection, PgConnection, Row};

use crate::{
    append::locks::AdvisoryKeys,
    builds::registry::prepare_transaction,
    database::Database,
    error::{append_failed, failed},
    read::successors,
    values::{Time, to_i64},
};

pub(crate) struct Rewrites {
    pub(crate) database: Arc<Database>,
    pub(crate) keys: Arc<AdvisoryKeys>,
}

impl Rewrites {
    /// Writes a step.
    pub(crate) async fn write(&self, step: &RewriteStep) -> Result<Rewrite, Error> {
        step.check()?;
        let database = &self.database;
        let operation = || database.operation("rewrite events of");
        let write_error = |error| failed(operation(), error);
        let mut connection = database.acquire().await.map_err(write_error)?;
        let mut transaction = connection.begin().await.map_err(write_error)?;
        prepare_transaction(database, &mut transaction).await.map_err(write_error)?;
        // Appends, which hold this lock shared, have ended; new ones wait.
        let lock = database.sql.advisory_lock.query().bind(self.keys.log());
        lock.execute(&mut *transaction).await.map_err(write_error)?;
        let list = successors::load(database, &mut transaction).await?;
        let stored = list.rewrite(&step.name, &step.target).cloned();
        let has_later = self.has_later(&mut transaction, step).await.map_err(write_error)?;
        let Some(rewrite) = step.apply(stored.as_ref(), has_later, list.version) else {
            return step.not_applied(stored, &database.name);
        };
        self.add_tags(&mut transaction, step).await.map_err(write_error)?;
        self.replace_payloads(&mut transaction, step).await.map_err(write_error)?;
        if rewrite.removes_snapshots() {
            let remove = database.sql.remove_all_snapshots.query().execute(&mut *transaction).await;
            remove.map_err(write_error)?;
        }
        save(database, &mut transaction, &rewrite).await.map_err(write_error)?;
        transaction.commit().await.map_err(|error| append_failed(operation(), error.into()))?;
        Ok(rewrite)
    }

    async fn has_later(
        &self,
        connection: &mut PgConnection,
        step: &RewriteStep,
    ) -> Result<bool, sqlx::Error> {
        let query = self.database.sql.has_later_event.query().bind(&step.name).bind(to_i64(step.up_to));
        query.fetch_one(connection).await?.try_get("has_later")
    }

    async fn add_tags(&self, connection: &mut PgConnection, step: &RewriteStep) -> Result<(), sqlx::Error> {
        let added = step.tags.iter().flat_map(|(position, tags)| tags.iter().map(|tag| (*position, tag)));
        let (positions, tags): (Vec<i64>, Vec<&str>) =
            added.map(|(position, tag)| (to_i64(position), tag.as_str())).unzip();
        if positions.is_empty() {
            return Ok(());
        }
        let add = self.database.sql.add_tags.planned().bind(&step.name).bind(positions).bind(tags);
        add.execute(connection).await.map(drop)
    }

    async fn replace_payloads(
        &self,
        connection: &mut PgConnection,
        step: &RewriteStep,
    ) -> Result<(), sqlx::Error> {
        let (positions, payloads): (Vec<i64>, Vec<&str>) =
            step.payloads.iter().map(|(position, payload)| (to_i64(*position), payload.as_str())).unzip();
        if positions.is_empty() {
            return Ok(());
        }
        let replace =
            self.database.sql.replace_payloads.planned().bind(&step.name).bind(positions).bind(payloads);
        replace.execute(connection).await.map(drop)
    }
}

/// Adds or replaces a pass.
pub(crate) async fn save(
    database: &Database,
    connection: &mut PgConnection,
    rewrite: &Rewrite,
) -> Result<(), sqlx::Error> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let save = database
        .sql
        .save_retag
        .query()
        .bind(&rewrite.name)
        .bind(rewrite.target.to_text())
        .bind(i16::from(rewrite.state.number()))
        .bind(to_i64(rewrite.up_to))
        .bind(number(rewrite.events))
        .bind(number(rewrite.changed))
        .bind(&rewrite.actor)
        .bind(Time(rewrite.started_at))
        .bind(Time(rewrite.updated_at))
        .bind(number(rewrite.version));
    save.execute(connection).await.map(drop)
}
