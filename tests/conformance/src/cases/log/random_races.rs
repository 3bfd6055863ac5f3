//! Random appends race, and afterwards every outcome is checked against the final log.
//!
//! Every task records what it read, what it appended and the outcome. From these records and the final log it follows
//! whether each outcome was correct, for any interleaving.

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
    support::{
        concurrency::{run_concurrently, yield_now},
        fixtures::*,
        handle::Handle,
        log::Log,
    },
};

cases!("random_races": [
    outcomes_of_random_appends_are_correct,
    outcomes_of_random_commands_are_correct,
]);

const TASKS: usize = 12;

/// The record of one append.
struct Attempt {
    /// Its conditions, each with the positions of the events that were read for it.
    watched: Vec<(Criteria, HashSet<Position>)>,
    id: Option<String>,
    events: Vec<Uuid>,
    outcome: AppendOutcome<Receipt>,
}

async fn outcomes_of_random_appends_are_correct(log: Log) -> Outcome {
    let attempts = race(&log, None).await?;
    let count =
        |is: fn(&AppendOutcome<Receipt>) -> bool| attempts.iter().filter(|one| is(&one.outcome)).count();
    let (done, refused) = (
        count(|one| matches!(one, AppendOutcome::Appended(_))),
        count(|one| matches!(one, AppendOutcome::Conflict { .. })),
    );
    ensure!(
        done > 0 && refused > 0,
        "some appends must be accepted and some refused, but of {}, {done} were accepted and {refused} refused",
        attempts.len()
    );
    check(&log, &attempts).await
}

async fn outcomes_of_random_commands_are_correct(log: Log) -> Outcome {
    let attempts = race(&log, Some(TASKS * log.rounds(25) / 5)).await?;
    check(&log, &attempts).await
}

/// Runs the tasks. With `ids`, most appends have one of this many command ids.
async fn race(log: &Log, ids: Option<usize>) -> Outcome<Vec<Attempt>> {
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
    Ok(run_concurrently(tasks).await?.into_iter().flatten().collect())
}

async fn attempt(handle: &Handle, random: &mut fastrand::Rng, ids: Option<usize>) -> Outcome<Attempt> {
    let reads: Vec<Read> = (0..random.usize(0..3)).map(|_| random_read(random)).collect();
    let batches = handle.read(&reads).await?;
    let seen = |batch: &Batch| batch.records.iter().map(|record| record.position).collect();
    let watched =
        reads.iter().zip(&batches).map(|(read, batch)| (read.criteria.clone(), seen(batch))).collect();
    let request = append((0..random.usize(0..4)).map(|_| random_event(random)));
    let mut request: Append = reads
        .into_iter()
        .zip(&batches)
        .fold(request, |request, (read, batch)| request.if_unchanged(read.criteria, batch.marker));
    let id = ids.filter(|_| random.u8(0..4) > 0).map(|ids| format!("c-{}", random.usize(0..ids)));
    request.key = id.clone().map(|id| command_key(id, "write", &["a:1"]));
    let events = request.events.iter().map(annalist_core::record::Draft::id).collect();
    for _ in 0..random.u8(0..3) {
        yield_now().await;
    }
    let outcome = handle.append_one(request).await?;
    Ok(Attempt { watched, id, events, outcome })
}

/// A random read. Half of the criteria are narrow, so that appends conditioned on them are often accepted; some reads
/// end at a position.
fn random_read(random: &mut fastrand::Rng) -> Read {
    let criteria = if random.bool() {
        criteria_for(&[&format!("type{}", random.u8(0..6))], &[&format!("a:{}", random.u8(0..3))])
    } else {
        random_criteria(random)
    };
    let up_to = if random.u8(0..8) == 0 { Position::new(random.u64(0..200)) } else { Position::END };
    Read::all(criteria).up_to(up_to)
}

