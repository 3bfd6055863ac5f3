//! Appends with random conditions, raced by several processes and checked afterwards against the log; with and without locks.

use std::collections::HashSet;

use annalist_core::{
    criteria::{Criteria, Item},
    record::{Position, Record},
    store::{Append, AppendOutcome, Condition, EventStore, Read, Receipt},
};
use fastrand::Rng;
use tokio::task::JoinSet;

use crate::{
    events::{append, event, log, tag},
    support::TestDatabase,
};

const PROCESSES: u64 = 3;
const TASKS: u64 = 4;
const APPENDS: usize = 60;
const NAMES: [&str; 4] = ["opened", "closed", "moved", "paid"];

/// One append: its condition, the events that it had seen, and its outcome.
struct Attempt {
    criteria: Criteria,
    seen: HashSet<Position>,
    outcome: AppendOutcome<Receipt>,
}

#[derive(Debug, Default)]
struct Verdict {
    accepted: usize,
    conflicts: usize,
    /// Accepted although an unseen matching event precedes it.
    violations: usize,
    /// Refused although there is no unseen matching event.
    false_conflicts: usize,
}

fn criteria(random: &mut Rng) -> Criteria {
    (0..random.usize(1..=3))
        .map(|_| {
            let names: Vec<&str> = NAMES.into_iter().filter(|_| random.u8(..3) == 0).collect();
            let tags: Vec<u8> = (0..4).filter(|_| random.u8(..3) == 0).collect();
            tags.into_iter().fold(Item::any().types(names), |item, value| item.tag(tag(value)))
        })
        // Without items that match everything, which would hide the others.
        .filter(|item| !item.type_names().is_empty() || !item.tags().is_empty())
        .collect()
}

/// One to three events, some of which carry more tags than an append may have locks.
fn events(random: &mut Rng, wide: bool) -> Append {
    append((0..random.usize(1..=3)).map(|_| {
        let mut tags: Vec<_> = (0..4).filter(|_| random.u8(..3) == 0).map(tag).collect();
        if wide && random.u8(..3) == 0 {
            tags.extend((0..80).map(|_| tag(random.u32(100..))));
        }
        event(NAMES[random.usize(..4)], tags)
    }))
}

async fn act(store: annalist_postgres::Postgres, seed: u64, wide: bool) -> Vec<Attempt> {
    let mut random = Rng::with_seed(seed);
    let mut attempts = Vec::new();
    for _ in 0..APPENDS {
        let criteria = criteria(&mut random);
        let batch = store.read(&[Read::all(criteria.clone())]).await.unwrap().remove(0);
        let seen = batch.records.iter().map(|record| record.position).collect();
        let condition = Condition { criteria: criteria.clone(), marker: batch.marker };
        let append = Append { conditions: vec![condition], ..events(&mut random, wide) };
        attempts.push(Attempt { criteria, seen, outcome: store.append_one(append).await.unwrap() });
    }
    attempts
}

async fn race(db: &TestDatabase, wide: bool) -> Verdict {
    let mut tasks = JoinSet::new();
    for process in 0..PROCESSES {
        let store = db.open().await;
        for task in 0..TASKS {
            tasks.spawn(act(store.clone(), process * TASKS + task, wide));
        }
    }
    let attempts: Vec<Attempt> = tasks.join_all().await.into_iter().flatten().collect();
    let log = log(&db.open().await).await;
    let mut verdict = Verdict::default();
    attempts.iter().for_each(|attempt| check(attempt, &log, &mut verdict));
    let appended: usize =
        attempts
            .iter()
            .map(|attempt| {
                if let AppendOutcome::Appended(receipt) = &attempt.outcome { receipt.events.len() } else { 0 }
            })
            .sum();
    assert_eq!(log.len(), appended, "what was accepted is in the log, and nothing else");
    verdict
}

fn check(attempt: &Attempt, log: &[Record], verdict: &mut Verdict) {
    let unseen = |record: &&Record| {
        !attempt.seen.contains(&record.position) && attempt.criteria.matches(&record.name, &record.tags)
    };
    match &attempt.outcome {
        AppendOutcome::Appended(receipt) => {
            verdict.accepted += 1;
            let own: HashSet<Position> = receipt.events.iter().map(|event| event.position).collect();
            let mut before = log.iter().filter(|record| record.position < receipt.position());
            verdict.violations +=
                usize::from(before.any(|record| unseen(&record) && !own.contains(&record.position)));
        }
        AppendOutcome::Conflict { conflicting_position, .. } => {
            verdict.conflicts += 1;
            let named = log.iter().any(|record| {
                record.position == *conflicting_position
                    && attempt.criteria.matches(&record.name, &record.tags)
            });
            verdict.false_conflicts += usize::from(!named || !log.iter().any(|record| unseen(&record)));
        }
        other => panic!("no append had an id or inline rows: {other:?}"),
    }
}

fn is_exact(verdict: &Verdict) {
    assert_eq!((verdict.violations, verdict.false_conflicts), (0, 0), "{verdict:?}");
    assert!(verdict.accepted > 50 && verdict.conflicts > 50, "too little happened: {verdict:?}");
}

pub(crate) async fn concurrent_conditions_are_exact(db: TestDatabase) {
    is_exact(&race(&db, false).await);
}

pub(crate) async fn concurrent_conditions_with_many_locks_are_exact(db: TestDatabase) {
    is_exact(&race(&db, true).await);
}

/// Makes appends continue where they should wait for a lock.
pub(crate) const WITHOUT_LOCKS: &str = "DO $$ BEGIN
       EXECUTE (
         SELECT replace(pg_get_functiondef(oid), 'pg_advisory_xact_lock', 'pg_try_advisory_xact_lock')
         FROM pg_proc WHERE pronamespace = 'annalist'::regnamespace AND proname = 'append' AND pronargs = 28);
     END $$";

/// The negative control: if appends do not wait for locks, the same race has violations. So the locks are needed, and the check
/// detects their absence.
pub(crate) async fn concurrent_conditions_without_locks_are_not_exact(db: TestDatabase) {
    db.open().await;
    db.run(WITHOUT_LOCKS).await;
    let verdict = race(&db, false).await;
    assert!(verdict.violations > 0, "{verdict:?}");
}
