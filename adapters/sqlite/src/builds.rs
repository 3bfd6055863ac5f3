//! The builds of projections: what stands beside their rows, and which of them is live.

use std::cmp::Ordering;

use annalist_core::{
    error::Error,
    record::Position,
    rows::{
        Anchor, Build, Checkpoint, Difference, PromoteOutcome, Table,
        sql::{Dialect, TableSql, quoted},
    },
    store::LogId,
    time::Timestamp,
};
use sqlx::{
    AssertSqlSafe, Decode, Row, SqlStr, Sqlite, SqliteConnection, Type, query,
    query::Query,
    query_scalar,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use crate::{error::failed, locked::Locked, read::position, row_values, sql::Sql};

/// All builds of a projection, in their order.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    projection: &str,
) -> Result<Vec<Build>, Error> {
    let found = query(sql.builds.clone()).bind(projection).fetch_all(connection).await;
    let found = found.map_err(|error| failed(operation, error))?;
    found.iter().map(|row| build(&Columns { row, operation })).collect()
}

/// A statement about one build, which its first three parameters name.
pub(crate) fn about<'q>(statement: &SqlStr, table: &'q Table) -> Query<'q, Sqlite, SqliteArguments> {
    query(statement.clone()).bind(table.projection).bind(table.version).bind(table.build)
}

impl Locked<'_> {
    /// Makes what a build needs, unless somebody else has just done so.
    pub(crate) async fn define(mut self, table: Table, log: LogId) -> Result<Checkpoint, Error> {
        if let Some(build) = self.build(&table).await? {
            let build = self.give_up(build).await?;
            table.check_stored(&build.shape, build.log, log)?;
            return Ok(build.checkpoint);
        }
        let sql = TableSql::new(&self.log.rows, &table)?;
        if !table.is_checkpoint_only() {
            for statement in sql.create() {
                self.run_once(statement).await?;
            }
            if self.view(&table).await?.is_none() {
                self.run_once(sql.view()).await?;
            }
        }
        let insert = about(&self.log.sql.insert_build, &table).bind(log.to_string()).bind(table.shape());
        self.run(insert.bind(Timestamp::now().as_micros())).await?;
        self.commit(Checkpoint::default()).await
    }

    /// Makes a build live, if it is newer than the one that is and, where that is asked, has the same rows.
    pub(crate) async fn promote(mut self, table: Table, compare: bool) -> Result<PromoteOutcome, Error> {
        let builds = self.builds(table.projection).await?;
        let new = builds.iter().find(|build| build.order() == table.order());
        let new = new.ok_or_else(|| table.undefined())?;
        table.check_stored(&new.shape, new.log, new.log)?;
        if let Some(live) = builds.iter().find(|build| build.live) {
            match table.order().cmp(&live.order()) {
                Ordering::Equal => return self.give_up(PromoteOutcome::Done).await,
                Ordering::Less => return self.give_up(PromoteOutcome::Superseded).await,
                Ordering::Greater if compare => {
                    if let Some(answer) = self.unlike(&table, new, live).await? {
                        return self.give_up(answer).await;
                    }
                }
                Ordering::Greater => {}
            }
        }
        self.show(&table).await?;
        self.run(about(&self.log.sql.set_live, &table)).await?;
        self.commit(PromoteOutcome::Done).await
    }

    /// Removes a build that nobody needs, and the view if that still selects from it.
    pub(crate) async fn discard(mut self, table: Table) -> Result<bool, Error> {
        let Some(build) = self.build(&table).await? else { return self.give_up(false).await };
        if build.live || build.inline {
            return Err(table.in_use());
        }
        let sql = TableSql::new(&self.log.rows, &table)?;
        let from = format!("FROM {}", self.log.rows.relation(&table.name()));
        if self.view(&table).await?.is_some_and(|view| view.contains(&from)) {
            self.run_once(sql.drop_view()).await?;
        }
        self.run_once(sql.drop_table()).await?;
        self.run(about(&self.log.sql.unpark_all, &table)).await?;
        self.run(about(&self.log.sql.delete_build, &table)).await?;
        self.commit(true).await
    }

    /// What a comparison says against taking over from the live build, if anything.
    async fn unlike(
        &mut self,
        table: &Table,
        new: &Build,
        live: &Build,
    ) -> Result<Option<PromoteOutcome>, Error> {
        table.check_comparable(&live.shape)?;
        if new.checkpoint.parked > 0 || live.checkpoint.parked > 0 || stands(new) != stands(live) {
            return Ok(Some(PromoteOutcome::NotComparable));
        }
        if table.is_checkpoint_only() {
            return Ok(None);
        }
        let live = Table { version: live.version, build: live.build, ..*table };
        let difference = self.difference(table, &live).await?;
        Ok((!difference.is_none()).then_some(PromoteOutcome::Differs(difference)))
    }

    async fn difference(&mut self, new: &Table, live: &Table) -> Result<Difference, Error> {
        let (rows, operation) = (&self.log.rows, self.operation);
        let compare = TableSql::new(rows, new)?.compare(&TableSql::new(rows, live)?);
        let compared = query(AssertSqlSafe(compare)).persistent(false).fetch_one(self.connection()).await;
        let row = &compared.map_err(|error| self.said(error))?;
        let columns = Columns { row, operation };
        let mut difference = Difference {
            missing: columns.number("missing")?,
            added: columns.number("added")?,
            changed: columns.number("changed")?,
            example: None,
        };
        if !difference.is_none() {
            difference.example = Some(row_values::key(row, new, 3)?);
        }
        Ok(difference)
    }

    /// Makes the view anew, over a build. SQLite lets go of a view that others select from and does not look at them again, so
    /// this does.
    async fn show(&mut self, table: &Table) -> Result<(), Error> {
        let sql = TableSql::new(&self.log.rows, table)?;
        let mut others = Vec::new();
        for view in self.views().await? {
            if self.ask(&view).await.is_ok() {
                others.push(view);
            }
        }
        self.run_once(sql.drop_view()).await?;
        if !table.is_checkpoint_only() {
            self.run_once(sql.view()).await?;
        }
        for view in others.iter().filter(|view| quoted(view) != self.log.rows.relation(table.projection)) {
            self.ask(view).await.map_err(|error| {
                let reason = format!(
                    "the view `{view}` would no longer work ({error}); drop it, and make it anew afterwards"
                );
                Error::unusable(self.operation, reason)
            })?;
        }
        Ok(())
    }

    /// How the view of a projection was made.
    async fn view(&mut self, table: &Table) -> Result<Option<String>, Error> {
        let view = query_scalar(self.log.sql.view.clone()).bind(table.projection);
        view.fetch_optional(self.connection()).await.map_err(|error| self.said(error))
    }

    /// The names of all views in the file.
    async fn views(&mut self) -> Result<Vec<String>, Error> {
        let views = query_scalar(self.log.sql.views.clone());
        views.fetch_all(self.connection()).await.map_err(|error| self.said(error))
    }

    /// Whether everything that a view selects is there.
    async fn ask(&mut self, view: &str) -> Result<(), sqlx::Error> {
        let ask = AssertSqlSafe(format!("SELECT 1 FROM {} LIMIT 0", quoted(view)));
        query(ask).persistent(false).fetch_optional(self.connection()).await.map(drop)
    }
}

