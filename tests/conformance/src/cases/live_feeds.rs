//! Feeds while writers append: nothing that is acknowledged is ever skipped, and what is settled never changes.

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
    given::*,
    log::{Handle, Log, room_for_others, together},
};

cases!("live_feed": [
    every_filter_and_page_size_sees_everything_once,
    restarts_from_the_saved_position_lose_nothing,
    what_is_settled_never_changes,
    a_receipt_can_be_waited_for,
]);

const WRITERS: usize = 6;

/// Writers at work: how many are left, and the last position that was acknowledged to any.
#[derive(Default)]
struct Work {
    busy: AtomicUsize,
    acknowledged: AtomicU64,
}

impl Work {
    /// Starts writers, each on one of the handles. They are done when they drop out of `busy`.
    fn start(
        log: &Log,
        handles: &[Handle],
    ) -> (Arc<Self>, Vec<impl Future<Output = Outcome<Vec<Record>>> + Send + use<>>) {
        let work = Arc::new(Self { busy: AtomicUsize::new(WRITERS), ..Self::default() });
        let appends = log.rounds(30);
        let writers = (0..WRITERS).map(|writer| {
            let (work, handle) = (Arc::clone(&work), handles[writer % handles.len()].clone());
            let random = log.random(("writer", writer));
            async move {
                let outcome = work.write(&handle, random, appends).await;
                work.busy.fetch_sub(1, Ordering::SeqCst);
                outcome.map(|()| vec![])
            }
        });
        (Arc::clone(&work), writers.collect())
    }

    async fn write(&self, handle: &Handle, mut random: fastrand::Rng, appends: usize) -> Outcome {
        for _ in 0..appends {
            let events: Vec<_> = (0..random.usize(1..4)).map(|_| random_event(&mut random)).collect();
            let sent = match random.u8(0..5) {
                // Refused, nearly always: it may draw positions, but must not leave a gap.
                0 => append(events).under(Criteria::all(), Marker::START),
                // Given up by its caller, somewhere on its way.
                1 => {
                    give_up(handle, append(events), random.usize(0..3)).await;
                    continue;
                }
                _ => append(events),
            };
            if let AppendOutcome::Appended(receipt) = handle.append_one(sent).await? {
                self.acknowledged.fetch_max(receipt.position().get(), Ordering::SeqCst);
            }
        }
        Ok(())
    }

    /// Whether a reader that has seen the log up to a position must go on.
    fn goes_on(&self, position: Position) -> bool {
        // In this order: what a writer acknowledged before it went is in the second.
        self.busy.load(Ordering::SeqCst) > 0 || position < self.acknowledged()
    }

    fn acknowledged(&self) -> Position {
        Position::new(self.acknowledged.load(Ordering::SeqCst))
    }
}

/// Sends an append and drops it after a few steps of the scheduler.
async fn give_up(handle: &Handle, sent: Append, steps: usize) {
    let handle = handle.clone();
    let task = tokio::spawn(async move { handle.append_one(sent).await.is_ok() });
    for _ in 0..steps {
        room_for_others().await;
    }
    task.abort();
}

/// Follows a filter from the start until everything acknowledged was seen.
async fn follow(work: Arc<Work>, handle: Handle, filter: Criteria, limit: usize) -> Outcome<Vec<Record>> {
    let (mut saved, mut seen) = (Position::START, vec![]);
    while work.goes_on(saved) {
        let page = handle.page(&filter, saved, limit).await?;
        saved = page.up_to;
        seen.extend(page.records);
        room_for_others().await;
    }
    Ok(seen)
}

fn filters() -> [Criteria; 4] {
    let several =
        Criteria::from(item(&["type1", "type2"], &["a:1"])).or(item(&["type3"], &[])).or(item(&[], &["b:0"]));
    [Criteria::all(), of(&["type1"], &[]), of(&[], &["a:1"]), several]
}

/// What a feed gave must be the beginning of what the log has by now, and reach at least to what was acknowledged.
fn compare(all: &[Record], filter: &Criteria, seen: &[Record], end: Position, what: &str) -> Outcome {
    let wanted: Vec<_> = all.iter().filter(|record| filter.matches(&record.name, &record.tags)).collect();
    let lost: Vec<_> = wanted
        .iter()
        .filter(|one| one.position <= end && !seen.contains(one))
        .map(|one| one.position)
        .collect();
    ensure!(lost.is_empty(), "{what} of {filter:?} lost the events at {lost:?}");
    let twice = seen.windows(2).find(|pair| pair[0].position >= pair[1].position);
    ensure!(twice.is_none(), "{what} of {filter:?} gave an event twice or out of order: {twice:?}");
    let foreign: Vec<_> = seen.iter().filter(|one| !wanted.contains(one)).map(|one| one.position).collect();
    ensure!(foreign.is_empty(), "{what} of {filter:?} gave events at {foreign:?} that the log does not have");
    Ok(())
}

type Reader = std::pin::Pin<Box<dyn Future<Output = Outcome<Vec<Record>>> + Send>>;

