//! The verification of builds and parked events. Those of this log are checked in the schema (`sql/schema/32_verify_builds.sql`); of
//! another log, the events to which they refer are returned.

use annalist_core::{
    error::Error,
    finding::{EventReference, FindingKind, VerifyCursor, VerifyPage},
    record::Position,
    store::LogId,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    database::Database,
    error::failed,
    read::verify::{CheckedPart, check_part},
    values::from_i64,
};

/// The parts of the rows, in the order in which they are checked.
const PARTS: &[&str] = &["builds", "parked"];

/// One page of the verification of builds.
pub(super) async fn verify(database: &Database, after: &VerifyCursor) -> Result<VerifyPage, Error> {
    let Some(part) = after.part_of(PARTS) else { return Ok(VerifyPage::default()) };
    let CheckedPart { rows, findings, key } = check_part(database, part, &after.key, Position::END).await?;
    let references = references(database, part, &after.key).await;
    let references = references.map_err(|error| failed(database.operation("verify the rows in"), error))?;
    let next = VerifyCursor::next(PARTS, part, rows, key);
    Ok(VerifyPage { rows, findings, references, next, ..VerifyPage::default() })
}

async fn references(
    database: &Database,
    part: &str,
    key: &[String],
) -> Result<Vec<EventReference>, sqlx::Error> {
    let number =
        |index: usize| -> i64 { key.get(index).and_then(|number| number.parse().ok()).unwrap_or(i64::MIN) };
    let name = key.first().map_or("", String::as_str);
    let limit = VerifyPage::MAX_ROWS.cast_signed();
    let query = || match part {
        "builds" => {
            let query = database.sql.verify_build_references.query();
            query.bind(name).bind(number(1)).bind(number(2)).bind(limit)
        }
        _ => {
            let query = database.sql.verify_parked_references.query();
            query.bind(name).bind(number(1)).bind(number(2)).bind(number(3)).bind(limit)
        }
    };
    let rows = database.fetch_all(query).await?;
    let mut references = Vec::new();
    for row in &rows {
        match part {
            "builds" => {
                references.push(reference(row, FindingKind::Checkpoint, row.try_get("position")?, None)?);
                let anchor = (row.try_get("anchor_position")?, row.try_get("anchor_event")?);
                if let (Some(position), Some(event)) = anchor {
                    references.push(reference(row, FindingKind::Checkpoint, position, Some(event))?);
                }
            }
            _ => {
                let (position, event) = (row.try_get("position")?, row.try_get("event")?);
                references.push(reference(row, FindingKind::Parked, position, Some(event))?);
            }
        }
    }
    Ok(references)
}

fn reference(
    row: &PgRow,
    kind: FindingKind,
    position: i64,
    event: Option<Uuid>,
) -> Result<EventReference, sqlx::Error> {
    let name: &str = row.try_get("name")?;
    let (version, build): (i64, i64) = (row.try_get("version")?, row.try_get("build")?);
    let place = match build {
        0 => format!("build `{name}_v{version}`"),
        build => format!("build `{name}_v{version}_{build}`"),
    };
    let log = LogId::from_uuid(row.try_get("log")?);
    Ok(EventReference { log, kind, place, position: from_i64(position), event })
}
