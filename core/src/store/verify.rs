//! The verification of a store that has nothing but its feed to be checked.

use super::{EventStore, Read};
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
    let limit = usize::try_from(VerifyPage::MAX_ROWS).unwrap_or(usize::MAX);
    let mut page = VerifyPage::default();
    let end = match store.feed(&Criteria::all(), start, limit).await {
        Ok(feed) => {
            check(start, up_to, &feed.records, &mut page);
            feed.up_to
        }
        Err(Error::Invalid(invalid)) => damaged(store, start, invalid, &mut page).await?,
        Err(error) => return Err(error),
    };
    if end > start && end < up_to {
        page.next = Some(VerifyCursor { part: PART, key: vec![end.to_string()] });
    }
    Ok(page)
}

/// Checks the records before the first one that cannot be read. Returns its position.
async fn damaged<S: EventStore + ?Sized>(
    store: &S,
    start: Position,
    mut invalid: Invalid,
    page: &mut VerifyPage,
) -> Result<Position, Error> {
    let mut first = None;
    loop {
        let is_earlier =
            |position: &Position| *position > start && first.is_none_or(|first| *position < first);
        let Some(position) = invalid.position().filter(is_earlier) else { break };
        first = Some(position);
        let before = Position::new(position.get() - 1);
        match store.read(&[Read::all(Criteria::all()).after(start).up_to(before)]).await {
            Ok(batches) => {
                batches.iter().for_each(|batch| check(start, before, &batch.records, page));
                break;
            }
            Err(Error::Invalid(other)) => invalid = other,
            Err(error) => return Err(error),
        }
    }
    let Some(position) = first else {
        let place = format!("after position {start}");
        page.findings.push(Finding::of(FindingKind::Event, place, invalid.to_string()));
        return Ok(start);
    };
    page.findings.push(Finding::at(FindingKind::Event, position, format!("it cannot be read: {invalid}")));
    (page.events, page.rows) = (page.events + 1, page.rows + 1);
    Ok(position)
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