/// Runs readers beside the writers and gives what each reader saw.
async fn beside_writers(
    log: &Log,
    readers: impl FnOnce(&Arc<Work>, &[Handle]) -> Vec<Reader>,
) -> Outcome<(Vec<Vec<Record>>, Position)> {
    let handles = log.handles(3).await?;
    let (work, writers) = Work::start(log, &handles);
    let readers = readers(&work, &handles);
    let count = readers.len();
    let tasks: Vec<Reader> =
        readers.into_iter().chain(writers.into_iter().map(|writer| Box::pin(writer) as Reader)).collect();
    let mut seen = together(tasks).await?;
    seen.truncate(count);
    Ok((seen, work.acknowledged()))
}

async fn every_filter_and_page_size_sees_everything_once(log: Log) -> Outcome {
    let feeds: Vec<_> = filters()
        .into_iter()
        .zip([1, 7, 1_000, 3])
        .chain(filters().into_iter().zip([1_000, 1, 7, 1]))
        .collect();
    let readers = |work: &Arc<Work>, handles: &[Handle]| {
        let reader = |(n, (filter, limit)): (usize, &(Criteria, usize))| {
            Box::pin(follow(Arc::clone(work), handles[n % 3].clone(), filter.clone(), *limit)) as Reader
        };
        feeds.iter().enumerate().map(reader).collect()
    };
    let (seen, end) = beside_writers(&log, readers).await?;
    let all = log.everything().await?;
    for ((filter, limit), seen) in feeds.iter().zip(seen) {
        compare(&all, filter, &seen, end, &format!("the feed in pages of {limit}"))?;
    }
    Ok(())
}

/// As [`follow`], but stops at random moments with a page half done, or not at all, and goes on from what was saved,
/// through whichever handle.
async fn follow_with_restarts(
    work: Arc<Work>,
    handles: Vec<Handle>,
    filter: Criteria,
    mut random: fastrand::Rng,
) -> Outcome<Vec<Record>> {
    let (mut saved, mut seen) = (Position::START, vec![]);
    while work.goes_on(saved) {
        let handle = &handles[random.usize(0..handles.len())];
        let mut page = handle.page(&filter, saved, random.usize(1..20)).await?;
        match random.u8(0..4) {
            0 => continue,
            1 if !page.records.is_empty() => {
                page.records.truncate(random.usize(1..=page.records.len()));
                saved = page.records[page.records.len() - 1].position;
            }
            _ => saved = page.up_to,
        }
        seen.extend(page.records);
        room_for_others().await;
    }
    Ok(seen)
}

async fn restarts_from_the_saved_position_lose_nothing(log: Log) -> Outcome {
    let readers = |work: &Arc<Work>, handles: &[Handle]| {
        let reader = |(n, filter)| {
            let random = log.random(("restarts", n));
            Box::pin(follow_with_restarts(Arc::clone(work), handles.to_vec(), filter, random)) as Reader
        };
        filters().into_iter().enumerate().map(reader).collect()
    };
    let (seen, end) = beside_writers(&log, readers).await?;
    let all = log.everything().await?;
    for (filter, seen) in filters().iter().zip(seen) {
        compare(&all, filter, &seen, end, "the feed with restarts")?;
    }
    Ok(())
}

/// Asks up to where the log is settled and reads up to there, again and again. Gives the last read; every earlier one
/// must be its beginning.
async fn watch_settled(work: Arc<Work>, handle: Handle) -> Outcome<Vec<Record>> {
    let (mut settled, mut seen) = (Position::START, Vec::<Record>::new());
    while work.goes_on(settled) {
        let now = handle.settled().await?.position;
        ensure!(now >= settled, "the log was settled up to {settled}, and now up to {now}");
        let records = handle.look(Read::all(Criteria::all()).up_to(now)).await?.records;
        let before: Vec<_> = records.iter().filter(|record| record.position <= settled).collect();
        ensure!(
            before.iter().copied().eq(&seen),
            "the log was settled up to {settled}, but something appeared below"
        );
        (settled, seen) = (now, records);
        room_for_others().await;
    }
    Ok(seen)
}

async fn what_is_settled_never_changes(log: Log) -> Outcome {
    let readers = |work: &Arc<Work>, handles: &[Handle]| {
        handles
            .iter()
            .map(|handle| Box::pin(watch_settled(Arc::clone(work), handle.clone())) as Reader)
            .collect()
    };
    let (seen, end) = beside_writers(&log, readers).await?;
    let all = log.everything().await?;
    seen.iter().try_for_each(|seen| compare(&all, &Criteria::all(), seen, end, "the settled part"))
}

async fn a_receipt_can_be_waited_for(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let rounds = log.rounds(20);
    let tasks = (0..WRITERS).map(|task| {
        let (writer, reader) = (handles[task % 3].clone(), handles[(task + 1) % 3].clone());
        async move {
            let own = format!("task:{task}");
            let (filter, mut saved) = (of(&[], &[&own]), Position::START);
            for _ in 0..rounds {
                let receipt = writer.accepted(append([event("a", &[&own]), event("b", &[&own])])).await?;
                let fed = reader.drain(&filter, saved, 10, receipt.position()).await?;
                ensure_eq!(
                    places(&fed),
                    positions(&receipt),
                    "what a feed gives when it has reached a receipt"
                );
                saved = receipt.position();
            }
            Ok(())
        }
    });
    together(tasks).await?;
    Ok(())
}