async fn check(log: &Handle, attempts: &[Attempt]) -> Outcome {
    let all = log.read_all().await?;
    let found: HashMap<Position, &Record> = all.iter().map(|record| (record.position, record)).collect();
    for attempt in attempts {
        match &attempt.outcome {
            AppendOutcome::Appended(receipt) => check_accepted(&all, &found, attempt, receipt)?,
            AppendOutcome::Conflict { condition, conflicting_position, .. } => {
                check_refused(&all, &found, attempt, *condition, *conflicting_position)?;
            }
            AppendOutcome::Duplicate { .. } => {
                ensure!(attempt.id.is_some(), "an append without a command id returned `Duplicate`");
            }
            AppendOutcome::InlineRequired { builds, .. } => {
                return Err(Failure::new(format!(
                    "no build is inline, but an append returned `InlineRequired` for {builds:?}"
                )));
            }
            AppendOutcome::SuccessorsChanged { .. } => {
                return Err(Failure::new("the append knows no list, but `SuccessorsChanged` was returned"));
            }
        }
    }
    check_ids(attempts)?;
    let accepted: HashSet<Uuid> = attempts
        .iter()
        .filter(|one| matches!(one.outcome, AppendOutcome::Appended(_)))
        .flat_map(|one| one.events.clone())
        .collect();
    let unknown: Vec<_> =
        all.iter().filter(|record| !accepted.contains(&record.id)).map(|record| record.position).collect();
    ensure!(
        unknown.is_empty(),
        "the events at {unknown:?} are in the log, but their appends were not accepted"
    );
    let fed = log
        .feed_until(
            &Criteria::all(),
            Position::START,
            7,
            all.last().map_or(Position::START, |last| last.position),
        )
        .await?;
    ensure!(
        fed == all,
        "the feed and a read must return the same events, but the feed returned {} and the read {}, or other ones",
        fed.len(),
        all.len()
    );
    Ok(())
}

/// The events of an accepted append must be in the log, and every event before them that matches its conditions must
/// have been read.
fn check_accepted(
    all: &[Record],
    found: &HashMap<Position, &Record>,
    attempt: &Attempt,
    receipt: &Receipt,
) -> Outcome {
    let ids: Vec<Uuid> = receipt.events.iter().map(|event| event.id).collect();
    ensure_eq!(ids, attempt.events, "event ids in the receipt");
    for event in &receipt.events {
        let stored = found.get(&event.position).is_some_and(|record| record.id == event.id);
        ensure!(stored, "the event at {} was acknowledged, but is not in the log", event.position);
    }
    for (criteria, seen) in &attempt.watched {
        let missed = all.iter().take_while(|record| record.position < receipt.position()).find(|record| {
            criteria.matches(&record.name, &record.tags)
                && !seen.contains(&record.position)
                && !ids.contains(&record.id)
        });
        if let Some(missed) = missed {
            return Err(Failure::new(format!(
                "the append at {} was accepted, although {missed:?} matches its condition on {criteria:?} and had not been read",
                receipt.position()
            )));
        }
    }
    Ok(())
}

/// The conflicting event must be in the log and match the condition. It is the newest match. If the append had read it,
/// an older match was settled late and had not been read.
fn check_refused(
    all: &[Record],
    found: &HashMap<Position, &Record>,
    attempt: &Attempt,
    condition: usize,
    conflicting_position: Position,
) -> Outcome {
    let Some((criteria, seen)) = attempt.watched.get(condition) else {
        return Err(Failure::new(format!(
            "condition {condition} was reported, but the append had {} conditions",
            attempt.watched.len()
        )));
    };
    let Some(record) = found.get(&conflicting_position) else {
        return Err(Failure::new(format!(
            "an append conflicts with position {conflicting_position}, but there is no event"
        )));
    };
    ensure!(
        criteria.matches(&record.name, &record.tags),
        "an append on condition that {criteria:?} is unchanged conflicts with {record:?}, which does not match"
    );
    let mut matching = all
        .iter()
        .take_while(|record| record.position <= conflicting_position)
        .filter(|record| criteria.matches(&record.name, &record.tags));
    ensure!(
        matching.any(|record| !seen.contains(&record.position)),
        "an append on condition that {criteria:?} is unchanged conflicts with position {conflicting_position}, but every match up to there had been read"
    );
    Ok(())
}

/// Each id was accepted at most once, and every duplicate returned that receipt.
fn check_ids(attempts: &[Attempt]) -> Outcome {
    let mut accepted = HashMap::new();
    for attempt in attempts {
        if let (Some(id), AppendOutcome::Appended(receipt)) = (&attempt.id, &attempt.outcome)
            && let Some(first) = accepted.insert(id.as_str(), receipt)
        {
            return Err(Failure::new(format!(
                "the command id {id} was accepted twice: {first:?} and {receipt:?}"
            )));
        }
    }
    for attempt in attempts {
        if let (Some(id), AppendOutcome::Duplicate { receipt, .. }) = (&attempt.id, &attempt.outcome) {
            ensure_eq!(Some(&receipt), accepted.get(id.as_str()), "receipt of the duplicate command id {id}");
        }
    }
    Ok(())
}
