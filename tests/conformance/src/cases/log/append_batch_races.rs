//! Batches of appends that race with each other, with readers and with their own cancellation.

use std::collections::HashMap;

use annalist_core::{
    record::{Position, Record},
    store::{Append, AppendOutcome, Read, Receipt},
};

use crate::{
    Failure,
    failure::{Outcome, panicked},
    support::{
        concurrency::{cancel_after_polls, run_concurrently},
        fixtures::*,
        handle::Handle,
        log::Log,
    },
};

cases!("append_batch_races" needs [AppendBatch]: [
    outcomes_of_random_batches_are_correct,
    one_batch_wins_on_a_shared_tag,
    readers_see_a_batch_completely_or_not_at_all,
    cancelled_batch_is_written_completely_or_not_at_all,
]);

async fn outcomes_of_random_batches_are_correct(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let mut random = log.random("batches");
    let (mut receipts, mut done, mut refused) = (HashMap::new(), 0, 0);
    for round in 0..log.rounds(60) {
        let handle = random.choice(&handles).unwrap_or(&handles[0]);
        let mut all = vec![];
        for nth in 0..random.usize(1..=6.min(log.max_batch())) {
            let mut request = append((0..random.usize(0..3)).map(|_| random_event(&mut random)));
            for _ in 0..random.usize(0..3) {
                let criteria = random_criteria(&mut random);
                // Seldom an old marker, so that many batches are accepted.
                let up_to = if random.u8(0..12) == 0 { random.u64(0..20) } else { u64::MAX };
                let read = Read::all(criteria.clone()).up_to(Position::new(up_to));
                request = request.if_unchanged(criteria, handle.read_one(read).await?.marker);
            }
            let again = !receipts.is_empty() && random.u8(0..20) == 0;
            let id = if again { random.usize(0..=round) } else { round };
            request.key = random.bool().then(|| command_key(format!("c-{id}-{nth}"), "write", &[]));
            all.push(request);
        }
        let expected = refusals(handle, &all, &receipts).await?;
        match handle.append(all.clone()).await? {
            AppendOutcome::Appended(returned) => {
                ensure!(
                    expected.is_empty(),
                    "the batch was accepted, although one of these outcomes must refuse it: {expected:?}"
                );
                done += 1;
                for (request, receipt) in all.into_iter().zip(returned) {
                    receipts.extend(request.key.map(|key| (key.id().to_owned(), receipt)));
                }
            }
            other => {
                let other = other.map(|_| Receipt::default());
                ensure!(
                    expected.contains(&other),
                    "the batch must be refused with one of {expected:?}, but the outcome is {other:?}"
                );
                refused += 1;
            }
        }
    }
    ensure!(
        done > 0 && refused > 0,
        "some batches must be accepted and some refused, but {done} were accepted and {refused} refused"
    );
    Ok(())
}

/// Every correct refusal: a duplicate id, or a condition with a new matching event.
async fn refusals(
    log: &Handle,
    all: &[Append],
    receipts: &HashMap<String, Receipt>,
) -> Outcome<Vec<AppendOutcome<Receipt>>> {
    let mut refusals = vec![];
    for (index, request) in all.iter().enumerate() {
        if let Some(receipt) = request.key.as_ref().and_then(|key| receipts.get(key.id())) {
            refusals.push(AppendOutcome::Duplicate { index, receipt: receipt.clone() });
            continue;
        }
        // A single append without events returns the same outcome for each condition.
        for (condition, one) in request.conditions.iter().enumerate() {
            let single = empty_append().if_unchanged(one.criteria.clone(), one.marker);
            if let AppendOutcome::Conflict { conflicting_position, .. } = log.append_one(single).await? {
                refusals.push(AppendOutcome::Conflict { index, condition, conflicting_position });
            }
        }
    }
    Ok(refusals)
}

