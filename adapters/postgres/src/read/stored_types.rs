//! The names and versions of the event types in the log.

use annalist_core::{
    error::Error,
    store::{StoredType, StoredVersion},
};
use sqlx::{Row, postgres::PgRow};

use crate::{database::Database, values::from_i64};

/// The names of the event types and their later versions, with their first and last positions.
pub(crate) async fn list(database: &Database) -> Result<Vec<StoredType>, Error> {
    let read_error = |error| database.read_error(error);
    // Versions first: the names that are read later include theirs.
    let rows = database.fetch_all(|| database.sql.stored_versions.planned()).await.map_err(read_error)?;
    let versions: Vec<_> = rows.iter().map(version_of).collect::<Result<_, _>>().map_err(read_error)?;
    let rows = database.fetch_all(|| database.sql.stored_types.planned()).await.map_err(read_error)?;
    let stored = |row: &PgRow| {
        let name: String = row.try_get("type")?;
        let (first, last) = (from_i64(row.try_get("first")?), from_i64(row.try_get("last")?));
        let later_versions = versions.iter().filter(|(of, _)| *of == name).map(|(_, version)| *version);
        let later_versions = later_versions.collect();
        Ok(StoredType { name, first, last, later_versions })
    };
    rows.iter().map(stored).collect::<Result<_, _>>().map_err(read_error)
}

fn version_of(row: &PgRow) -> Result<(String, StoredVersion), sqlx::Error> {
    let version = u32::try_from(row.try_get::<i64, _>("version")?).unwrap_or(u32::MAX);
    let (first, last) = (from_i64(row.try_get("first")?), from_i64(row.try_get("last")?));
    Ok((row.try_get("type")?, StoredVersion { version, first, last }))
}

/// The number of events of a type, in one version after version 1 or in all versions, at most `limit`.
pub(crate) async fn count(
    database: &Database,
    name: &str,
    version: Option<u32>,
    limit: u64,
) -> Result<u64, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = &database.sql;
    let query = || match version {
        None => sql.count_type.planned().bind(name).bind(limit),
        Some(version) => sql.count_version.planned().bind(name).bind(limit).bind(i64::from(version)),
    };
    let row = database.fetch_one(query).await.map_err(|error| database.read_error(error))?;
    row.try_get("count").map(i64::unsigned_abs).map_err(|error| database.read_error(error))
}
