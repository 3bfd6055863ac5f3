//! Migrations of the schema: applied, checked and printed.

use std::time::Duration;

use annalist_core::{
    error::Error,
    record::Position,
    store::{EventRef, LogId},
};
use sqlx::{Acquire, AssertSqlSafe, PgConnection, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::{schema_name::SchemaName, sessions};
use crate::{
    append::locks::{self, AdvisoryKeys},
    database::acquire,
    error::{SET_READ_COMMITTED, failed},
    sql::Statement,
    values::from_i64,
};

/// All released migrations, oldest first. A released migration is never edited: every change is a new version.
const RELEASED: [Migration; 1] = [Migration {
    version: 1,
    statements: &[
        include_str!("../../sql/schema/01_migrations.sql"),
        include_str!("../../sql/schema/02_log.sql"),
        include_str!("../../sql/schema/03_log_row.sql"),
        include_str!("../../sql/schema/04_events.sql"),
        include_str!("../../sql/schema/05_events_by_type.sql"),
        include_str!("../../sql/schema/06_events_by_time.sql"),
        include_str!("../../sql/schema/07_event_tags.sql"),
        include_str!("../../sql/schema/08_commands.sql"),
        include_str!("../../sql/schema/09_commands_by_time.sql"),
        include_str!("../../sql/schema/10_journal.sql"),
        include_str!("../../sql/schema/11_snapshots.sql"),
        include_str!("../../sql/schema/12_builds.sql"),
        include_str!("../../sql/schema/13_builds_live.sql"),
        include_str!("../../sql/schema/14_parked.sql"),
        include_str!("../../sql/schema/15_inline_types.sql"),
        include_str!("../../sql/schema/16_rows_schema.sql"),
        include_str!("../../sql/schema/17_matching.sql"),
        include_str!("../../sql/schema/18_matching_positions.sql"),
        include_str!("../../sql/schema/19_matching_positions_batch.sql"),
        include_str!("../../sql/schema/20_events_at.sql"),
        include_str!("../../sql/schema/21_packed_events.sql"),
        include_str!("../../sql/schema/22_feed_page.sql"),
        include_str!("../../sql/schema/23_advance_high_water.sql"),
        include_str!("../../sql/schema/24_close_gaps.sql"),
        include_str!("../../sql/schema/25_append.sql"),
        include_str!("../../sql/schema/26_verify_log.sql"),
        include_str!("../../sql/schema/27_verify_events.sql"),
        include_str!("../../sql/schema/28_verify_event_tags.sql"),
        include_str!("../../sql/schema/29_verify_commands.sql"),
        include_str!("../../sql/schema/30_verify_journal.sql"),
        include_str!("../../sql/schema/31_verify_snapshots.sql"),
        include_str!("../../sql/schema/32_verify_builds.sql"),
        include_str!("../../sql/schema/33_verify_parked.sql"),
        include_str!("../../sql/schema/34_verify_page.sql"),
        include_str!("../../sql/schema/35_verify.sql"),
        include_str!("../../sql/schema/36_payloads_within.sql"),
        include_str!("../../sql/schema/37_journal_within.sql"),
        include_str!("../../sql/schema/38_events_compression.sql"),
        include_str!("../../sql/schema/39_event_successors.sql"),
        include_str!("../../sql/schema/40_event_successors_by_version.sql"),
        include_str!("../../sql/schema/41_verify_successors.sql"),
        include_str!("../../sql/schema/42_events_by_version.sql"),
        include_str!("../../sql/schema/43_subject_keys.sql"),
        include_str!("../../sql/schema/44_erased_keys.sql"),
        include_str!("../../sql/schema/45_erasures.sql"),
        include_str!("../../sql/schema/46_erasures_in_force.sql"),
        include_str!("../../sql/schema/47_key_state.sql"),
        include_str!("../../sql/schema/48_key_state_row.sql"),
        include_str!("../../sql/schema/49_current_keys.sql"),
        include_str!("../../sql/schema/50_erase_subject.sql"),
        include_str!("../../sql/schema/51_event_retags.sql"),
        include_str!("../../sql/schema/52_event_retags_by_version.sql"),
        include_str!("../../sql/schema/53_archives.sql"),
        include_str!("../../sql/schema/54_archives_by_version.sql"),
        include_str!("../../sql/schema/55_archived_ids.sql"),
        include_str!("../../sql/schema/56_archives_by_removal.sql"),
        include_str!("../../sql/schema/57_follower_requests.sql"),
    ],
}];

/// The first statement of a transaction that creates objects, whose definitions are resolved when they are created: names that
/// are not qualified are those of the server, never those of a schema in which others may create objects.
pub(crate) const FIXED_SEARCH_PATH: &str = "SET LOCAL search_path TO pg_catalog, pg_temp";

/// The oldest server version that has every feature this crate uses.
const OLDEST_SERVER: i32 = 130_000;

/// The statements that bring a schema from the previous version to this one.
#[derive(Clone, Copy, Debug)]
struct Migration {
    version: i32,
    statements: &'static [&'static str],
}

