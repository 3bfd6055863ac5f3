//! Feeds without concurrent appends: order, pages and continuation.

use annalist_core::{
    criteria::Criteria,
    record::{Position, Record},
    store::PageLimit,
};

use crate::{
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log},
};

cases!("feeds": [
    pages_of_every_size_return_the_same_events,
    full_page_ends_at_its_last_record,
    partial_page_ends_at_the_settled_position,
    page_with_limit_zero_does_not_advance,
    filter_without_matches_advances,
    feed_continues_after_any_position,
    feed_resumes_after_interruptions,
    refused_appends_leave_no_gap_in_the_feed,
    every_handle_returns_the_same_feed,
] durable [feed_continues_after_reopen]);

/// Appends about 50 random events, several in each append, and returns the log.
async fn append_random(log: &Log) -> Outcome<Vec<Record>> {
    let mut random = log.random("feeds");
    for _ in 0..20 {
        let events: Vec<_> = (0..random.usize(1..5)).map(|_| random_event(&mut random)).collect();
        log.expect_accepted(append(events)).await?;
    }
    log.read_all().await
}

pub(super) fn filters() -> [Criteria; 5] {
    let several =
        Criteria::from(item(&["type1", "type2"], &["a:1"])).or(item(&["type3"], &[])).or(item(&[], &["b:0"]));
    [
        Criteria::all(),
        criteria_for(&["type1", "type4"], &[]),
        criteria_for(&[], &["a:1"]),
        several,
        criteria_for(&["type9"], &[]),
    ]
}

pub(super) fn matching(all: &[Record], filter: &Criteria) -> Vec<Record> {
    all.iter().filter(|record| filter.matches(&record.name, &record.tags)).cloned().collect()
}

fn end(all: &[Record]) -> Position {
    all[all.len() - 1].position
}

async fn pages_of_every_size_return_the_same_events(log: Log) -> Outcome {
    let all = append_random(&log).await?;
    for filter in filters() {
        for limit in [1, 2, 7, 50, 1_000, usize::MAX] {
            let fed = log.feed_until(&filter, Position::START, limit, end(&all)).await?;
            ensure!(
                fed == matching(&all, &filter),
                "the feed of {filter:?} in pages of {limit} must return every matching event, but returned {:?}",
                positions_of(&fed)
            );
        }
    }
    Ok(())
}

async fn full_page_ends_at_its_last_record(log: Log) -> Outcome {
    let all = append_random(&log).await?;
    log.wait_until_settled(end(&all)).await?;
    for filter in filters() {
        let expected = matching(&all, &filter);
        for limit in 1..=expected.len() {
            let page = log.feed_page(&filter, Position::START, limit).await?;
            ensure_eq!(
                positions_of(&page.records),
                positions_of(&expected[..limit]),
                "positions in the first page with limit {limit} of {filter:?}"
            );
            ensure_eq!(page.up_to, expected[limit - 1].position, "end of a full page with limit {limit}");
        }
    }
    Ok(())
}

async fn partial_page_ends_at_the_settled_position(log: Log) -> Outcome {
    let all = append_random(&log).await?;
    log.wait_until_settled(end(&all)).await?;
    for filter in filters() {
        for after in [Position::START, all[3].position, end(&all)] {
            let page = log.feed_page(&filter, after, 1_000).await?;
            ensure!(
                page.up_to >= end(&all),
                "a partial page must end at the end of the log or after it, but ends at {}, and the log at {}",
                page.up_to,
                end(&all)
            );
            ensure!(
                page.up_to <= log.settled().await?.position,
                "a page must not end after the settled position"
            );
        }
    }
    Ok(())
}

async fn page_with_limit_zero_does_not_advance(log: Log) -> Outcome {
    let all = append_random(&log).await?;
    log.wait_until_settled(end(&all)).await?;
    for after in [Position::START, all[10].position] {
        let page = log.feed_page(&Criteria::all(), after, 0).await?;
        ensure_eq!((page.records, page.up_to), (vec![], after), "records and end of a page with limit 0");
    }
    Ok(())
}

async fn filter_without_matches_advances(log: Log) -> Outcome {
    let mut at = Position::START;
    for filter in [Criteria::none(), criteria_for(&["type9"], &[])] {
        for _ in 0..3 {
            let last = log.expect_accepted(append([event("a", &["x:1"])])).await?.position();
            let fed = log.feed_until(&filter, at, 5, last).await?;
            ensure_eq!(fed, [], "feed of a filter without matches");
            at = last;
        }
    }
    Ok(())
}

