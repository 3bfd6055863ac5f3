use std::collections::VecDeque;

use super::*;
use crate::{
    payload::Payload,
    record::{Draft, Position},
    store::{RemovedEvents, RewriteState, RewriteTarget},
};

const AT: Timestamp = Timestamp::from_micros(9);

/// An archive whose events have left the log.
fn complete(number: u64, events: u64, shared_with: &[u64]) -> Archive {
    Archive {
        number,
        ids: Vec::new(),
        state: ArchiveState::Complete,
        up_to: Position::new(7),
        file: "f".to_owned(),
        actor: None,
        closed_at: Timestamp::from_micros(5),
        removed: Some(RemovedEvents {
            events,
            shared_with: shared_with.to_vec(),
            ..RemovedEvents::default()
        }),
        opened_at: None,
        version: 4,
        retags: 2,
    }
}

fn closing() -> Archive {
    Archive { state: ArchiveState::Closing, removed: None, version: 0, ..complete(1, 0, &[]) }
}

fn record(name: &'static str) -> Record {
    let draft = Draft::new(name, 1, [], Payload::parse("{}").unwrap()).unwrap();
    draft.record(Position::new(1), Timestamp::from_micros(1), std::sync::Arc::default())
}

/// A list with a rewrite of this version.
fn rewritten(version: u64) -> Successors {
    let rewrite = Rewrite {
        name: "paid".to_owned(),
        target: RewriteTarget::Tags { kind: "order".to_owned() },
        state: RewriteState::Complete,
        up_to: Position::START,
        events: 0,
        changed: 0,
        actor: None,
        started_at: Timestamp::from_micros(1),
        updated_at: Timestamp::from_micros(1),
        version,
    };
    Successors::new(version, Vec::new()).with_rewrites(vec![rewrite])
}

struct Pages(VecDeque<Result<Vec<Record>, Error>>);

#[async_trait]
impl ArchivedEvents for Pages {
    async fn next_page(&mut self) -> Result<Vec<Record>, Error> {
        self.0.pop_front().unwrap_or(Ok(Vec::new()))
    }
}

fn begin(stored: &[Archive], list: &Successors) -> Result<Restore, Error> {
    let step = RestoreStep { number: 1, events: Box::new(Vec::new()), at: AT };
    Restore::begin(&step, stored, list, "log")
}

/// Restores an archive in a log where all events but `missing` find their tombstones. Pages are separated by spaces, names by commas.
async fn restore(archive: Archive, pages: &'static str, missing: u64) -> Result<Archive, Error> {
    let mut restore = begin(&[archive], &rewritten(3))?;
    let pages = pages.split_whitespace().map(|names| Ok(names.split(',').map(record).collect()));
    let mut events = Pages(pages.collect());
    while let Some(page) = restore.next_page(&mut events).await? {
        restore.add_returned(page.len() as u64);
    }
    restore.returned -= missing;
    restore.finish()
}

#[tokio::test]
async fn all_events_return_in_any_number_of_pages() {
    for pages in ["a,b,c", "a b,c", "a b c"] {
        let opened = restore(complete(1, 3, &[]), pages, 0).await.unwrap();
        assert_eq!((opened.state, opened.opened_at), (ArchiveState::Opened, Some(AT)));
        assert!(opened.version > 4);
        assert!(restore(complete(1, 3, &[]), pages, 1).await.is_err(), "a tombstone is missing");
    }
    let opened = restore(closing(), "", 0).await.unwrap();
    assert_eq!((opened.state, opened.version), (ArchiveState::Opened, 0), "no event has left");
}

#[tokio::test]
async fn other_number_of_events_is_refused() {
    for pages in ["", "a", "a,b,c", "a,b c"] {
        let error = restore(complete(1, 2, &[]), pages, 0).await.unwrap_err();
        assert!(error.to_string().contains("archive 1 has 2 events"), "{error}");
    }
    assert!(restore(closing(), "a", 0).await.is_err());
}

#[tokio::test]
async fn error_of_the_source_is_that_of_the_restore() {
    let mut restore = begin(&[complete(1, 2, &[])], &Successors::default()).unwrap();
    let failure = Error::unavailable("read", "the disk is gone");
    let mut events = Pages([Ok(vec![record("a")]), Err(failure)].into());
    assert_eq!(restore.next_page(&mut events).await.unwrap().unwrap().len(), 1);
    assert!(restore.next_page(&mut events).await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn events_that_a_later_pass_would_have_rewritten_are_refused() {
    // In any page.
    for pages in ["paid,a", "a paid"] {
        let error = restore(complete(1, 2, &[]), pages, 0).await.unwrap_err();
        assert!(error.to_string().contains("would lack that"), "{error}");
        let earlier = Archive { retags: 3, ..complete(1, 2, &[]) };
        restore(earlier, pages, 0).await.unwrap();
    }
}

#[test]
fn archives_that_share_events_are_opened_first() {
    let none = Successors::default();
    let stored = [complete(1, 1, &[]), complete(2, 1, &[1])];
    let error = begin(&stored, &none).unwrap_err();
    assert!(error.to_string().contains("open that one first"), "{error}");
    let opened = Archive { state: ArchiveState::Opened, ..complete(2, 1, &[1]) };
    assert!(begin(&[complete(1, 1, &[]), opened.clone()], &none).unwrap().is_change());
    // What is open already stays as it is, whatever came later.
    let restore = begin(&[Archive { number: 1, ..opened.clone() }, complete(2, 1, &[1])], &none).unwrap();
    assert!(!restore.is_change());
    assert_eq!(restore.archive(), &Archive { number: 1, ..opened });
    assert!(begin(&[], &none).is_err());
}