/// Migrations in ascending order of their versions.
#[derive(Clone, Debug)]
pub(crate) struct Migrations(Vec<Migration>);

/// What a log knows about itself when it is opened.
pub(crate) struct LogInfo {
    pub(crate) id: LogId,
    pub(crate) high_water: Position,
    /// The newest event, if there is one.
    pub(crate) newest: Option<EventRef>,
    /// The version of the list of successors of event names.
    pub(crate) successors: u64,
    pub(crate) shares_sessions: bool,
}

impl Migrations {
    pub(crate) fn released() -> Self {
        Self(RELEASED.to_vec())
    }

    /// Adds a version after all others.
    pub(crate) fn push(&mut self, statements: &'static [&'static str]) {
        self.0.push(Migration { version: self.latest() + 1, statements });
    }

    /// The version of the schema that this program needs.
    fn latest(&self) -> i32 {
        self.0.last().map_or(0, |migration| migration.version)
    }

    /// The SQL of all migrations, as one transaction.
    pub(crate) fn script(&self, schema: &SchemaName) -> String {
        let steps: String = self.0.iter().map(|migration| migration.sql(schema)).collect();
        let lock = AdvisoryKeys::new(schema.as_str()).migration();
        format!(
            "BEGIN;\n{FIXED_SEARCH_PATH};\nSELECT pg_advisory_xact_lock({lock});\nCREATE SCHEMA IF NOT EXISTS {};\n\n{steps}COMMIT;\n",
            schema.quoted()
        )
    }
}

impl Migration {
    fn sql(&self, schema: &SchemaName) -> String {
        let mut sql: String = self
            .statements
            .iter()
            .map(|text| format!("{};\n\n", schema.insert_into(text).trim_end()))
            .collect();
        let schema = schema.quoted();
        sql += &format!("INSERT INTO {schema}.migrations (version) VALUES ({});\n\n", self.version);
        sql
    }
}

/// Opening one log. Each statement runs in a transaction and has no name, because a pooler may share the sessions.
pub(crate) struct Opening<'a> {
    pub(super) migrations: &'a Migrations,
    pub(super) schema: &'a SchemaName,
    pub(super) keys: &'a AdvisoryKeys,
    pub(super) operation: &'a str,
}

