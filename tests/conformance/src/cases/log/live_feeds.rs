//! Feeds during appends: no acknowledged event is skipped, and settled events never change.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use annalist_core::{
    criteria::Criteria,
    record::{Position, Record},
    store::{Append, AppendOutcome, Marker, Read},
};

use crate::{
    failure::Outcome,
    support::{
        concurrency::{run_concurrently, yield_now},
        fixtures::*,
        handle::Handle,
        log::Log,
    },
};

cases!("live_feeds": [
    every_event_is_fed_once_during_appends,
    restarting_from_the_saved_position_loses_nothing,
    settled_events_never_change,
    feed_reaches_the_position_of_a_receipt,
]);

const WRITERS: usize = 6;

/// Running writers and the highest position that was acknowledged to any of them.
#[derive(Default)]
struct Writers {
    running: AtomicUsize,
    acknowledged: AtomicU64,
}

impl Writers {
    /// Creates the tasks of the writers, each on one of the handles.
    fn start(
        log: &Log,
        handles: &[Handle],
    ) -> (Arc<Self>, Vec<impl Future<Output = Outcome<Vec<Record>>> + Send + use<>>) {
        let state = Arc::new(Self { running: AtomicUsize::new(WRITERS), ..Self::default() });
        let appends = log.rounds(30);
        let writers = (0..WRITERS).map(|writer| {
            let (state, handle) = (Arc::clone(&state), handles[writer % handles.len()].clone());
            let random = log.random(("writer", writer));
            async move {
                let outcome = state.write(&handle, random, appends).await;
                state.running.fetch_sub(1, Ordering::SeqCst);
                outcome.map(|()| vec![])
            }
        });
        (Arc::clone(&state), writers.collect())
    }

    async fn write(&self, handle: &Handle, mut random: fastrand::Rng, appends: usize) -> Outcome {
        for _ in 0..appends {
            let events: Vec<_> = (0..random.usize(1..4)).map(|_| random_event(&mut random)).collect();
            let request = match random.u8(0..5) {
                // Refused nearly always: a store may assign positions, but must not leave a gap.
                0 => append(events).if_unchanged(Criteria::all(), Marker::START),
                // Cancelled by the caller at a random moment.
                1 => {
                    append_and_cancel(handle, append(events), random.usize(0..3)).await;
                    continue;
                }
                _ => append(events),
            };
            if let AppendOutcome::Appended(receipt) = handle.append_one(request).await? {
                self.acknowledged.fetch_max(receipt.position().get(), Ordering::SeqCst);
            }
        }
        Ok(())
    }

    /// Whether a reader at a position must continue.
    fn must_continue(&self, position: Position) -> bool {
        // In this order: a writer updates `acknowledged` before it leaves `running`.
        self.running.load(Ordering::SeqCst) > 0 || position < self.acknowledged()
    }

    fn acknowledged(&self) -> Position {
        Position::new(self.acknowledged.load(Ordering::SeqCst))
    }
}

/// Starts an append and cancels it after a few steps of the scheduler.
async fn append_and_cancel(handle: &Handle, request: Append, steps: usize) {
    let handle = handle.clone();
    let task = tokio::spawn(async move { handle.append_one(request).await.is_ok() });
    for _ in 0..steps {
        yield_now().await;
    }
    task.abort();
}

/// Follows a filter from the start until every acknowledged event was read.
async fn follow(state: Arc<Writers>, handle: Handle, filter: Criteria, limit: usize) -> Outcome<Vec<Record>> {
    let (mut saved, mut seen) = (Position::START, vec![]);
    while state.must_continue(saved) {
        let page = handle.feed_page(&filter, saved, limit).await?;
        saved = page.up_to;
        seen.extend(page.records);
        yield_now().await;
    }
    Ok(seen)
}

fn filters() -> [Criteria; 4] {
    let several =
        Criteria::from(item(&["type1", "type2"], &["a:1"])).or(item(&["type3"], &[])).or(item(&[], &["b:0"]));
    [Criteria::all(), criteria_for(&["type1"], &[]), criteria_for(&[], &["a:1"]), several]
}

/// Expects that a feed returned every matching event of the log up to `end`, once, in order, and no other.
fn compare_with_log(
    all: &[Record],
    filter: &Criteria,
    seen: &[Record],
    end: Position,
    what: &str,
) -> Outcome {
    let expected: Vec<_> = all.iter().filter(|record| filter.matches(&record.name, &record.tags)).collect();
    let lost: Vec<_> = expected
        .iter()
        .filter(|one| one.position <= end && !seen.contains(one))
        .map(|one| one.position)
        .collect();
    ensure!(lost.is_empty(), "{what} of {filter:?} skipped the events at {lost:?}");
    let twice = seen.windows(2).find(|pair| pair[0].position >= pair[1].position);
    ensure!(twice.is_none(), "{what} of {filter:?} returned an event twice or out of order: {twice:?}");
    let unknown: Vec<_> = seen.iter().filter(|one| !expected.contains(one)).map(|one| one.position).collect();
    ensure!(
        unknown.is_empty(),
        "{what} of {filter:?} returned events at {unknown:?} that are not in the log"
    );
    Ok(())
}

type Reader = std::pin::Pin<Box<dyn Future<Output = Outcome<Vec<Record>>> + Send>>;

