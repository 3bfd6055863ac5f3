//! The schema: made, brought up to date, verified, printed.

use annalist_core::{error::Error, record::Position, store::LogId};
use sqlx::{Acquire, AssertSqlSafe, PgConnection, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    error::{SET_READ_COMMITTED, failed},
    keys::{self, Keys},
    options,
    rows::position,
    sql::{Statement, within},
};

/// All versions that there ever were, oldest first. What was released is never edited: a change is a new version.
const MIGRATIONS: [Migration; 4] = [
    Migration {
        version: 1,
        statements: &[
            include_str!("../sql/v1/01-migrations.sql"),
            include_str!("../sql/v1/02-log.sql"),
            include_str!("../sql/v1/03-log_row.sql"),
            include_str!("../sql/v1/04-events.sql"),
            include_str!("../sql/v1/05-events_by_type.sql"),
            include_str!("../sql/v1/06-events_by_time.sql"),
            include_str!("../sql/v1/07-event_tags.sql"),
            include_str!("../sql/v1/08-commands.sql"),
            include_str!("../sql/v1/09-commands_by_time.sql"),
            include_str!("../sql/v1/10-journal.sql"),
            include_str!("../sql/v1/11-matching.sql"),
            include_str!("../sql/v1/12-read.sql"),
            include_str!("../sql/v1/13-append.sql"),
            include_str!("../sql/v1/14-claim.sql"),
        ],
    },
    Migration {
        version: 2,
        statements: &[
            include_str!("../sql/v2/01-rows_schema.sql"),
            include_str!("../sql/v2/02-projections.sql"),
        ],
    },
    Migration {
        version: 3,
        statements: &[
            include_str!("../sql/v3/01-rename.sql"),
            include_str!("../sql/v3/02-builds.sql"),
            include_str!("../sql/v3/03-one_live.sql"),
            include_str!("../sql/v3/04-live.sql"),
            include_str!("../sql/v3/05-parked.sql"),
            include_str!("../sql/v3/06-inline_types.sql"),
            include_str!("../sql/v3/07-append.sql"),
            include_str!("../sql/v3/08-append_of_old.sql"),
            include_str!("../sql/v3/09-grants.sql"),
        ],
    },
    Migration {
        version: 4,
        statements: &[
            include_str!("../sql/v4/01-find.sql"),
            include_str!("../sql/v4/02-at.sql"),
            include_str!("../sql/v4/03-page.sql"),
            include_str!("../sql/v4/04-append.sql"),
            include_str!("../sql/v4/05-snapshots.sql"),
            include_str!("../sql/v4/06-grants.sql"),
            include_str!("../sql/v4/07-sheets.sql"),
            include_str!("../sql/v4/08-find_all.sql"),
            include_str!("../sql/v4/09-walk.sql"),
        ],
    },
];

/// The version that this program works with.
const CURRENT: i32 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// The oldest server that has everything we use.
const OLDEST_SERVER: i32 = 130_000;

struct Migration {
    version: i32,
    statements: &'static [&'static str],
}

/// What opening finds out about the log.
pub(crate) struct Found {
    pub(crate) id: LogId,
    pub(crate) settled: Position,
}

/// Checks the server, makes the schema current if it may, and reads what the log knows about itself.
pub(crate) async fn open(
    pool: &PgPool,
    schema: &str,
    keys: &Keys,
    migrate: bool,
    opening: &str,
) -> Result<Found, Error> {
    let opening = Opening { schema, keys, doing: opening };
    let mut connection = pool.acquire().await.map_err(|error| opening.failed(error))?;
    let mut version = opening.check_server(&mut connection).await?;
    if version < CURRENT && migrate {
        version = opening.migrate(&mut connection).await?;
    }
    opening.check_version(version)?;
    opening.look(&mut connection).await
}

/// The SQL of all migrations, as one transaction.
pub(crate) fn script(schema: &str) -> Result<String, Error> {
    options::check(schema).map_err(|reason| Error::unusable("print the migrations", reason))?;
    let steps: String = MIGRATIONS.iter().map(|migration| migration.sql(schema)).collect();
    let lock = Keys::new(schema).migration();
    Ok(format!(
        "BEGIN;\nSELECT pg_advisory_xact_lock({lock});\nCREATE SCHEMA IF NOT EXISTS {schema};\n\n{steps}COMMIT;\n"
    ))
}

impl Migration {
    fn sql(&self, schema: &str) -> String {
        let mut sql: String =
            self.statements.iter().map(|text| format!("{};\n\n", within(schema, text).trim_end())).collect();
        sql += &format!("INSERT INTO {schema}.migrations (version) VALUES ({});\n\n", self.version);
        sql
    }
}

struct Opening<'a> {
    schema: &'a str,
    keys: &'a Keys,
    doing: &'a str,
}

