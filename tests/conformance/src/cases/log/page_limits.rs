//! Pages that are limited by bytes: where they end, and that the next ones lose and repeat nothing.

use annalist_core::{
    criteria::Criteria,
    record::{Draft, Position, Record},
    store::{Entry, FeedPage, PageLimit, Read},
};

use crate::{
    failure::Outcome,
    support::{fixtures::*, log::Log},
};

cases!("page_limits": [
    page_ends_before_the_record_that_exceeds_its_bytes,
    event_larger_than_the_limit_comes_alone,
    page_without_bytes_has_one_record,
    page_without_records_is_full_and_does_not_advance,
    page_of_the_journal_ends_before_the_entry_that_exceeds_its_bytes,
    chunks_of_large_events_have_few_of_them,
]);

/// Sizes of payloads in bytes: databases store small and large values in different ways.
const SIZES: [usize; 6] = [2, 300, 1_900, 9_000, 40_000, 150_000];

/// An event whose payload has a size: easy to compress, or not.
fn event_of_size(tag: &str, size: usize, random: Option<&mut fastrand::Rng>) -> Draft {
    let text: String = match random {
        Some(random) => (2..size).map(|_| random.alphanumeric()).collect(),
        None => "x".repeat(size - 2),
    };
    event_with("sized", &[tag], &format!("\"{text}\""))
}

/// Appends events of all sizes in a random order, each followed by one that no filter of these cases reads.
async fn append_sizes(log: &Log, rounds: usize) -> Outcome<Vec<Record>> {
    let mut random = log.random("page limits");
    for _ in 0..rounds {
        let mut sizes = SIZES;
        random.shuffle(&mut sizes);
        for size in sizes {
            let sized = event_of_size("a:1", size, random.bool().then_some(&mut random.clone()));
            log.expect_accepted(append([sized, event("other", &["b:1"])])).await?;
        }
    }
    let all = log.read_all().await?;
    log.wait_until_settled(all[all.len() - 1].position).await?;
    Ok(all)
}

fn filters() -> [Criteria; 3] {
    [Criteria::all(), criteria_for(&["sized"], &[]), criteria_for(&[], &["a:1"])]
}

fn matching<'a>(all: &'a [Record], filter: &Criteria, after: Position) -> Vec<&'a Record> {
    let is_later = |record: &&Record| record.position > after;
    all.iter().filter(is_later).filter(|record| filter.matches(&record.name, &record.tags)).collect()
}

fn size_of(record: &Record) -> usize {
    record.data.as_str().len()
}

/// The number of leading sizes that a page has.
fn count_that_fits(sizes: impl Iterator<Item = usize>, limit: PageLimit) -> usize {
    let mut sum = 0;
    let fits = |(index, size): &(usize, usize)| {
        sum += size;
        *index == 0 || sum <= limit.bytes
    };
    sizes.enumerate().take(limit.records).take_while(fits).count()
}

async fn page_ends_before_the_record_that_exceeds_its_bytes(log: Log) -> Outcome {
    let all = append_sizes(&log, 4).await?;
    let end = all[all.len() - 1].position;
    for filter in filters() {
        for (records, bytes) in [
            (1_000, 1_000),
            (1_000, 50_000),
            (1_000, 200_000),
            (5, 200_000),
            (1_000, 1 << 20),
            (20_000, 300_000),
        ] {
            let limit = PageLimit { records, bytes };
            let mut after = Position::START;
            while after < end {
                let rest = matching(&all, &filter, after);
                let count = count_that_fits(rest.iter().map(|record| size_of(record)), limit);
                let FeedPage { records, up_to, is_full, .. } =
                    log.limited_page(&filter, after, limit).await?;
                ensure_eq!(
                    positions_of(&records),
                    rest[..count].iter().map(|record| record.position).collect::<Vec<_>>(),
                    "positions in the page after {after} with {limit:?} of {filter:?}"
                );
                ensure!(
                    records.iter().eq(rest[..count].iter().copied()),
                    "the page after {after} with {limit:?} of {filter:?} must have the events as they were appended"
                );
                if count < rest.len() {
                    ensure!(
                        is_full,
                        "the page after {after} with {limit:?} must be full: more events follow"
                    );
                    ensure_eq!(
                        up_to,
                        rest[count - 1].position,
                        "end of the page after {after} with {limit:?}"
                    );
                } else {
                    ensure!(
                        is_full || up_to >= end,
                        "the last page must end at {end} or after it, not at {up_to}"
                    );
                }
                after = if is_full && up_to < end && count == rest.len() { end } else { up_to };
            }
        }
    }
    Ok(())
}

