//! Long reads in parts: what one answer would say, and nothing twice or left out while others append.

use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    store::{AppendOutcome, Batch, Read},
};

use crate::{
    failure::Outcome,
    given::*,
    log::{Handle, Log, room_for_others, together},
};

cases!("part": [
    parts_are_the_read_in_pieces,
    parts_guard_like_the_read,
    parts_miss_nothing_while_others_append,
    a_part_that_is_refused_is_the_last,
    bare_records_have_what_a_fold_needs,
]);

/// More than a store sends at once.
const LONG: usize = 2_500;

async fn in_parts(log: &Handle, read: Read) -> Outcome<Batch> {
    let mut records = Vec::new();
    let mut add = |part: Vec<Record>| {
        records.extend(part);
        Ok(())
    };
    let marker = log.read_chunked(&read, &mut add).await?;
    Ok(Batch { records, marker })
}

/// A log in which the events of `a:1` stand alone, those of `b:1` side by side, and those of `c:1` both ways.
async fn long_log(log: &Handle) -> Outcome {
    for _ in 0..LONG / 50 {
        let mixed = (0..100).map(|n| match n % 2 {
            0 => event("even", &["a:1", "c:1"]),
            _ => event("odd", &["d:1"]),
        });
        log.accepted(append(mixed)).await?;
    }
    for _ in 0..LONG / 100 {
        log.accepted(append((0..100).map(|_| event("even", &["b:1", "c:1"])))).await?;
    }
    Ok(())
}

async fn parts_are_the_read_in_pieces(log: Log) -> Outcome {
    long_log(&log).await?;
    let end = log.everything().await?.len() as u64;
    let either = Criteria::from(item(&["odd"], &["d:1"])).or(item(&[], &["b:1"]));
    let several = [
        of(&["even"], &["a:1"]),
        of(&["even", "odd"], &["b:1"]),
        of(&[], &["c:1"]),
        of(&["even"], &["a:1", "c:1"]),
        of(&["odd"], &[]),
        either,
        Criteria::all(),
        of(&["never"], &["a:1"]),
        Criteria::none(),
    ];
    for criteria in several {
        for (after, up_to) in [(0, u64::MAX), (end / 3, u64::MAX), (end / 3, end / 2), (end, u64::MAX)] {
            let asked = Read::all(criteria.clone()).after(Position::new(after)).up_to(Position::new(up_to));
            let found = in_parts(&log, asked.clone()).await?.records;
            ensure_eq!(found, log.look(asked).await?.records, "{criteria:?} after {after} up to {up_to}");
        }
    }
    Ok(())
}

async fn parts_guard_like_the_read(log: Log) -> Outcome {
    long_log(&log).await?;
    let watched = of(&["even"], &["b:1"]);
    let seen = in_parts(&log, Read::all(watched.clone())).await?;
    let last = seen.records[seen.records.len() - 1].position;
    let tail = in_parts(&log, Read::all(watched.clone()).after(last)).await?;
    ensure_eq!(tail.records.len(), 0, "events behind the last");
    for marker in [seen.marker, tail.marker] {
        log.accepted(append([event("odd", &["b:1"])]).under(watched.clone(), marker)).await?;
    }
    log.accepted(append([event("even", &["b:1"])])).await?;
    for marker in [seen.marker, tail.marker] {
        log.conflict(append([event("odd", &["b:1"])]).under(watched.clone(), marker)).await?;
    }
    Ok(())
}

async fn parts_miss_nothing_while_others_append(log: Log) -> Outcome {
    long_log(&log).await?;
    let handles = log.handles(3).await?;
    let tasks = (0..3).map(|task| {
        let (handle, rounds, random) = (handles[task].clone(), log.rounds(15), log.random(("parts", task)));
        async move {
            match task {
                0 => guarded(&handle, rounds).await,
                _ => disturb(&handle, 10 * rounds, random).await.map(|()| Vec::new()),
            }
        }
    });
    let guarded = together(tasks).await?;
    let all = places(&log.look(Read::all(watched())).await?.records);
    for (at, seen) in guarded.into_iter().flatten() {
        let before: Vec<_> = all.iter().copied().filter(|position| *position < at).collect();
        ensure_eq!(seen, before, "what had been read when an append at {at} was accepted under it");
    }
    Ok(())
}

fn watched() -> Criteria {
    of(&["even"], &["c:1"])
}

/// Appends under what it has read. Of the appends that were accepted, where they stand and what had been read.
async fn guarded(log: &Handle, rounds: usize) -> Outcome<Vec<(Position, Vec<Position>)>> {
    let mut accepted = Vec::new();
    for _ in 0..rounds {
        let Batch { records, marker } = in_parts(log, Read::all(watched())).await?;
        let sent = append([event("even", &["c:1"])]).under(watched(), marker);
        if let AppendOutcome::Appended(receipt) = log.append_one(sent).await? {
            accepted.push((receipt.position(), places(&records)));
        }
    }
    Ok(accepted)
}

/// Appends events of which some are watched.
async fn disturb(log: &Handle, rounds: usize, mut random: fastrand::Rng) -> Outcome {
    for _ in 0..rounds {
        let tag = if random.u8(..10) == 0 { "c:1" } else { "d:1" };
        log.accepted(append((0..random.usize(1..20)).map(|_| event("even", &[tag])))).await?;
        room_for_others().await;
    }
    Ok(())
}

async fn a_part_that_is_refused_is_the_last(log: Log) -> Outcome {
    long_log(&log).await?;
    let mut parts = 0;
    let mut refuse = |_: Vec<Record>| {
        parts += 1;
        Err(Error::unusable("fold", "seen enough"))
    };
    let refused = log.read_chunked(&Read::all(of(&[], &["b:1"])), &mut refuse).await;
    ensure!(matches!(refused, Err(Error::Unusable { .. })), "the error of the reader, not {refused:?}");
    ensure_eq!(parts, 1, "parts that were handed over");
    Ok(())
}

async fn bare_records_have_what_a_fold_needs(log: Log) -> Outcome {
    long_log(&log).await?;
    let needed =
        |record: &Record| (record.position, record.name.clone(), record.version, record.data.clone());
    for criteria in [of(&["even"], &["a:1"]), of(&["even"], &["b:1"])] {
        let whole = log.look(Read::all(criteria.clone())).await?.records;
        for payload_only in [
            log.look(Read::all(criteria.clone()).payload_only()).await?,
            in_parts(&log, Read::all(criteria.clone()).payload_only()).await?,
        ] {
            let (payload_only, whole): (Vec<_>, Vec<_>) =
                (payload_only.records.iter().map(needed).collect(), whole.iter().map(needed).collect());
            ensure_eq!(payload_only, whole, "bare records of {criteria:?}");
        }
    }
    Ok(())
}