impl Opening<'_> {
    fn failed(&self, error: sqlx::Error) -> Error {
        failed(self.doing.to_owned(), error)
    }

    fn refuse(&self, reason: impl Into<String>) -> Error {
        Error::unusable(self.doing, reason)
    }

    async fn row(&self, connection: &mut PgConnection, text: &str) -> Result<PgRow, Error> {
        let query = Statement::new(self.schema, text);
        query.query().fetch_one(connection).await.map_err(|error| self.failed(error))
    }

    /// Refuses a server or a session on which the promises do not hold. Answers the version of the schema, 0 for none.
    async fn check_server(&self, connection: &mut PgConnection) -> Result<i32, Error> {
        let row = self.row(connection, include_str!("../sql/server.sql")).await?;
        let text = |column| row.try_get::<String, _>(column).map_err(|error| self.failed(error));
        let server: i32 = row.try_get("version").map_err(|error| self.failed(error))?;
        if server < OLDEST_SERVER {
            return Err(
                self.refuse(format!("the server's version is {server}; PostgreSQL 13 or later is needed"))
            );
        }
        let encoding = text("encoding")?;
        if encoding != "UTF8" {
            return Err(
                self.refuse(format!("the database's encoding is {encoding}; make one with ENCODING 'UTF8'"))
            );
        }
        let isolation = text("isolation")?;
        if isolation != "read committed" {
            let (role, database) = (text("role")?, text("database")?);
            return Err(self.refuse(format!(
                "the sessions of role {role:?} in database {database:?} start with isolation `{isolation}`: {SET_READ_COMMITTED}"
            )));
        }
        match row.try_get("migrated").map_err(|error| self.failed(error))? {
            true => self.version(connection).await,
            false => Ok(0),
        }
    }

    async fn version(&self, connection: &mut PgConnection) -> Result<i32, Error> {
        let row = self.row(connection, include_str!("../sql/version.sql")).await?;
        row.try_get(0).map_err(|error| self.failed(error))
    }

    /// Runs what is missing, one process at a time, all or nothing.
    async fn migrate(&self, connection: &mut PgConnection) -> Result<i32, Error> {
        let mut transaction = connection.begin().await.map_err(|error| self.failed(error))?;
        self.run(&mut transaction, format!("SELECT pg_advisory_xact_lock({})", self.keys.migration()))
            .await?;
        // Asked again behind the lock, and by another name: CREATE SCHEMA IF NOT EXISTS wants a right that is not needed if it exists.
        let row = self.row(&mut transaction, include_str!("../sql/schema.sql")).await?;
        let (exists, migrated): (bool, bool) = row
            .try_get("exists")
            .and_then(|exists| Ok((exists, row.try_get("migrated")?)))
            .map_err(|error| self.failed(error))?;
        if !exists {
            self.run(&mut transaction, format!("CREATE SCHEMA {}", self.schema)).await?;
        }
        let from = if migrated { self.version(&mut transaction).await? } else { 0 };
        for migration in MIGRATIONS.iter().filter(|migration| migration.version > from) {
            self.run(&mut transaction, migration.sql(self.schema)).await?;
        }
        transaction.commit().await.map_err(|error| self.failed(error))?;
        Ok(from.max(CURRENT))
    }

    async fn run(&self, connection: &mut PgConnection, sql: String) -> Result<(), Error> {
        // Our own text with a checked identifier in it.
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
        done.map(drop).map_err(|error| self.failed(error))
    }

    fn check_version(&self, version: i32) -> Result<(), Error> {
        let schema = self.schema;
        if version > CURRENT {
            return Err(self.refuse(format!(
                "schema `{schema}` has version {version}, made by a newer program; this one knows {CURRENT}: deploy the newer program"
            )));
        }
        if version < CURRENT {
            return Err(self.refuse(format!(
                "schema `{schema}` has version {version} (0: it is not there), and {CURRENT} is needed; open it once with a role that may change it, or run the SQL of `Postgres::migrations_sql`"
            )));
        }
        Ok(())
    }

    /// Reads the log's row, and refuses a log whose next position is already taken.
    async fn look(&self, connection: &mut PgConnection) -> Result<Found, Error> {
        let row = self.row(connection, include_str!("../sql/log.sql")).await?;
        let number = |column| row.try_get::<i64, _>(column).map_err(|error| self.failed(error));
        let id: Uuid = row.try_get("id").map_err(|error| self.failed(error))?;
        let lock_keys: i32 = row.try_get("lock_keys").map_err(|error| self.failed(error))?;
        if lock_keys != keys::VERSION {
            return Err(self.refuse(format!(
                "its appends take lock keys of version {lock_keys}, this program takes version {}; both at once would miss conflicts",
                keys::VERSION
            )));
        }
        let drawn: Option<i64> = row.try_get("drawn").map_err(|error| self.failed(error))?;
        let newest = number("newest")?;
        if drawn.is_some_and(|drawn| drawn < newest) {
            let schema = self.schema;
            return Err(self.refuse(format!(
                "the next positions are taken: the newest event stands at {newest}, the sequence at {}; after a restore, run SELECT setval('{schema}.events_position_seq', {newest})",
                drawn.unwrap_or(0)
            )));
        }
        Ok(Found { id: LogId::from_uuid(id), settled: position(number("settled")?) })
    }
}
