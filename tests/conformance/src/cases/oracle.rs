//! Random appends race; afterwards their answers are checked against the log that came of them.
//!
//! Every task writes down what it had read, what it sent and what it was told. From that and the final log it follows
//! for every single answer whether it was right, whatever the interleaving was.

use std::collections::{HashMap, HashSet};

use annalist_core::{
    criteria::Criteria,
    record::{Position, Record},
    store::{Append, AppendOutcome, Batch, Read, Receipt},
};
use uuid::Uuid;

use crate::{
    Failure,
    failure::Outcome,
    given::*,
    log::{Handle, Log, room_for_others, together},
};

cases!("oracle": [
    every_answer_to_random_appends_is_right,
    every_answer_to_random_commands_is_right,
]);

const TASKS: usize = 12;

/// One append with everything that is known about it.
struct Attempt {
    /// What it watched, and which of that it had read.
    watched: Vec<(Criteria, HashSet<Position>)>,
    id: Option<String>,
    events: Vec<Uuid>,
    answer: AppendOutcome<Receipt>,
}

async fn every_answer_to_random_appends_is_right(log: Log) -> Outcome {
    let attempts = raced(&log, None).await?;
    let told = |answer: fn(&AppendOutcome<Receipt>) -> bool| {
        attempts.iter().filter(|one| answer(&one.answer)).count()
    };
    let (done, refused) = (
        told(|one| matches!(one, AppendOutcome::Appended(_))),
        told(|one| matches!(one, AppendOutcome::Conflict { .. })),
    );
    ensure!(
        done > 0 && refused > 0,
        "of {} appends {done} were accepted and {refused} refused",
        attempts.len()
    );
    check(&log, &attempts).await
}

async fn every_answer_to_random_commands_is_right(log: Log) -> Outcome {
    let attempts = raced(&log, Some(TASKS * log.rounds(25) / 5)).await?;
    check(&log, &attempts).await
}

/// Lets the tasks loose. With `ids`, most appends carry one of so many command ids.
async fn raced(log: &Log, ids: Option<usize>) -> Outcome<Vec<Attempt>> {
    let handles = log.handles(3).await?;
    let rounds = log.rounds(25);
    let tasks = (0..TASKS).map(|task| {
        let (handle, mut random) = (handles[task % 3].clone(), log.random(("oracle", task)));
        async move {
            let mut attempts = Vec::with_capacity(rounds);
            for _ in 0..rounds {
                attempts.push(attempt(&handle, &mut random, ids).await?);
            }
            Ok(attempts)
        }
    });
    Ok(together(tasks).await?.into_iter().flatten().collect())
}

async fn attempt(handle: &Handle, random: &mut fastrand::Rng, ids: Option<usize>) -> Outcome<Attempt> {
    let reads: Vec<Read> = (0..random.usize(0..3)).map(|_| random_read(random)).collect();
    let batches = handle.read(&reads).await?;
    let seen = |batch: &Batch| batch.records.iter().map(|record| record.position).collect();
    let watched =
        reads.iter().zip(&batches).map(|(read, batch)| (read.criteria.clone(), seen(batch))).collect();
    let sent = append((0..random.usize(0..4)).map(|_| random_event(random)));
    let mut sent: Append = reads
        .into_iter()
        .zip(&batches)
        .fold(sent, |sent, (read, batch)| sent.under(read.criteria, batch.marker));
    let id = ids.filter(|_| random.u8(0..4) > 0).map(|ids| format!("c-{}", random.usize(0..ids)));
    sent.key = id.clone().map(|id| key(id, "write", &["a:1"]));
    let events = sent.events.iter().map(annalist_core::record::Draft::id).collect();
    for _ in 0..random.u8(0..3) {
        room_for_others().await;
    }
    let answer = handle.append_one(sent).await?;
    Ok(Attempt { watched, id, events, answer })
}

/// Random criteria, now and then cut off at a position, and often so narrow that they are worth a condition.
fn random_read(random: &mut fastrand::Rng) -> Read {
    let criteria = if random.bool() {
        of(&[&format!("type{}", random.u8(0..6))], &[&format!("a:{}", random.u8(0..3))])
    } else {
        random_criteria(random)
    };
    let up_to = if random.u8(0..8) == 0 { Position::new(random.u64(0..200)) } else { Position::END };
    Read::all(criteria).up_to(up_to)
}

