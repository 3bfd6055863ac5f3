//! Chunked reads: the same records as one read, complete and without duplicates, also during appends.

use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    store::{AppendOutcome, Batch, Read},
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

cases!("chunked_reads": [
    chunks_add_up_to_the_whole_read,
    marker_of_a_chunked_read_detects_new_events,
    chunked_read_misses_nothing_during_appends,
    several_chunked_reads_have_the_records_of_each,
    several_chunked_reads_are_of_one_moment,
    error_of_the_callback_ends_the_read,
    payload_only_records_have_position_type_and_payload,
]);

/// More events than a store returns in one chunk.
const LONG: usize = 2_500;

async fn read_in_chunks(log: &Handle, read: Read) -> Outcome<Batch> {
    let mut records = Vec::new();
    let mut add = |chunk: Vec<Record>| {
        records.extend(chunk);
        Ok(())
    };
    let marker = log.read_chunked(&read, &mut add).await?;
    Ok(Batch { records, marker })
}

/// Fills the log: events of `a:1` alternate with others, events of `b:1` are adjacent, and `c:1` is on both.
async fn long_log(log: &Handle) -> Outcome {
    for _ in 0..LONG / 50 {
        let mixed = (0..100).map(|n| match n % 2 {
            0 => event("even", &["a:1", "c:1"]),
            _ => event("odd", &["d:1"]),
        });
        log.expect_accepted(append(mixed)).await?;
    }
    for _ in 0..LONG / 100 {
        log.expect_accepted(append((0..100).map(|_| event("even", &["b:1", "c:1"])))).await?;
    }
    Ok(())
}

async fn chunks_add_up_to_the_whole_read(log: Log) -> Outcome {
    long_log(&log).await?;
    let end = log.read_all().await?.len() as u64;
    let either = Criteria::from(item(&["odd"], &["d:1"])).or(item(&[], &["b:1"]));
    let several = [
        criteria_for(&["even"], &["a:1"]),
        criteria_for(&["even", "odd"], &["b:1"]),
        criteria_for(&[], &["c:1"]),
        criteria_for(&["even"], &["a:1", "c:1"]),
        criteria_for(&["odd"], &[]),
        either,
        Criteria::all(),
        criteria_for(&["never"], &["a:1"]),
        Criteria::none(),
    ];
    for criteria in several {
        for (after, up_to) in [(0, u64::MAX), (end / 3, u64::MAX), (end / 3, end / 2), (end, u64::MAX)] {
            let read = Read::all(criteria.clone()).after(Position::new(after)).up_to(Position::new(up_to));
            let found = read_in_chunks(&log, read.clone()).await?.records;
            ensure_eq!(
                found,
                log.read_one(read).await?.records,
                "records of a chunked read of {criteria:?} after {after} up to {up_to}"
            );
        }
    }
    Ok(())
}

async fn marker_of_a_chunked_read_detects_new_events(log: Log) -> Outcome {
    long_log(&log).await?;
    let criteria = criteria_for(&["even"], &["b:1"]);
    let seen = read_in_chunks(&log, Read::all(criteria.clone())).await?;
    let last = seen.records[seen.records.len() - 1].position;
    let tail = read_in_chunks(&log, Read::all(criteria.clone()).after(last)).await?;
    ensure_eq!(tail.records.len(), 0, "number of events after the last one");
    for marker in [seen.marker, tail.marker] {
        log.expect_accepted(append([event("odd", &["b:1"])]).if_unchanged(criteria.clone(), marker)).await?;
    }
    log.expect_accepted(append([event("even", &["b:1"])])).await?;
    for marker in [seen.marker, tail.marker] {
        log.expect_conflict(append([event("odd", &["b:1"])]).if_unchanged(criteria.clone(), marker)).await?;
    }
    Ok(())
}

async fn chunked_read_misses_nothing_during_appends(log: Log) -> Outcome {
    long_log(&log).await?;
    let handles = log.handles(3).await?;
    let tasks = (0..3).map(|task| {
        let (handle, rounds, random) =
            (handles[task].clone(), log.rounds(15), log.random(("chunked reads", task)));
        async move {
            match task {
                0 => append_conditionally(&handle, rounds).await,
                _ => append_others(&handle, 10 * rounds, random).await.map(|()| Vec::new()),
            }
        }
    });
    let accepted = run_concurrently(tasks).await?;
    let all = positions_of(&log.read_one(Read::all(watched())).await?.records);
    for (at, seen) in accepted.into_iter().flatten() {
        let before: Vec<_> = all.iter().copied().filter(|position| *position < at).collect();
        ensure_eq!(
            seen,
            before,
            "positions of the matching events before the accepted append at {at}: all of them must have been read"
        );
    }
    Ok(())
}

fn watched() -> Criteria {
    criteria_for(&["even"], &["c:1"])
}

