//! The verification of the log. What SQL can check is checked in the schema (`sql/schema/26_verify_log.sql` and the next ones); whether
//! records can be read is checked here.

use std::collections::HashSet;

use annalist_core::{
    error::{Error, Invalid},
    finding::{Finding, FindingKind, VerifyCursor, VerifyPage},
    record::Position,
    store::Entry,
};
use sqlx::{Row, postgres::PgRow};

use super::{journal::entry, records::record};
use crate::{
    database::{Database, HeldConnection},
    values::{from_i64, to_i64},
};

/// The parts of a log, in the order in which they are checked.
const PARTS: &[&str] = &["log", "events", "event_tags", "commands", "journal", "snapshots", "successors"];

/// What a page of one part found.
pub(crate) struct CheckedPart {
    pub(crate) rows: u64,
    pub(crate) findings: Vec<Finding>,
    /// The key of the last row.
    pub(crate) key: Vec<String>,
}

/// One page of the verification of the log.
pub(crate) async fn verify(
    database: &Database,
    up_to: Position,
    after: &VerifyCursor,
) -> Result<VerifyPage, Error> {
    let Some(part) = after.part_of(PARTS) else { return Ok(VerifyPage::default()) };
    let CheckedPart { rows, mut findings, key } = check_part(database, part, &after.key, up_to).await?;
    let number = |key: &[String]| key.first().and_then(|key| key.parse().ok());
    let (first, last) = (number(&after.key).unwrap_or(i64::MIN), number(&key).unwrap_or(i64::MIN));
    let mut events = 0;
    match part {
        "events" => events = check_records(database, first, last, &mut findings).await?,
        "journal" => check_entries(database, first, last, &mut findings).await?,
        _ => {}
    }
    let next = VerifyCursor::next(PARTS, part, rows, key);
    Ok(VerifyPage { events, rows, findings, next, ..VerifyPage::default() })
}

/// One page of one part, as the database checks it.
pub(crate) async fn check_part(
    database: &Database,
    part: &str,
    key: &[String],
    up_to: Position,
) -> Result<CheckedPart, Error> {
    let key = (!key.is_empty()).then_some(key);
    let query = || {
        let query = database.sql.verify_page.query().bind(part).bind(key);
        query.bind(to_i64(up_to)).bind(VerifyPage::MAX_ROWS.cast_signed())
    };
    let rows = database.fetch_all(query).await.map_err(|error| failed(database, error))?;
    let mut checked = CheckedPart { rows: 0, findings: Vec::new(), key: Vec::new() };
    for row in &rows {
        add(row, &mut checked).map_err(|error| failed(database, error))?;
    }
    Ok(checked)
}

fn failed(database: &Database, error: sqlx::Error) -> Error {
    crate::error::failed(database.operation("verify"), error)
}

fn add(row: &PgRow, checked: &mut CheckedPart) -> Result<(), sqlx::Error> {
    let kind: &str = row.try_get("kind")?;
    let Some(kind) = FindingKind::from_name(kind) else {
        checked.rows = row.try_get::<i64, _>("checked")?.unsigned_abs();
        checked.key = row.try_get::<Option<_>, _>("last_key")?.unwrap_or_default();
        return Ok(());
    };
    checked.findings.push(Finding {
        kind,
        position: row.try_get::<Option<i64>, _>("position")?.map(from_i64),
        place: row.try_get("place")?,
        problem: row.try_get("problem")?,
    });
    Ok(())
}

/// Reads the events in `(after, last]` one by one and adds a finding for each that cannot be read and has none yet. Returns their
/// number.
async fn check_records(
    database: &Database,
    after: i64,
    last: i64,
    findings: &mut Vec<Finding>,
) -> Result<u64, Error> {
    let is_event = |finding: &&Finding| finding.kind == FindingKind::Event;
    let known: HashSet<Option<Position>> =
        findings.iter().filter(is_event).map(|finding| finding.position).collect();
    let mut events = 0;
    let mut held = HeldConnection::None;
    let query = || database.sql.verify_records.query().bind(after).bind(last);
    let read = database.for_each_row(&mut held, query, |row| {
        events += 1;
        let position = from_i64(row.try_get(0).unwrap_or(0));
        let finding = match record(&row) {
            Ok(record) => Finding::of_record(&record),
            Err(error) => Some(Finding::at(FindingKind::Event, position, reason(error))),
        };
        findings.extend(finding.filter(|finding| !known.contains(&finding.position)));
        Ok(())
    });
    read.await.map_err(|error| failed(database, error))??;
    Ok(events)
}

/// Reads the journal entries in `(after, last]` one by one and adds a finding for each that cannot be read and has none yet.
async fn check_entries(
    database: &Database,
    after: i64,
    last: i64,
    findings: &mut Vec<Finding>,
) -> Result<(), Error> {
    let known: HashSet<String> = findings.iter().map(|finding| finding.place.clone()).collect();
    let mut held = HeldConnection::None;
    let query =
        || database.sql.journal.query().bind(after).bind(VerifyPage::MAX_ROWS.cast_signed()).bind(i64::MAX);
    let read = database.for_each_row(&mut held, query, |row| {
        let number: i64 = row.try_get("number").unwrap_or(0);
        let finding = match entry(&row) {
            Ok(Entry { number, body, .. }) => Finding::of_journaled(number, &body),
            Err(error) => {
                Some(Finding::of(FindingKind::Journal, format!("journal entry {number}"), reason(error)))
            }
        };
        let is_new = |finding: &Finding| number <= last && !known.contains(&finding.place);
        findings.extend(finding.filter(is_new));
        Ok(())
    });
    read.await.map_err(|error| failed(database, error))?
}

/// What is wrong, without the position, which the finding has.
fn reason(error: Error) -> String {
    match error {
        Error::Invalid(Invalid::Damaged { reason, .. }) => reason,
        error => error.to_string(),
    }
}
