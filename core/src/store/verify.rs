//! The verification of a store that has nothing but its feed to be checked.

use super::{EventStore, PageLimit};
use crate::{
    criteria::Criteria,
    error::{Error, Invalid},
    finding::{Finding, FindingKind, VerifyCursor, VerifyPage},
    record::{Position, Record},
};

const PART: &str = "feed";

/// [`EventStore::verify`] with pages of the feed.
pub(super) async fn verify_feed<S: EventStore + ?Sized>(
    store: &S,
    up_to: Position,
    after: &VerifyCursor,
) -> Result<VerifyPage, Error> {
    let start = after.key.first().and_then(|key| key.parse().ok()).map_or(Position::START, Position::new);
    let records = usize::try_from(VerifyPage::MAX_ROWS).unwrap_or(usize::MAX);
    let mut limit = PageLimit { records, ..PageLimit::CHUNK };
    let mut page = VerifyPage::default();
    let end = loop {
        match store.feed(&Criteria::all(), start, limit).await {
            Ok(feed) => {
                check(start, up_to, &feed.records, &mut page);
                break feed.up_to;
            }
            // A damaged record fails the page that it is on: smaller pages lead up to it.
            Err(Error::Invalid(_)) if limit.records > 1 => limit.records /= 2,
            Err(Error::Invalid(invalid)) => break damaged(start, &invalid, &mut page),
            Err(error) => return Err(error),
        }
    };
    if end > start && end < up_to {
        page.next = Some(VerifyCursor { part: PART, key: vec![end.to_string()] });
    }
    Ok(page)
}

/// Adds the next record, which cannot be read. Returns its position.
fn damaged(start: Position, invalid: &Invalid, page: &mut VerifyPage) -> Position {
    let Some(position) = invalid.position().filter(|position| *position > start) else {
        let place = format!("after position {start}");
        page.findings.push(Finding::of(FindingKind::Event, place, invalid.to_string()));
        return start;
    };
    page.findings.push(Finding::at(FindingKind::Event, position, format!("it cannot be read: {invalid}")));
    (page.events, page.rows) = (page.events + 1, page.rows + 1);
    position
}

/// Checks the settled records after a position.
fn check(start: Position, up_to: Position, records: &[Record], page: &mut VerifyPage) {
    let mut last = start;
    for record in records.iter().take_while(|record| record.position <= up_to) {
        if record.position <= last {
            let problem = format!("the feed returns it after the event at position {last}");
            page.findings.push(Finding::at(FindingKind::Event, record.position, problem));
        }
        page.findings.extend(Finding::of_record(record));
        (page.events, page.rows) = (page.events + 1, page.rows + 1);
        last = record.position;
    }
}
