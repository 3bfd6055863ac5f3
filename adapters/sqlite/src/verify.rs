//! The verification of a log and of builds. What SQL can check is checked by the `verify_…` statements, which can also be run by hand;
//! whether records can be read is checked here.

use std::collections::HashSet;

use annalist_core::{
    error::{Error, Invalid},
    finding::{EventReference, Finding, FindingKind, VerifyCursor, VerifyPage},
    record::Position,
    store::{Entry, LogId},
};
use futures_util::TryStreamExt;
use sqlx::{Row, SqlStr, SqliteConnection, query, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    error::TransactionError,
    rows::{entry, integer, position, record},
    sql::{Sql, TablePrefix},
};

/// The parts of a log, in the order in which they are checked.
const PARTS: &[&str] = &["events", "event_tags", "commands", "journal", "snapshots", "successors"];
/// The parts of the rows.
const ROW_PARTS: &[&str] = &["builds", "parked"];

/// The statements that check a whole log.
const SCRIPT: [&str; 8] = [
    include_str!("../sql/verify_events.sql"),
    include_str!("../sql/verify_event_tags.sql"),
    include_str!("../sql/verify_commands.sql"),
    include_str!("../sql/verify_journal.sql"),
    include_str!("../sql/verify_snapshots.sql"),
    include_str!("../sql/verify_successors.sql"),
    include_str!("../sql/verify_builds.sql"),
    include_str!("../sql/verify_parked.sql"),
];

/// Returns the script that verifies a log with this prefix, to be run by hand: `sqlite3 bank.db < verify.sql`. It only reads. Each of
/// its statements returns a row for each defect, and one with the kind `checked` and the number of rows that were checked.
///
/// The script does not check that a program can read payloads and metadata, as `App::verify` does.
///
/// # Errors
/// [`Error::Unusable`] if the prefix is not `[a-z][a-z0-9_]*`.
pub fn verify_sql(prefix: &str) -> Result<String, Error> {
    let prefix = TablePrefix::new(prefix)?;
    Ok(SCRIPT.iter().map(|statement| prefix.apply(statement) + "\n\n").collect())
}

/// What a page of one part found.
#[derive(Default)]
struct CheckedPart {
    rows: u64,
    findings: Vec<Finding>,
    /// The key of the last row.
    key: Vec<String>,
}

/// One page of the verification of the log.
pub(crate) async fn verify(
    connection: &mut SqliteConnection,
    sql: &Sql,
    up_to: Position,
    after: &VerifyCursor,
) -> Result<VerifyPage, TransactionError> {
    let Some(part) = after.part_of(PARTS) else { return Ok(VerifyPage::default()) };
    let statement = match part {
        "events" => &sql.verify_events,
        "event_tags" => &sql.verify_event_tags,
        "commands" => &sql.verify_commands,
        "journal" => &sql.verify_journal,
        "snapshots" => &sql.verify_snapshots,
        _ => &sql.verify_successors,
    };
    let up_to = (part == "events").then_some(up_to);
    let checked = check_part(connection, statement, columns_of(part), &after.key, up_to).await?;
    let CheckedPart { rows, mut findings, key } = checked;
    let number = |key: &[String]| key.first().and_then(|key| key.parse().ok());
    let (first, last) = (number(&after.key).unwrap_or(i64::MIN), number(&key).unwrap_or(i64::MIN));
    let mut events = 0;
    match part {
        "events" => events = check_records(connection, sql, first, last, &mut findings).await?,
        "journal" => check_entries(connection, sql, first, last, &mut findings).await?,
        _ => {}
    }
    let next = VerifyCursor::next(PARTS, part, rows, key);
    Ok(VerifyPage { events, rows, findings, next, ..VerifyPage::default() })
}

/// One page of the verification of builds and parked events.
pub(crate) async fn verify_rows(
    connection: &mut SqliteConnection,
    sql: &Sql,
    after: &VerifyCursor,
) -> Result<VerifyPage, TransactionError> {
    let Some(part) = after.part_of(ROW_PARTS) else { return Ok(VerifyPage::default()) };
    let (statement, references, kind) = match part {
        "builds" => (&sql.verify_builds, &sql.verify_build_references, FindingKind::Checkpoint),
        _ => (&sql.verify_parked, &sql.verify_parked_references, FindingKind::Parked),
    };
    let checked = check_part(connection, statement, columns_of(part), &after.key, None).await?;
    let CheckedPart { rows, findings, key } = checked;
    let mut page = VerifyPage { rows, findings, ..VerifyPage::default() };
    let mut select = query(references.clone()).bind(after.key.first().map_or(String::new(), Clone::clone));
    for index in 1..columns_of(part) {
        select = select.bind(after.key.get(index).and_then(|key| key.parse().ok()).unwrap_or(i64::MIN));
    }
    let found = select.bind(VerifyPage::MAX_ROWS.cast_signed()).fetch_all(&mut *connection).await?;
    for row in &found {
        add_references(row, kind, &mut page)?;
    }
    page.next = VerifyCursor::next(ROW_PARTS, part, rows, key);
    Ok(page)
}