/// Where the rows of a build stand in the log; none at the end of it, where all inline builds are.
fn stands(build: &Build) -> Option<Position> {
    (!build.inline).then_some(build.checkpoint.position)
}

fn build(row: &Columns<'_>) -> Result<Build, Error> {
    let anchor: (Option<i64>, Option<String>) = (row.get("anchor_position")?, row.get("anchor_event")?);
    let anchor = match anchor {
        (Some(at), Some(event)) => Some(Anchor { position: position(at), event: row.id(&event)? }),
        _ => None,
    };
    let checkpoint = Checkpoint {
        position: position(row.get("position")?),
        anchor,
        parked: row.number("parked")?,
        stopped: row.get("stopped")?,
    };
    Ok(Build {
        version: row.get("version")?,
        build: row.get("build")?,
        shape: row.get("shape")?,
        log: LogId::from_uuid(row.id(&row.get::<String>("log")?)?),
        live: row.get("live")?,
        inline: row.get("inline")?,
        checkpoint,
        updated_at: Timestamp::from_micros(row.get("updated_at")?),
    })
}

/// The columns of a row of ours, and what it was read for.
pub(crate) struct Columns<'a> {
    pub(crate) row: &'a SqliteRow,
    pub(crate) operation: &'a str,
}

impl<'a> Columns<'a> {
    pub(crate) fn get<T: Decode<'a, Sqlite> + Type<Sqlite>>(&self, column: &str) -> Result<T, Error> {
        self.row.try_get(column).map_err(|error| failed(self.operation, error))
    }

    pub(crate) fn number(&self, column: &str) -> Result<u64, Error> {
        self.get::<i64>(column).map(|number| u64::try_from(number).unwrap_or_default())
    }

    pub(crate) fn id(&self, text: &str) -> Result<Uuid, Error> {
        let said = |error| Error::unusable(self.operation, format!("the id {text:?} is damaged: {error}"));
        Uuid::try_parse(text).map_err(said)
    }
}