async fn one_batch_wins_on_a_shared_tag(log: Log) -> Outcome {
    const RACERS: usize = 8;
    let handles = log.handles(3).await?;
    for round in 0..log.rounds(15) {
        let watched = criteria_for(&["claimed"], &[&format!("name:{round}")]);
        let seen = log.read_one(Read::all(watched.clone())).await?.marker;
        let tasks = (0..RACERS).map(|racer| {
            let (handle, watched) = (handles[racer % 3].clone(), watched.clone());
            async move {
                let (name, own) = (format!("name:{round}"), format!("racer:{racer}"));
                let claim = || append([event("claimed", &[&name, &own])]).if_unchanged(watched.clone(), seen);
                // Some batches consist of the claim, others have more appends.
                let all = match racer % 3 {
                    0 => vec![claim()],
                    1 => vec![append([event("moved", &[&own])]), claim()],
                    _ => vec![claim(), claim(), append([event("moved", &[&own])])],
                };
                let events = all.len();
                match handle.append(all).await? {
                    AppendOutcome::Appended(_) => Ok(Some(events)),
                    AppendOutcome::Conflict { .. } => Ok(None),
                    other => Err(Failure::new(format!("the batch has no command ids: it must be accepted or conflict, but the outcome is {other:?}"))),
                }
            }
        });
        let before = log.read_all().await?.len();
        let won: Vec<usize> = run_concurrently(tasks).await?.into_iter().flatten().collect();
        ensure_eq!(won.len(), 1, "accepted batches of {RACERS} in round {round}");
        ensure_eq!(log.read_all().await?.len(), before + won[0], "number of events after round {round}");
    }
    Ok(())
}

async fn readers_see_a_batch_completely_or_not_at_all(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rounds = log.rounds(20);
    let writers = (0..4).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for round in 0..rounds {
                let whole = format!("whole:{task}-{round}");
                handle
                    .expect_batch_accepted((0..4).map(|_| append([event("part", &[&whole])])).collect())
                    .await?;
            }
            Ok(())
        }
    });
    let readers = (0..2).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for _ in 0..rounds {
                check_whole_batches(&handle.read_one(read(&["part"], &[])).await?.records)?;
            }
            Ok(())
        }
    });
    let writers = tokio::spawn(run_concurrently(writers.collect::<Vec<_>>()));
    run_concurrently(readers).await?;
    writers.await.map_err(panicked)??;
    check_whole_batches(&log.read_one(read(&["part"], &[])).await?.records)
}

/// Expects that each tag is on four events.
fn check_whole_batches(records: &[Record]) -> Outcome {
    let mut parts = HashMap::new();
    for record in records {
        *parts.entry(&record.tags[0]).or_insert(0) += 1;
    }
    let halves: Vec<_> = parts.iter().filter(|(_, count)| **count != 4).collect();
    ensure!(
        halves.is_empty(),
        "a batch of four appends must be visible completely or not at all, but parts of these are visible: {halves:?}"
    );
    Ok(())
}

async fn cancelled_batch_is_written_completely_or_not_at_all(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rounds = log.rounds(25);
    let tasks = (0..4).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for round in 0..rounds {
                let whole = format!("whole:{task}-{round}");
                let id = |nth| command_key(format!("c-{task}-{round}-{nth}"), "write", &[]);
                let all = (0..4).map(|nth| append([event("part", &[&whole])]).with_key(id(nth))).collect();
                let result = cancel_after_polls(round % 5, handle.append(all)).await.transpose()?;
                // This append is not cancelled: it must succeed after the others.
                let last = handle.append_one(empty_append().with_key(id(3))).await?;
                let found = handle.read_one(read(&["part"], &[&whole])).await?.records.len();
                let known = matches!(last, AppendOutcome::Duplicate { .. });
                ensure!(found == if known { 4 } else { 0 }, "a cancelled batch of four must be written completely or not at all, but {found} of its events are in the log, and its last command id returns {last:?}");
                ensure!(known || result.is_none(), "the batch was acknowledged with {result:?}, but is not in the log");
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await.map(drop)
}
