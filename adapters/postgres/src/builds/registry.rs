//! The builds of projections, as the log's table lists them.

use annalist_core::{
    rows::{Anchor, Build, Checkpoint, Claim, FollowerRequests, Table},
    store::LogId,
};
use sqlx::{
    AssertSqlSafe, PgConnection, PgExecutor, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use uuid::Uuid;

use crate::{
    database::Database,
    open::migrate::FIXED_SEARCH_PATH,
    sql::Sql,
    values::{Time, from_i64},
};

/// All builds of a projection.
pub(super) async fn list<'e>(
    database: &Database,
    executor: impl PgExecutor<'e>,
    projection: &str,
) -> Result<Vec<Build>, sqlx::Error> {
    let rows = database.sql.builds.query().bind(projection).fetch_all(executor).await?;
    rows.iter().map(decode).collect()
}

/// As [`list`], on a connection of the pool.
pub(super) async fn list_from_pool(database: &Database, projection: &str) -> Result<Vec<Build>, sqlx::Error> {
    let rows = database.fetch_all(|| database.sql.builds.query().bind(projection)).await?;
    rows.iter().map(decode).collect()
}

/// The build of a table, if it exists.
pub(super) async fn get<'e>(
    database: &Database,
    executor: impl PgExecutor<'e>,
    table: &Table,
) -> Result<Option<Build>, sqlx::Error> {
    let builds = list(database, executor, table.projection).await?;
    Ok(builds.into_iter().find(|build| build.order() == table.order()))
}

/// The build of a table among those of its projection.
pub(super) fn for_table<'a>(builds: &'a [Build], table: &Table) -> Option<&'a Build> {
    builds.iter().find(|build| build.order() == table.order())
}

/// Locks the checkpoints of all builds of a projection until the end of the transaction, and lists the builds.
pub(super) async fn lock(
    database: &Database,
    connection: &mut PgConnection,
    projection: &str,
) -> Result<Vec<Build>, sqlx::Error> {
    let lock = database.sql.lock_builds.query().bind(projection);
    lock.execute(&mut *connection).await?;
    list(database, connection, projection).await
}

/// Limits how long the transaction waits for locks, because others queue behind it, and fixes the search_path, because the transaction
/// may create objects.
pub(crate) async fn prepare_transaction(
    database: &Database,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let millis = database.timeout.as_millis().clamp(1, 600_000);
    run(connection, format!("{FIXED_SEARCH_PATH}; SET LOCAL lock_timeout = {millis}")).await
}

/// Runs a statement that was put together from checked names.
pub(super) async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}

fn decode(row: &PgRow) -> Result<Build, sqlx::Error> {
    let number = |column| {
        let number: i64 = row.try_get(column)?;
        u32::try_from(number).map_err(|error| sqlx::Error::Decode(error.into()))
    };
    let anchor = match (row.try_get::<Option<i64>, _>("anchor_position")?, row.try_get("anchor_event")?) {
        (Some(position), Some(event)) => Some(Anchor { position: from_i64(position), event }),
        _ => None,
    };
    Ok(Build {
        version: number("version")?,
        build: number("build")?,
        shape: row.try_get("shape")?,
        events: row.try_get("events")?,
        log: LogId::from_uuid(row.try_get::<Uuid, _>("log")?),
        live: row.try_get("live")?,
        inline: row.try_get("inline")?,
        checkpoint: Checkpoint {
            position: from_i64(row.try_get("position")?),
            anchor,
            parked: row.try_get::<i64, _>("parked")?.unsigned_abs(),
            stopped: row.try_get("stopped")?,
        },
        updated_at: row.try_get::<Time, _>("updated_at")?.0,
        claim: claim(row)?,
        requests: requests(row)?,
    })
}

fn claim(row: &PgRow) -> Result<Option<Claim>, sqlx::Error> {
    let Some(holder) = row.try_get("claim_holder")? else { return Ok(None) };
    let (round, challenged) = (row.try_get::<i64, _>("claim_round")?, row.try_get("claim_challenged")?);
    Ok(Some(Claim { holder, round: round.unsigned_abs(), challenged }))
}

fn requests(row: &PgRow) -> Result<FollowerRequests, sqlx::Error> {
    let revision = row.try_get::<Option<i64>, _>("revision")?.map(i64::unsigned_abs);
    let stored = revision.zip(row.try_get::<Option<&str>, _>("requests")?);
    FollowerRequests::from_stored(stored).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Replaces the requests to a projection, if the stored revision is the one before.
pub(super) fn replace_requests(
    sql: &Sql,
    table: &Table,
    requests: &FollowerRequests,
) -> Query<'static, Postgres, PgArguments> {
    let revision = i64::try_from(requests.revision).unwrap_or(i64::MAX);
    sql.replace_requests.query().bind(table.projection).bind(revision).bind(requests.to_text())
}

/// Replaces the claim on a build, if it is as expected.
pub(super) fn replace_claim(
    sql: &Sql,
    table: &Table,
    expected: Option<Claim>,
    claim: Option<Claim>,
) -> Query<'static, Postgres, PgArguments> {
    [expected, claim].into_iter().fold(sql.replace_claim.for_build(table), |update, claim| {
        update
            .bind(claim.map(|claim| claim.holder))
            .bind(claim.map(|claim| i64::try_from(claim.round).unwrap_or(i64::MAX)))
            .bind(claim.map(|claim| claim.challenged))
    })
}
