//! Feeds of a log at rest: order, pages, continuation.

use annalist_core::{
    criteria::Criteria,
    record::{Position, Record},
};

use crate::{
    failure::Outcome,
    given::*,
    log::{Handle, Log},
};

cases!("feed": [
    pages_of_every_size_give_the_same,
    a_full_page_ends_at_its_last_record,
    a_page_that_is_not_full_ends_where_the_log_is_settled,
    a_page_of_nothing_skips_nothing,
    a_filter_that_never_matches_moves_on,
    it_goes_on_behind_any_position,
    it_starts_again_wherever_it_was_stopped,
    it_passes_refused_appends,
    every_handle_feeds_the_same,
] durable [it_goes_on_after_a_restart]);

/// 50 events of random types and tags in appends of several; gives the log in order.
async fn written(log: &Log) -> Outcome<Vec<Record>> {
    let mut random = log.random("feeds");
    for _ in 0..20 {
        let events: Vec<_> = (0..random.usize(1..5)).map(|_| random_event(&mut random)).collect();
        log.accepted(append(events)).await?;
    }
    log.everything().await
}

fn filters() -> [Criteria; 5] {
    let several =
        Criteria::from(item(&["type1", "type2"], &["a:1"])).or(item(&["type3"], &[])).or(item(&[], &["b:0"]));
    [Criteria::all(), of(&["type1", "type4"], &[]), of(&[], &["a:1"]), several, of(&["type9"], &[])]
}

fn matching(all: &[Record], filter: &Criteria) -> Vec<Record> {
    all.iter().filter(|record| filter.matches(&record.name, &record.tags)).cloned().collect()
}

fn end(all: &[Record]) -> Position {
    all[all.len() - 1].position
}

async fn pages_of_every_size_give_the_same(log: Log) -> Outcome {
    let all = written(&log).await?;
    for filter in filters() {
        for limit in [1, 2, 7, 50, 1_000, usize::MAX] {
            let fed = log.drain(&filter, Position::START, limit, end(&all)).await?;
            ensure!(
                fed == matching(&all, &filter),
                "the feed of {filter:?} in pages of {limit} gives {:?}",
                places(&fed)
            );
        }
    }
    Ok(())
}

async fn a_full_page_ends_at_its_last_record(log: Log) -> Outcome {
    let all = written(&log).await?;
    log.settle(end(&all)).await?;
    for filter in filters() {
        let wanted = matching(&all, &filter);
        for limit in 1..=wanted.len() {
            let page = log.page(&filter, Position::START, limit).await?;
            ensure_eq!(
                places(&page.records),
                places(&wanted[..limit]),
                "the first page of {limit} of {filter:?}"
            );
            ensure_eq!(page.up_to, wanted[limit - 1].position, "where a full page of {limit} ends");
        }
    }
    Ok(())
}

async fn a_page_that_is_not_full_ends_where_the_log_is_settled(log: Log) -> Outcome {
    let all = written(&log).await?;
    log.settle(end(&all)).await?;
    for filter in filters() {
        for after in [Position::START, all[3].position, end(&all)] {
            let page = log.page(&filter, after, 1_000).await?;
            ensure!(
                page.up_to >= end(&all),
                "a page that is not full ends at {}, the log at {}",
                page.up_to,
                end(&all)
            );
            ensure!(page.up_to <= log.settled().await?.position, "a page ends behind what is settled");
        }
    }
    Ok(())
}

async fn a_page_of_nothing_skips_nothing(log: Log) -> Outcome {
    let all = written(&log).await?;
    log.settle(end(&all)).await?;
    for after in [Position::START, all[10].position] {
        let page = log.page(&Criteria::all(), after, 0).await?;
        ensure_eq!((page.records, page.up_to), (vec![], after), "a page of at most no records");
    }
    Ok(())
}

async fn a_filter_that_never_matches_moves_on(log: Log) -> Outcome {
    let mut at = Position::START;
    for filter in [Criteria::none(), of(&["type9"], &[])] {
        for _ in 0..3 {
            let last = log.accepted(append([event("a", &["x:1"])])).await?.position();
            let fed = log.drain(&filter, at, 5, last).await?;
            ensure_eq!(fed, [], "the feed of a filter that never matches");
            at = last;
        }
    }
    Ok(())
}

