//! Pages that a handle returns without asking its database. A handle need not have any; each that it has is a page of the feed.

use std::sync::Arc;

use annalist_core::{
    criteria::Criteria,
    record::{Metadata, Position, Record},
    store::{Append, FeedPage, KnownSuccessors, PageLimit},
};

use super::feeds::{filters, matching};
use crate::{
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log},
};

cases!("recent_pages": [recent_pages_have_every_event_of_the_feed]);

/// Two handles append in turns, so that the events of one of them are interrupted by those of the other.
async fn recent_pages_have_every_event_of_the_feed(log: Log) -> Outcome {
    let handles: Vec<Handle> = log.handles(2).await?;
    let version = log.successors().await?.version;
    let mut random = log.random("recent pages");
    for _ in 0..log.rounds(30) {
        let limit = PageLimit::records(random.usize(1..6));
        let events: Vec<_> = (0..random.usize(1..4)).map(|_| random_event(&mut random)).collect();
        let mut metadata = Metadata::default();
        metadata.actor = Some(name("ann"));
        let request = Append {
            metadata: Arc::new(metadata),
            // Appends on behalf of a command, or by hand.
            successors: random.bool().then(|| KnownSuccessors { version, added: vec![] }),
            ..append(events)
        };
        handles[usize::from(random.u8(0..4) == 0)].expect_accepted(request).await?;
        let all = log.read_all().await?;
        for (handle, filter) in handles.iter().flat_map(|handle| filters().map(|filter| (handle, filter))) {
            let after = match random.u8(0..8) {
                0 => Position::START,
                back => all[all.len().saturating_sub(usize::from(back) + 1)].position,
            };
            if let Some(page) = handle.recent_page(&filter, after, limit).await? {
                check(&page, &all, &filter, after, limit)?;
                ensure_eq!(page.successors, version, "version of the list of successors");
            }
        }
    }
    Ok(())
}

fn check(page: &FeedPage, all: &[Record], filter: &Criteria, after: Position, limit: PageLimit) -> Outcome {
    let end = all.last().map(|record| record.position).unwrap_or_default();
    ensure!(
        after < page.up_to && page.up_to <= end,
        "a recent page after {after} must end after its beginning and not after the log, which ends at {end}, but ends at {}",
        page.up_to
    );
    let is_inside = |record: &&Record| record.position > after && record.position <= page.up_to;
    let inside: Vec<Record> = all.iter().filter(is_inside).cloned().collect();
    ensure_eq!(
        page.records,
        matching(&inside, filter),
        "records of a recent page after {after} of {filter:?}"
    );
    ensure_eq!(page.is_full, page.records.len() == limit.records, "whether a recent page is full");
    Ok(())
}