/// The number of columns of the keys of a part.
fn columns_of(part: &str) -> usize {
    match part {
        "events" | "commands" | "journal" => 1,
        "snapshots" | "successors" => 2,
        "event_tags" | "builds" => 3,
        _ => 4,
    }
}

/// Runs a `verify_…` statement for one page.
async fn check_part(
    connection: &mut SqliteConnection,
    statement: &SqlStr,
    columns: usize,
    key: &[String],
    up_to: Option<Position>,
) -> Result<CheckedPart, TransactionError> {
    let mut select = query(statement.clone());
    for column in 0..columns {
        select = select.bind(key.get(column).cloned());
    }
    if let Some(up_to) = up_to {
        select = select.bind(integer(up_to.get()));
    }
    let found = select.bind(VerifyPage::MAX_ROWS.cast_signed()).fetch_all(connection).await?;
    let mut checked = CheckedPart::default();
    for row in &found {
        let Some(kind) = FindingKind::from_name(row.try_get("kind")?) else {
            checked.rows = row.try_get::<i64, _>("checked")?.unsigned_abs();
            let key: Option<&str> = row.try_get("last_key")?;
            checked.key = key.and_then(|key| serde_json::from_str(key).ok()).unwrap_or_default();
            continue;
        };
        checked.findings.push(Finding {
            kind,
            position: row.try_get::<Option<i64>, _>("position")?.map(position),
            place: row.try_get("place")?,
            problem: row.try_get("problem")?,
        });
    }
    Ok(checked)
}

/// Reads the events in `(after, last]` one by one and adds a finding for each that cannot be read and has none yet. Returns their
/// number.
async fn check_records(
    connection: &mut SqliteConnection,
    sql: &Sql,
    after: i64,
    last: i64,
    findings: &mut Vec<Finding>,
) -> Result<u64, TransactionError> {
    let is_event = |finding: &&Finding| finding.kind == FindingKind::Event;
    let known: HashSet<Option<Position>> =
        findings.iter().filter(is_event).map(|finding| finding.position).collect();
    let mut events = 0;
    let mut rows = query(sql.verify_records.clone()).bind(after).bind(last).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        events += 1;
        let finding = match record(&row) {
            Ok(record) => Finding::of_record(&record),
            Err(invalid) => {
                let at = position(row.try_get(1).unwrap_or_default());
                Some(Finding::at(FindingKind::Event, at, reason(&invalid)))
            }
        };
        findings.extend(finding.filter(|finding| !known.contains(&finding.position)));
    }
    Ok(events)
}

/// Reads the journal entries in `(after, last]` one by one and adds a finding for each that cannot be read and has none yet.
async fn check_entries(
    connection: &mut SqliteConnection,
    sql: &Sql,
    after: i64,
    last: i64,
    findings: &mut Vec<Finding>,
) -> Result<(), TransactionError> {
    let known: HashSet<String> = findings.iter().map(|finding| finding.place.clone()).collect();
    let journal =
        query(sql.journal.clone()).bind(after).bind(VerifyPage::MAX_ROWS.cast_signed()).bind(i64::MAX);
    let mut rows = journal.fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let number: i64 = row.try_get(0).unwrap_or_default();
        let finding = match entry(&row) {
            Ok(Entry { number, body, .. }) => Finding::of_journaled(number, &body),
            Err(invalid) => {
                Some(Finding::of(FindingKind::Journal, format!("journal entry {number}"), reason(&invalid)))
            }
        };
        findings.extend(finding.filter(|finding| number <= last && !known.contains(&finding.place)));
    }
    Ok(())
}

/// What is wrong, without the position, which the finding has.
fn reason(invalid: &Invalid) -> String {
    match invalid {
        Invalid::Damaged { reason, .. } => reason.clone(),
        invalid => invalid.to_string(),
    }
}

/// Adds the references of one build or parked event of another log.
fn add_references(row: &SqliteRow, kind: FindingKind, page: &mut VerifyPage) -> Result<(), sqlx::Error> {
    let name: &str = row.try_get("projection")?;
    let (version, build): (i64, i64) = (row.try_get("version")?, row.try_get("build")?);
    let place = match build {
        0 => format!("build `{name}_v{version}`"),
        build => format!("build `{name}_v{version}_{build}`"),
    };
    let log: &str = row.try_get("log")?;
    let Ok(log) = Uuid::try_parse(log).map(LogId::from_uuid) else {
        let problem = format!("the id of its log, {log:?}, is not a UUID");
        page.findings.push(Finding::of(FindingKind::Build, place, problem));
        return Ok(());
    };
    let at = position(row.try_get("position")?);
    let anchor: (Option<i64>, Option<&str>) = (row.try_get("anchor_position")?, row.try_get("anchor_event")?);
    if kind == FindingKind::Checkpoint {
        let place = place.clone();
        page.references.push(EventReference { log, kind, place, position: at, event: None });
    }
    let Some(event) = anchor.1 else { return Ok(()) };
    match Uuid::try_parse(event) {
        Ok(event) => {
            let position = anchor.0.map_or(at, position);
            page.references.push(EventReference { log, kind, place, position, event: Some(event) });
        }
        Err(_) => {
            let problem = format!("the id {event:?} of the event at position {at} is not a UUID");
            page.findings.push(Finding::of(kind, place, problem));
        }
    }
    Ok(())
}