async fn it_goes_on_behind_any_position(log: Log) -> Outcome {
    let all = written(&log).await?;
    for filter in filters() {
        for (index, record) in all.iter().enumerate() {
            let fed = log.drain(&filter, record.position, 7, end(&all)).await?;
            ensure_eq!(
                places(&fed),
                places(&matching(&all[index + 1..], &filter)),
                "{filter:?} behind {}",
                record.position
            );
        }
    }
    // A position that the log has not reached: there is nothing to give yet.
    let beyond = Position::new(end(&all).get() + 1_000);
    ensure_eq!(
        log.feed(&Criteria::all(), beyond, 10).await?.records,
        [],
        "records behind a position still to come"
    );
    ensure_eq!(
        log.feed(&Criteria::all(), Position::END, 10).await?.records,
        [],
        "records behind the last position"
    );
    Ok(())
}

async fn it_starts_again_wherever_it_was_stopped(log: Log) -> Outcome {
    let all = written(&log).await?;
    let mut random = log.random("restarts");
    for round in 0..log.rounds(6) {
        let filter = filters()[round % 5].clone();
        let (mut saved, mut fed) = (Position::START, vec![]);
        let mut handle = (*log).clone();
        while saved < end(&all) {
            let page = handle.page(&filter, saved, random.usize(1..8)).await?;
            match random.u8(0..4) {
                // Stopped before the page was worked off: it comes again.
                0 => handle = log.reopen().await?,
                // Stopped in the middle of the page, which is saved after each record.
                1 if !page.records.is_empty() => {
                    let kept = random.usize(1..=page.records.len());
                    saved = page.records[kept - 1].position;
                    fed.extend_from_slice(&page.records[..kept]);
                }
                _ => {
                    saved = page.up_to;
                    fed.extend(page.records);
                }
            }
        }
        ensure_eq!(places(&fed), places(&matching(&all, &filter)), "{filter:?} with restarts");
    }
    Ok(())
}

async fn it_passes_refused_appends(log: Log) -> Outcome {
    let mut accepted = vec![];
    let mut saved = Position::START;
    for round in 0..20 {
        let sent = append((0..=round % 3).map(|_| event("a", &["x:1"])));
        accepted.extend(positions(&log.accepted(sent.clone()).await?));
        log.conflict(sent.under(of(&[], &["x:1"]), annalist_core::store::Marker::START)).await?;
        let fed = log.drain(&Criteria::all(), saved, 2, accepted[accepted.len() - 1]).await?;
        let new = accepted.iter().copied().filter(|position| *position > saved).collect::<Vec<_>>();
        ensure_eq!(places(&fed), new, "what is new in the feed");
        saved = accepted[accepted.len() - 1];
    }
    Ok(())
}

async fn every_handle_feeds_the_same(log: Log) -> Outcome {
    let all = written(&log).await?;
    let handles: Vec<Handle> = log.handles(3).await?;
    for handle in handles {
        for filter in filters() {
            let fed = handle.drain(&filter, Position::START, 7, end(&all)).await?;
            ensure_eq!(places(&fed), places(&matching(&all, &filter)), "{filter:?} through another handle");
        }
    }
    Ok(())
}

async fn it_goes_on_after_a_restart(log: Log) -> Outcome {
    let all = written(&log).await?;
    let page = log.page(&Criteria::all(), Position::START, 5).await?;
    log.settle(end(&all)).await?;
    let settled = log.settled().await?.position;
    let log = log.restarted().await?;
    log.settle(settled).await?;
    let fed = log.drain(&Criteria::all(), page.up_to, 7, end(&all)).await?;
    ensure_eq!(places(&[page.records, fed].concat()), places(&all), "the feed over a restart");
    let next = log.accepted(append([event("a", &[])])).await?.position();
    let fed = log.drain(&Criteria::all(), end(&all), 7, next).await?;
    ensure_eq!(places(&fed), [next], "what is new after a restart");
    Ok(())
}