async fn feed_continues_after_any_position(log: Log) -> Outcome {
    let all = append_random(&log).await?;
    for filter in filters() {
        for (index, record) in all.iter().enumerate() {
            let fed = log.feed_until(&filter, record.position, 7, end(&all)).await?;
            ensure_eq!(
                positions_of(&fed),
                positions_of(&matching(&all[index + 1..], &filter)),
                "positions in the feed of {filter:?} after {}",
                record.position
            );
        }
    }
    // A position that the log has not reached.
    let beyond = Position::new(end(&all).get() + 1_000);
    ensure_eq!(
        log.feed(&Criteria::all(), beyond, PageLimit::records(10)).await?.records,
        [],
        "records after a position that the log has not reached"
    );
    ensure_eq!(
        log.feed(&Criteria::all(), Position::END, PageLimit::records(10)).await?.records,
        [],
        "records after the maximum position"
    );
    Ok(())
}

async fn feed_resumes_after_interruptions(log: Log) -> Outcome {
    let all = append_random(&log).await?;
    let mut random = log.random("restarts");
    for round in 0..log.rounds(6) {
        let filter = filters()[round % 5].clone();
        let (mut saved, mut fed) = (Position::START, vec![]);
        let mut handle = (*log).clone();
        while saved < end(&all) {
            let page = handle.feed_page(&filter, saved, random.usize(1..8)).await?;
            match random.u8(0..4) {
                // Interrupted before the page was processed: it is read again.
                0 => handle = log.open_handle().await?,
                // Interrupted in the middle of a page whose position is saved after each record.
                1 if !page.records.is_empty() => {
                    let processed = random.usize(1..=page.records.len());
                    saved = page.records[processed - 1].position;
                    fed.extend_from_slice(&page.records[..processed]);
                }
                _ => {
                    saved = page.up_to;
                    fed.extend(page.records);
                }
            }
        }
        ensure_eq!(
            positions_of(&fed),
            positions_of(&matching(&all, &filter)),
            "positions in the feed of {filter:?} with interruptions"
        );
    }
    Ok(())
}

async fn refused_appends_leave_no_gap_in_the_feed(log: Log) -> Outcome {
    let mut accepted = vec![];
    let mut saved = Position::START;
    for round in 0..20 {
        let request = append((0..=round % 3).map(|_| event("a", &["x:1"])));
        accepted.extend(positions(&log.expect_accepted(request.clone()).await?));
        log.expect_conflict(
            request.if_unchanged(criteria_for(&[], &["x:1"]), annalist_core::store::Marker::START),
        )
        .await?;
        let fed = log.feed_until(&Criteria::all(), saved, 2, accepted[accepted.len() - 1]).await?;
        let new = accepted.iter().copied().filter(|position| *position > saved).collect::<Vec<_>>();
        ensure_eq!(positions_of(&fed), new, "positions of the new events in the feed");
        saved = accepted[accepted.len() - 1];
    }
    Ok(())
}

async fn every_handle_returns_the_same_feed(log: Log) -> Outcome {
    let all = append_random(&log).await?;
    let handles: Vec<Handle> = log.handles(3).await?;
    for handle in handles {
        for filter in filters() {
            let fed = handle.feed_until(&filter, Position::START, 7, end(&all)).await?;
            ensure_eq!(
                positions_of(&fed),
                positions_of(&matching(&all, &filter)),
                "positions in the feed of {filter:?} through another handle"
            );
        }
    }
    Ok(())
}

async fn feed_continues_after_reopen(log: Log) -> Outcome {
    let all = append_random(&log).await?;
    let page = log.feed_page(&Criteria::all(), Position::START, 5).await?;
    log.wait_until_settled(end(&all)).await?;
    let settled = log.settled().await?.position;
    let log = log.reopened().await?;
    log.wait_until_settled(settled).await?;
    let fed = log.feed_until(&Criteria::all(), page.up_to, 7, end(&all)).await?;
    ensure_eq!(
        positions_of(&[page.records, fed].concat()),
        positions_of(&all),
        "positions in the feed before and after the log was reopened"
    );
    let next = log.expect_accepted(append([event("a", &[])])).await?.position();
    let fed = log.feed_until(&Criteria::all(), end(&all), 7, next).await?;
    ensure_eq!(positions_of(&fed), [next], "positions of the new events after the log was reopened");
    Ok(())
}