async fn check(log: &Handle, attempts: &[Attempt]) -> Outcome {
    let all = log.everything().await?;
    let found: HashMap<Position, &Record> = all.iter().map(|record| (record.position, record)).collect();
    for attempt in attempts {
        match &attempt.answer {
            AppendOutcome::Appended(receipt) => check_accepted(&all, &found, attempt, receipt)?,
            AppendOutcome::Conflict { condition, conflicting_position, .. } => {
                check_refused(&all, &found, attempt, *condition, *conflicting_position)?;
            }
            AppendOutcome::Duplicate { .. } => {
                ensure!(attempt.id.is_some(), "an append without an id was told that it is known");
            }
            AppendOutcome::InlineRequired { builds, .. } => {
                return Err(Failure::new(format!("nothing is inline, and an append misses {builds:?}")));
            }
        }
    }
    check_ids(attempts)?;
    let accepted: HashSet<Uuid> = attempts
        .iter()
        .filter(|one| matches!(one.answer, AppendOutcome::Appended(_)))
        .flat_map(|one| one.events.clone())
        .collect();
    let foreign: Vec<_> =
        all.iter().filter(|record| !accepted.contains(&record.id)).map(|record| record.position).collect();
    ensure!(
        foreign.is_empty(),
        "the events at {foreign:?} are in the log, although their appends were not accepted"
    );
    let fed = log
        .drain(&Criteria::all(), Position::START, 7, all.last().map_or(Position::START, |last| last.position))
        .await?;
    ensure!(fed == all, "the feed gives {} events, a read {}, or others", fed.len(), all.len());
    Ok(())
}

/// Its events must be there, and nothing that it watched may lie before them unread.
fn check_accepted(
    all: &[Record],
    found: &HashMap<Position, &Record>,
    attempt: &Attempt,
    receipt: &Receipt,
) -> Outcome {
    let ids: Vec<Uuid> = receipt.events.iter().map(|event| event.id).collect();
    ensure_eq!(ids, attempt.events, "the events in a receipt");
    for event in &receipt.events {
        let stored = found.get(&event.position).is_some_and(|record| record.id == event.id);
        ensure!(stored, "the event at {} was acknowledged, but is not there", event.position);
    }
    for (criteria, seen) in &attempt.watched {
        let missed = all.iter().take_while(|record| record.position < receipt.position()).find(|record| {
            criteria.matches(&record.name, &record.tags)
                && !seen.contains(&record.position)
                && !ids.contains(&record.id)
        });
        if let Some(missed) = missed {
            return Err(Failure::new(format!(
                "an append at {} was accepted although {missed:?} matches its {criteria:?} and was not read",
                receipt.position()
            )));
        }
    }
    Ok(())
}

/// What it met must be there and match what that condition watched. It is the newest match, which the append may have read:
/// then an older one was late, and is the news.
fn check_refused(
    all: &[Record],
    found: &HashMap<Position, &Record>,
    attempt: &Attempt,
    condition: usize,
    conflicting_position: Position,
) -> Outcome {
    let Some((criteria, seen)) = attempt.watched.get(condition) else {
        return Err(Failure::new(format!(
            "condition {condition} is named, but the append had {}",
            attempt.watched.len()
        )));
    };
    let Some(record) = found.get(&conflicting_position) else {
        return Err(Failure::new(format!(
            "an append was refused because of {conflicting_position}, where nothing is"
        )));
    };
    ensure!(
        criteria.matches(&record.name, &record.tags),
        "an append under {criteria:?} was refused because of {record:?}"
    );
    let mut matching = all
        .iter()
        .take_while(|record| record.position <= conflicting_position)
        .filter(|record| criteria.matches(&record.name, &record.tags));
    ensure!(
        matching.any(|record| !seen.contains(&record.position)),
        "an append under {criteria:?} was refused because of {conflicting_position}, but had read all that matches up to there"
    );
    Ok(())
}

/// Each id was accepted at most once, and everybody who was told that it is known got that receipt.
fn check_ids(attempts: &[Attempt]) -> Outcome {
    let mut accepted = HashMap::new();
    for attempt in attempts {
        if let (Some(id), AppendOutcome::Appended(receipt)) = (&attempt.id, &attempt.answer)
            && let Some(first) = accepted.insert(id.as_str(), receipt)
        {
            return Err(Failure::new(format!("{id} was accepted twice: {first:?} and {receipt:?}")));
        }
    }
    for attempt in attempts {
        if let (Some(id), AppendOutcome::Duplicate { receipt, .. }) = (&attempt.id, &attempt.answer) {
            ensure_eq!(Some(&receipt), accepted.get(id.as_str()), "the receipt of {id}, which is known");
        }
    }
    Ok(())
}