/// Runs readers concurrently with the writers. Returns what each reader read, and the highest acknowledged position.
async fn during_appends(
    log: &Log,
    readers: impl FnOnce(&Arc<Writers>, &[Handle]) -> Vec<Reader>,
) -> Outcome<(Vec<Vec<Record>>, Position)> {
    let handles = log.handles(3).await?;
    let (state, writers) = Writers::start(log, &handles);
    let readers = readers(&state, &handles);
    let count = readers.len();
    let tasks: Vec<Reader> =
        readers.into_iter().chain(writers.into_iter().map(|writer| Box::pin(writer) as Reader)).collect();
    let mut seen = run_concurrently(tasks).await?;
    seen.truncate(count);
    Ok((seen, state.acknowledged()))
}

async fn every_event_is_fed_once_during_appends(log: Log) -> Outcome {
    let feeds: Vec<_> = filters()
        .into_iter()
        .zip([1, 7, 1_000, 3])
        .chain(filters().into_iter().zip([1_000, 1, 7, 1]))
        .collect();
    let readers = |state: &Arc<Writers>, handles: &[Handle]| {
        let reader = |(n, (filter, limit)): (usize, &(Criteria, usize))| {
            Box::pin(follow(Arc::clone(state), handles[n % 3].clone(), filter.clone(), *limit)) as Reader
        };
        feeds.iter().enumerate().map(reader).collect()
    };
    let (seen, end) = during_appends(&log, readers).await?;
    let all = log.read_all().await?;
    for ((filter, limit), seen) in feeds.iter().zip(seen) {
        compare_with_log(&all, filter, &seen, end, &format!("the feed in pages of {limit}"))?;
    }
    Ok(())
}

/// Like [`follow`], but is interrupted at random, also in the middle of a page, and continues from the saved position
/// through any handle.
async fn follow_with_restarts(
    state: Arc<Writers>,
    handles: Vec<Handle>,
    filter: Criteria,
    mut random: fastrand::Rng,
) -> Outcome<Vec<Record>> {
    let (mut saved, mut seen) = (Position::START, vec![]);
    while state.must_continue(saved) {
        let handle = &handles[random.usize(0..handles.len())];
        let mut page = handle.feed_page(&filter, saved, random.usize(1..20)).await?;
        match random.u8(0..4) {
            0 => continue,
            1 if !page.records.is_empty() => {
                page.records.truncate(random.usize(1..=page.records.len()));
                saved = page.records[page.records.len() - 1].position;
            }
            _ => saved = page.up_to,
        }
        seen.extend(page.records);
        yield_now().await;
    }
    Ok(seen)
}

async fn restarting_from_the_saved_position_loses_nothing(log: Log) -> Outcome {
    let readers = |state: &Arc<Writers>, handles: &[Handle]| {
        let reader = |(n, filter)| {
            let random = log.random(("restarts", n));
            Box::pin(follow_with_restarts(Arc::clone(state), handles.to_vec(), filter, random)) as Reader
        };
        filters().into_iter().enumerate().map(reader).collect()
    };
    let (seen, end) = during_appends(&log, readers).await?;
    let all = log.read_all().await?;
    for (filter, seen) in filters().iter().zip(seen) {
        compare_with_log(&all, filter, &seen, end, "the feed with restarts")?;
    }
    Ok(())
}

/// Reads the log up to the settled position until the writers have ended, and returns the records of the last read. The
/// records of every read must begin with the records of the one before.
async fn watch_settled(state: Arc<Writers>, handle: Handle) -> Outcome<Vec<Record>> {
    let (mut settled, mut seen) = (Position::START, Vec::<Record>::new());
    while state.must_continue(settled) {
        let now = handle.settled().await?.position;
        ensure!(now >= settled, "the settled position must not go back, but went from {settled} to {now}");
        let records = handle.read_one(Read::all(Criteria::all()).up_to(now)).await?.records;
        let before: Vec<_> = records.iter().filter(|record| record.position <= settled).collect();
        ensure!(
            before.iter().copied().eq(&seen),
            "the log was settled up to {settled}, but its events up to there have changed"
        );
        (settled, seen) = (now, records);
        yield_now().await;
    }
    Ok(seen)
}

async fn settled_events_never_change(log: Log) -> Outcome {
    let readers = |state: &Arc<Writers>, handles: &[Handle]| {
        handles
            .iter()
            .map(|handle| Box::pin(watch_settled(Arc::clone(state), handle.clone())) as Reader)
            .collect()
    };
    let (seen, end) = during_appends(&log, readers).await?;
    let all = log.read_all().await?;
    seen.iter().try_for_each(|seen| {
        compare_with_log(&all, &Criteria::all(), seen, end, "the settled part of the log")
    })
}

async fn feed_reaches_the_position_of_a_receipt(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let rounds = log.rounds(20);
    let tasks = (0..WRITERS).map(|task| {
        let (writer, reader) = (handles[task % 3].clone(), handles[(task + 1) % 3].clone());
        async move {
            let own = format!("task:{task}");
            let (filter, mut saved) = (criteria_for(&[], &[&own]), Position::START);
            for _ in 0..rounds {
                let receipt =
                    writer.expect_accepted(append([event("a", &[&own]), event("b", &[&own])])).await?;
                let fed = reader.feed_until(&filter, saved, 10, receipt.position()).await?;
                ensure_eq!(
                    positions_of(&fed),
                    positions(&receipt),
                    "positions in the feed up to the position of a receipt"
                );
                saved = receipt.position();
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    Ok(())
}
