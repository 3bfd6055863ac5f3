//! The verification of a whole log and of the rows that depend on it.

use std::fmt;

use crate::{
    criteria::Criteria,
    error::Error,
    finding::{EventReference, Finding, FindingKind, VerifyCursor, VerifyPage},
    record::Position,
    rows::SharedRows,
    store::{Batch, EventStore, Read, Rewrite},
};

/// How many findings a [`VerifyReport`] holds.
pub const MAX_FINDINGS: usize = 1000;

/// How many references are looked up in one read, which returns whole events.
const REFERENCES_PER_READ: usize = 8;

/// The result of [`App::verify`](crate::app::App::verify).
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let report = app.verify().await?;
/// assert!(report.is_sound());
/// assert_eq!(report.to_string(), "log in memory: 6 events up to position 6 checked, no findings");
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The kind and the location of the store.
    pub log: String,
    /// The high-water mark at the start: events after it were not checked.
    pub up_to: Position,
    /// How many events were checked.
    pub events: u64,
    /// The first findings, at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// The number of all findings.
    pub total: u64,
}

impl VerifyReport {
    /// Returns `true` if there are no findings.
    pub fn is_sound(&self) -> bool {
        self.total == 0
    }

    fn add(&mut self, finding: Finding) {
        self.total += 1;
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

/// One line for the log, and one for each finding.
impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, up_to, events, findings, total } = self;
        write!(f, "{log}: {events} events up to position {up_to} checked, ")?;
        match total {
            0 => f.write_str("no findings")?,
            total => write!(f, "findings: {total}")?,
        }
        for finding in findings {
            write!(f, "\n{finding}")?;
        }
        let left_out = total.saturating_sub(findings.len() as u64);
        if left_out > 0 {
            write!(f, "\nand {left_out} more")?;
        }
        Ok(())
    }
}

/// Checks a log and row stores, page by page. Appends and followers may run meanwhile.
///
/// # Errors
/// [`Error`] if a store cannot answer. Damaged data is a finding, never an error.
pub async fn verify(store: &dyn EventStore, rows: &[SharedRows]) -> Result<VerifyReport, Error> {
    let up_to = store.settled().await?.position;
    let mut report = VerifyReport { log: store.describe(), up_to, ..VerifyReport::default() };
    let mut cursor = Some(VerifyCursor::default());
    while let Some(after) = cursor {
        let VerifyPage { events, findings, next, .. } = store.verify(up_to, &after).await?;
        report.events += events;
        findings.into_iter().for_each(|finding| report.add(finding));
        cursor = next;
    }
    match store.successors().await {
        Ok(list) => list.rewrites().iter().filter_map(Rewrite::unencrypted).for_each(|one| report.add(one)),
        // The store has found a successor that is not valid.
        Err(Error::Invalid(_)) => {}
        Err(error @ Error::Unusable { .. }) => {
            let (place, problem) = ("the list of successors and passes".to_owned(), error.to_string());
            report.add(Finding::of(FindingKind::Successor, place, problem));
        }
        Err(error) => return Err(error),
    }
    for rows in rows {
        verify_rows(store, rows, &mut report).await?;
    }
    Ok(report)
}

async fn verify_rows(
    store: &dyn EventStore,
    rows: &SharedRows,
    report: &mut VerifyReport,
) -> Result<(), Error> {
    let described = rows.describe_rows();
    let mut add = |finding: Finding| {
        let place = format!("{} ({described})", finding.place);
        let finding = Finding { place, ..finding };
        // Two projections may have handles of their own to one row store.
        if !report.findings.contains(&finding) {
            report.add(finding);
        }
    };
    let mut cursor = Some(VerifyCursor::default());
    while let Some(after) = cursor {
        let VerifyPage { findings, mut references, next, .. } = rows.verify_rows(&after).await?;
        findings.into_iter().for_each(&mut add);
        references.retain(|reference| reference.log == store.log_id());
        // Read after the references: every position that a follower has passed is settled by now.
        let end = store.settled().await?.position;
        for references in references.chunks(REFERENCES_PER_READ) {
            check_references(store, end, references).await?.into_iter().for_each(&mut add);
        }
        cursor = next;
    }
    Ok(())
}

/// Returns the references to positions and events that are not in the log.
async fn check_references(
    store: &dyn EventStore,
    end: Position,
    references: &[EventReference],
) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for reference in references.iter().filter(|reference| reference.position > end) {
        let problem = format!("it refers to position {}, and the log ends at {end}", reference.position);
        findings.push(Finding::of(reference.kind, &reference.place, problem));
    }
    let to_events: Vec<&EventReference> = references
        .iter()
        .filter(|reference| reference.event.is_some() && reference.position <= end)
        .collect();
    let reads: Vec<Read> = to_events.iter().map(|reference| read_of(reference)).collect();
    match store.read(&reads).await {
        Ok(batches) => {
            for (reference, batch) in to_events.iter().zip(&batches) {
                findings.extend(difference(reference, found_at(store, reference, batch).await?));
            }
        }
        // One of the records is damaged, which the verification of the log reports: the others are read one by one.
        Err(Error::Invalid(_)) => {
            for reference in to_events {
                match store.read(&[read_of(reference)]).await {
                    Ok(batches) => {
                        for batch in &batches {
                            findings.extend(difference(reference, found_at(store, reference, batch).await?));
                        }
                    }
                    Err(Error::Invalid(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Err(error) => return Err(error),
    }
    Ok(findings)
}

/// The id of the event that a read of a reference has found, or of the archived event that was there.
async fn found_at(
    store: &dyn EventStore,
    reference: &EventReference,
    batch: &Batch,
) -> Result<Option<uuid::Uuid>, Error> {
    match batch.records.first() {
        Some(record) => Ok(Some(record.id)),
        None => Ok(store.event_at(reference.position).await?.map(|event| event.id)),
    }
}

/// A read of the event at the position of a reference.
fn read_of(reference: &EventReference) -> Read {
    let before = Position::new(reference.position.get().saturating_sub(1));
    Read::all(Criteria::all()).after(before).up_to(reference.position)
}

fn difference(reference: &EventReference, found: Option<uuid::Uuid>) -> Option<Finding> {
    let EventReference { kind, place, position, event, .. } = reference;
    let event = event.filter(|event| Some(*event) != found)?;
    let problem = match found {
        Some(found) => {
            format!("it refers to event {event} at position {position}, where the log has event {found}")
        }
        None => format!("it refers to event {event} at position {position}, where the log has no event"),
    };
    Some(Finding::of(*kind, place, problem))
}