impl Opening<'_> {
    /// Checks the server, applies missing migrations if `migrate` is set, and reads the row of the log.
    pub(crate) async fn open(
        &self,
        pool: &PgPool,
        migrate: bool,
        shares_sessions: Option<bool>,
        timeout: Duration,
    ) -> Result<LogInfo, Error> {
        let mut connection = acquire(pool, timeout).await.map_err(|error| self.failed(error))?;
        let mut version = self.check_server(&mut connection).await?;
        let address = pool.connect_options();
        let shares_sessions =
            sessions::check(&mut connection, &address, shares_sessions, timeout, self.operation).await?;
        if version < self.migrations.latest() && migrate {
            version = self.migrate(&mut connection).await?;
        }
        self.check_version(version)?;
        self.warn_of_foreign_rights(&mut connection).await?;
        self.read_log(&mut connection, shares_sessions).await
    }

    fn failed(&self, error: sqlx::Error) -> Error {
        failed(self.operation.to_owned(), error)
    }

    fn refuse(&self, reason: impl Into<String>) -> Error {
        Error::unusable(self.operation, reason)
    }

    async fn row(&self, connection: &mut PgConnection, text: &str) -> Result<PgRow, Error> {
        self.rows(connection, text).await?.pop().ok_or_else(|| self.failed(sqlx::Error::RowNotFound))
    }

    async fn rows(&self, connection: &mut PgConnection, text: &str) -> Result<Vec<PgRow>, Error> {
        let mut transaction = connection.begin().await.map_err(|error| self.failed(error))?;
        let query = Statement::new(self.schema, text, false);
        let rows = query.query().fetch_all(&mut *transaction).await.map_err(|error| self.failed(error))?;
        transaction.commit().await.map_err(|error| self.failed(error))?;
        Ok(rows)
    }

    /// Refuses a server or a session on which the promises of the store do not hold. Returns the version of the schema;
    /// 0 if there is none.
    async fn check_server(&self, connection: &mut PgConnection) -> Result<i32, Error> {
        let row = self.row(connection, include_str!("../../sql/server.sql")).await?;
        let text = |column| row.try_get::<String, _>(column).map_err(|error| self.failed(error));
        let server: i32 = row.try_get("version").map_err(|error| self.failed(error))?;
        if server < OLDEST_SERVER {
            return Err(
                self.refuse(format!("the server's version is {server}; PostgreSQL 13 or later is needed"))
            );
        }
        let encoding = text("encoding")?;
        if encoding != "UTF8" {
            return Err(self.refuse(format!(
                "the encoding of the database is {encoding}; create a database with ENCODING 'UTF8'"
            )));
        }
        let isolation = text("isolation")?;
        if isolation != "read committed" {
            let (role, database) = (text("role")?, text("database")?);
            return Err(self.refuse(format!(
                "sessions of role {role:?} in database {database:?} start with isolation `{isolation}`: {SET_READ_COMMITTED}"
            )));
        }
        let shadowing: Vec<String> = row.try_get("shadowing").map_err(|error| self.failed(error))?;
        if !shadowing.is_empty() {
            return Err(self.refuse(format!(
                "the sessions' search_path has pg_catalog after {}, whose functions could replace built-in ones; remove `pg_catalog` from the search_path: it is then searched first",
                shadowing.join(", ")
            )));
        }
        match row.try_get("migrated").map_err(|error| self.failed(error))? {
            true => self.version(connection).await,
            false => Ok(0),
        }
    }

    async fn version(&self, connection: &mut PgConnection) -> Result<i32, Error> {
        let row = self.row(connection, include_str!("../../sql/version.sql")).await?;
        row.try_get(0).map_err(|error| self.failed(error))
    }

    /// Applies the missing migrations in one transaction, while no other process migrates this schema.
    async fn migrate(&self, connection: &mut PgConnection) -> Result<i32, Error> {
        let mut transaction = connection.begin().await.map_err(|error| self.failed(error))?;
        let lock = self.keys.migration();
        self.run(&mut transaction, format!("{FIXED_SEARCH_PATH}; SELECT pg_advisory_xact_lock({lock})"))
            .await?;
        // Read again under the lock. CREATE SCHEMA IF NOT EXISTS would need the right to create schemas even if it exists.
        let row = self.row(&mut transaction, include_str!("../../sql/schema.sql")).await?;
        let (exists, migrated): (bool, bool) = row
            .try_get("exists")
            .and_then(|exists| Ok((exists, row.try_get("migrated")?)))
            .map_err(|error| self.failed(error))?;
        if !exists {
            self.run(&mut transaction, format!("CREATE SCHEMA {}", self.schema.quoted())).await?;
        }
        let from = if migrated { self.version(&mut transaction).await? } else { 0 };
        for migration in self.migrations.0.iter().filter(|migration| migration.version > from) {
            self.run(&mut transaction, migration.sql(self.schema)).await?;
        }
        if from < self.migrations.latest() {
            let (schema, to) = (self.schema.as_str(), self.migrations.latest());
            tracing::info!(schema, from, to, "migrating the schema of the log");
        }
        transaction.commit().await.map_err(|error| self.failed(error))?;
        Ok(from.max(self.migrations.latest()))
    }

    async fn run(&self, connection: &mut PgConnection, sql: String) -> Result<(), Error> {
        // Only our own statements and a checked identifier.
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
        done.map(drop).map_err(|error| self.failed(error))
    }

    fn check_version(&self, version: i32) -> Result<(), Error> {
        let (schema, latest) = (self.schema.as_str(), self.migrations.latest());
        if version > latest {
            return Err(self.refuse(format!(
                "schema `{schema}` has version {version}, created by a newer program; this program knows {latest}: deploy the newer program"
            )));
        }
        if version < latest {
            return Err(self.refuse(format!(
                "schema `{schema}` has version {version} (0: it does not exist), and this program needs {latest}; open it once with a role that may change it, or run the SQL of `Postgres::migrations_sql`"
            )));
        }
        Ok(())
    }

    /// Warns if other roles could run code in appends or change what is stored.
    async fn warn_of_foreign_rights(&self, connection: &mut PgConnection) -> Result<(), Error> {
        let rows = self.rows(connection, include_str!("../../sql/foreign_rights.sql")).await?;
        let right = |row: &PgRow| {
            let text = |column| row.try_get::<String, _>(column);
            Ok(format!("{} has {} on {}", text("role")?, text("privilege")?, text("object")?))
        };
        let rights = rows.iter().map(right).collect::<Result<Vec<_>, _>>();
        let rights = rights.map_err(|error| self.failed(error))?;
        if !rights.is_empty() {
            tracing::warn!(
                schema = self.schema.as_str(),
                rights = rights.join("; "),
                "other roles can run code in the appends of this log or change what it stores: revoke these rights, or change the owner"
            );
        }
        Ok(())
    }

    /// Reads the row of the log. Refuses a log whose sequence would assign positions that already exist.
    async fn read_log(&self, connection: &mut PgConnection, shares_sessions: bool) -> Result<LogInfo, Error> {
        let row = self.row(connection, include_str!("../../sql/log.sql")).await?;
        let number = |column| row.try_get::<i64, _>(column).map_err(|error| self.failed(error));
        let id: Uuid = row.try_get("id").map_err(|error| self.failed(error))?;
        let lock_keys: i32 = row.try_get("lock_keys").map_err(|error| self.failed(error))?;
        if lock_keys != locks::VERSION {
            return Err(self.refuse(format!(
                "the log uses lock keys of version {lock_keys}, this program uses version {}; together they would miss conflicts",
                locks::VERSION
            )));
        }
        let assigned: Option<i64> = row.try_get("assigned").map_err(|error| self.failed(error))?;
        let newest = number("newest")?;
        if assigned.is_some_and(|assigned| assigned < newest) {
            let schema = self.schema.quoted();
            return Err(self.refuse(format!(
                "the next positions already exist: the newest event is at {newest}, the sequence at {}; after a restore, run SELECT setval('{schema}.events_position_seq', {newest})",
                assigned.unwrap_or(0)
            )));
        }
        let newest_id: Option<Uuid> = row.try_get("newest_id").map_err(|error| self.failed(error))?;
        Ok(LogInfo {
            id: LogId::from_uuid(id),
            high_water: from_i64(number("high_water")?),
            successors: number("successors")?.unsigned_abs(),
            newest: newest_id.map(|id| EventRef { position: from_i64(newest), id }),
            shares_sessions,
        })
    }
}
