//! Random conditions raced by several processes, judged afterwards by the log alone; with the locks and without.

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
    given::Place,
};

const PROCESSES: u64 = 3;
const TASKS: u64 = 4;
const APPENDS: usize = 60;
const NAMES: [&str; 4] = ["opened", "closed", "moved", "paid"];

/// One append: on which grounds, and what became of it.
struct Deed {
    criteria: Criteria,
    seen: HashSet<Position>,
    outcome: AppendOutcome<Receipt>,
}

#[derive(Debug, Default)]
struct Verdict {
    accepted: usize,
    conflicts: usize,
    /// Accepted although a matching event that was not seen lies before it.
    violations: usize,
    /// Refused although there is no matching event that was not seen.
    false_conflicts: usize,
}

fn criteria(random: &mut Rng) -> Criteria {
    (0..random.usize(1..=3))
        .map(|_| {
            let names: Vec<&str> = NAMES.into_iter().filter(|_| random.u8(..3) == 0).collect();
            let tags: Vec<u8> = (0..4).filter(|_| random.u8(..3) == 0).collect();
            tags.into_iter().fold(Item::any().types(names), |item, value| item.tag(tag(value)))
        })
        // An item that matches everything would leave no room for the others.
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

async fn act(store: annalist_postgres::Postgres, seed: u64, wide: bool) -> Vec<Deed> {
    let mut random = Rng::with_seed(seed);
    let mut deeds = Vec::new();
    for _ in 0..APPENDS {
        let criteria = criteria(&mut random);
        let batch = store.read(&[Read::all(criteria.clone())]).await.unwrap().remove(0);
        let seen = batch.records.iter().map(|record| record.position).collect();
        let condition = Condition { criteria: criteria.clone(), marker: batch.marker };
        let append = Append { conditions: vec![condition], ..events(&mut random, wide) };
        deeds.push(Deed { criteria, seen, outcome: store.append_one(append).await.unwrap() });
    }
    deeds
}

async fn race(place: &Place, wide: bool) -> Verdict {
    let mut tasks = JoinSet::new();
    for process in 0..PROCESSES {
        let store = place.open().await;
        for task in 0..TASKS {
            tasks.spawn(act(store.clone(), process * TASKS + task, wide));
        }
    }
    let deeds: Vec<Deed> = tasks.join_all().await.into_iter().flatten().collect();
    let log = log(&place.open().await).await;
    let mut verdict = Verdict::default();
    deeds.iter().for_each(|deed| judge(deed, &log, &mut verdict));
    let appended: usize = deeds
        .iter()
        .map(
            |deed| {
                if let AppendOutcome::Appended(receipt) = &deed.outcome { receipt.events.len() } else { 0 }
            },
        )
        .sum();
    assert_eq!(log.len(), appended, "what was accepted is in the log, and nothing else");
    verdict
}

fn judge(deed: &Deed, log: &[Record], verdict: &mut Verdict) {
    let unseen = |record: &&Record| {
        !deed.seen.contains(&record.position) && deed.criteria.matches(&record.name, &record.tags)
    };
    match &deed.outcome {
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
                record.position == *conflicting_position && deed.criteria.matches(&record.name, &record.tags)
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

pub(crate) async fn conditions_are_exact(place: Place) {
    is_exact(&race(&place, false).await);
}

pub(crate) async fn many_keys_are_exact_too(place: Place) {
    is_exact(&race(&place, true).await);
}

/// Makes appends go on where they should wait.
pub(crate) const WITHOUT_LOCKS: &str = "DO $$ BEGIN
       EXECUTE (
         SELECT replace(pg_get_functiondef(oid), 'pg_advisory_xact_lock', 'pg_try_advisory_xact_lock')
         FROM pg_proc WHERE pronamespace = 'annalist'::regnamespace AND proname = 'append' AND pronargs = 24);
     END $$";

/// The control: if nobody waits for a lock, the same race is lost. So the locks are needed, and the judge can tell.
pub(crate) async fn conditions_are_not_exact_without_the_locks(place: Place) {
    place.open().await;
    place.run(WITHOUT_LOCKS).await;
    let verdict = race(&place, false).await;
    assert!(verdict.violations > 0, "{verdict:?}");
}