/// Reads and appends on condition that nothing changed. Returns, for each accepted append, its position and the
/// positions that had been read.
async fn append_conditionally(log: &Handle, rounds: usize) -> Outcome<Vec<(Position, Vec<Position>)>> {
    let mut accepted = Vec::new();
    for _ in 0..rounds {
        let Batch { records, marker } = read_in_chunks(log, Read::all(watched())).await?;
        let request = append([event("even", &["c:1"])]).if_unchanged(watched(), marker);
        if let AppendOutcome::Appended(receipt) = log.append_one(request).await? {
            accepted.push((receipt.position(), positions_of(&records)));
        }
    }
    Ok(accepted)
}

/// Appends events, a few of which match what the conditional appends read.
async fn append_others(log: &Handle, rounds: usize, mut random: fastrand::Rng) -> Outcome {
    for _ in 0..rounds {
        let tag = if random.u8(..10) == 0 { "c:1" } else { "d:1" };
        log.expect_accepted(append((0..random.usize(1..20)).map(|_| event("even", &[tag])))).await?;
        yield_now().await;
    }
    Ok(())
}

/// Executes several reads in chunks.
async fn read_all_in_chunks(log: &Handle, reads: &[Read]) -> Outcome<Vec<Batch>> {
    let mut records = vec![Vec::new(); reads.len()];
    let mut add = |read: usize, chunk: Vec<Record>| {
        records[read].extend(chunk);
        Ok(())
    };
    let markers = log.read_all_chunked(reads, &mut add).await?;
    ensure_eq!(markers.len(), reads.len(), "number of markers of several chunked reads");
    Ok(records.into_iter().zip(markers).map(|(records, marker)| Batch { records, marker }).collect())
}

async fn several_chunked_reads_have_the_records_of_each(log: Log) -> Outcome {
    long_log(&log).await?;
    let end = log.read_all().await?.len() as u64;
    let reads = [
        Read::all(criteria_for(&["even"], &["b:1"])).after(Position::new(end / 2)),
        Read::all(criteria_for(&["never"], &[])),
        Read::all(criteria_for(&[], &["c:1"])),
        Read::all(criteria_for(&["odd"], &["d:1"])).up_to(Position::new(end / 3)),
    ];
    let (found, expected) = (read_all_in_chunks(&log, &reads).await?, log.read(&reads).await?);
    for ((found, expected), Read { criteria, .. }) in found.iter().zip(&expected).zip(&reads) {
        ensure_eq!(
            positions_of(&found.records),
            positions_of(&expected.records),
            "positions of the records that a chunked read of {criteria:?}, one of several, returned"
        );
    }
    for (Batch { marker, .. }, Read { criteria, .. }) in found.into_iter().zip(&reads).take(3) {
        log.expect_accepted(append([event("other", &["e:1"])]).if_unchanged(criteria.clone(), marker))
            .await?;
    }
    ensure_eq!(read_all_in_chunks(&log, &[]).await?.len(), 0, "number of results of no read");
    Ok(())
}

/// Each append has an event for both reads, so both have as many records.
async fn several_chunked_reads_are_of_one_moment(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let tasks = (0..2).map(|task| {
        let (handle, rounds) = (handles[task].clone(), log.rounds(20));
        async move {
            let reads = ["a:1", "b:1"].map(|tag| Read::all(criteria_for(&[], &[tag])));
            for _ in 0..rounds {
                if task == 0 {
                    handle.expect_accepted(append([event("x", &["a:1"]), event("x", &["b:1"])])).await?;
                    yield_now().await;
                    continue;
                }
                let found = read_all_in_chunks(&handle, &reads).await?;
                ensure_eq!(
                    found[0].records.len(),
                    found[1].records.len(),
                    "records of two chunked reads of one call, whose events are appended together"
                );
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await.map(drop)
}

async fn error_of_the_callback_ends_the_read(log: Log) -> Outcome {
    long_log(&log).await?;
    let mut chunks = 0;
    let mut fail = |_: Vec<Record>| {
        chunks += 1;
        Err(Error::unusable("fold", "seen enough"))
    };
    let result = log.read_chunked(&Read::all(criteria_for(&[], &["b:1"])), &mut fail).await;
    ensure!(
        matches!(result, Err(Error::Unusable { .. })),
        "`read_chunked` must return the error of the callback, but returned {result:?}"
    );
    ensure_eq!(chunks, 1, "number of chunks passed to the callback");
    Ok(())
}

async fn payload_only_records_have_position_type_and_payload(log: Log) -> Outcome {
    long_log(&log).await?;
    let needed =
        |record: &Record| (record.position, record.name.clone(), record.version, record.data.clone());
    for criteria in [criteria_for(&["even"], &["a:1"]), criteria_for(&["even"], &["b:1"])] {
        let whole = log.read_one(Read::all(criteria.clone())).await?.records;
        for payload_only in [
            log.read_one(Read::all(criteria.clone()).payload_only()).await?,
            read_in_chunks(&log, Read::all(criteria.clone()).payload_only()).await?,
        ] {
            let (payload_only, whole): (Vec<_>, Vec<_>) =
                (payload_only.records.iter().map(needed).collect(), whole.iter().map(needed).collect());
            ensure_eq!(
                payload_only,
                whole,
                "position, type, version and payload of payload-only records of {criteria:?}"
            );
        }
    }
    Ok(())
}