async fn event_larger_than_the_limit_comes_alone(log: Log) -> Outcome {
    for size in [150_000, 2, 2, 150_000, 150_000, 2] {
        let mut random = log.random("large events");
        log.expect_accepted(append([event_of_size("a:1", size, Some(&mut random))])).await?;
    }
    let all = log.read_all().await?;
    log.wait_until_settled(all[5].position).await?;
    let limit = PageLimit { records: 100, bytes: 1_000 };
    for filter in filters() {
        let (mut after, mut counts) = (Position::START, vec![]);
        while after < all[5].position {
            let page = log.limited_page(&filter, after, limit).await?;
            counts.push(page.records.len());
            ensure!(
                page.up_to > after,
                "a page must not be empty because its first event is larger than the limit"
            );
            after = page.up_to;
        }
        ensure_eq!(counts, [1, 2, 1, 1, 1], "number of events in each page with {limit:?} of {filter:?}");
    }
    Ok(())
}

async fn page_without_bytes_has_one_record(log: Log) -> Outcome {
    let all = append_sizes(&log, 1).await?;
    for filter in filters() {
        let mut after = Position::START;
        for expected in matching(&all, &filter, after) {
            let page = log.limited_page(&filter, after, PageLimit { records: 10, bytes: 0 }).await?;
            ensure_eq!(positions_of(&page.records), [expected.position], "positions in a page without bytes");
            ensure!(page.is_full, "a page without bytes that has a record must be full");
            after = page.up_to;
        }
        let page = log.limited_page(&filter, after, PageLimit { records: 10, bytes: 0 }).await?;
        ensure_eq!((page.records, page.is_full), (vec![], false), "page without bytes after the last event");
    }
    Ok(())
}

async fn page_without_records_is_full_and_does_not_advance(log: Log) -> Outcome {
    let all = append_sizes(&log, 1).await?;
    for after in [Position::START, all[3].position, all[all.len() - 1].position] {
        for bytes in [0, 1_000, usize::MAX] {
            let page = log.limited_page(&Criteria::all(), after, PageLimit { records: 0, bytes }).await?;
            ensure_eq!(
                (page.records, page.up_to, page.is_full),
                (vec![], after, true),
                "records and end of a page without records, and whether it is full"
            );
        }
    }
    Ok(())
}

async fn page_of_the_journal_ends_before_the_entry_that_exceeds_its_bytes(log: Log) -> Outcome {
    let mut random = log.random("journal");
    for _ in 0..2 {
        for size in SIZES {
            let body =
                event_of_size("a:1", size, random.bool().then_some(&mut random.clone())).data().to_string();
            let request = match random.bool() {
                true => append([event("a", &[])]).with_journal(&body),
                false => empty_append().with_rejection(&body, "no"),
            };
            log.expect_accepted(request).await?;
        }
        random.u8(..);
    }
    let all = log.journal(0, PageLimit::records(100)).await?;
    ensure_eq!(all.len(), 12, "number of journal entries");
    for bytes in [0, 1, 10_000, 45_000, 200_000, usize::MAX] {
        let limit = PageLimit { records: 100, bytes };
        let mut read: Vec<Entry> = vec![];
        while read.len() < all.len() {
            let rest = &all[read.len()..];
            let count = count_that_fits(rest.iter().map(|entry| entry.body.as_str().len()), limit);
            let page = log.journal(read.last().map_or(0, |entry| entry.number), limit).await?;
            ensure!(
                page == rest[..count],
                "a page of the journal with {limit:?} must have {count} entries, not {}",
                page.len()
            );
            read.extend(page);
        }
        let after_all = log.journal(all[11].number, limit).await?;
        ensure_eq!(after_all, [], "journal entries after the last one");
    }
    Ok(())
}

async fn chunks_of_large_events_have_few_of_them(log: Log) -> Outcome {
    const MIB: usize = 1 << 20;
    for _ in 0..6 {
        let events = (0..4).map(|_| event_of_size("a:1", MIB, None));
        log.expect_accepted(append(events)).await?;
    }
    let (mut records, mut largest) = (0, 0);
    let mut count = |chunk: Vec<Record>| {
        records += chunk.len();
        largest = largest.max(chunk.iter().map(size_of).sum());
        Ok(())
    };
    log.read_chunked(&Read::all(criteria_for(&["sized"], &["a:1"])), &mut count).await?;
    ensure_eq!(records, 24, "number of events in all chunks");
    let limit = PageLimit::CHUNK.bytes + MIB;
    ensure!(
        largest <= limit,
        "a chunk must not have more than {limit} bytes of payloads, but one has {largest}"
    );
    Ok(())
}
