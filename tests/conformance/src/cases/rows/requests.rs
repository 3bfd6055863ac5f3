//! Requests of operators to a projection or policy: stored once, read by every process.

use annalist_core::{
    rows::{Build, FollowerRequests, Pause, RetryRequest, RetryState, Table},
    time::Timestamp,
};
use uuid::Uuid;

use super::builds::CHECKPOINT_ONLY;
use crate::{
    failure::Outcome,
    support::{concurrency::run_concurrently, log::Log, rows::*},
};

cases!("requests" needs [Rows]: [
    requests_are_stored_for_all_builds_of_one_projection,
    requests_are_replaced_only_after_the_revision_before,
    requests_leave_builds_unchanged,
    one_of_several_racing_processes_takes_a_retry_request,
] durable [
    requests_survive_reopen,
]);

const MAILER: Table = Table { projection: "mailer", ..CHECKPOINT_ONLY };

/// Requests with every field.
fn paused(revision: u64) -> FollowerRequests {
    let actor = Some("ada 🦀".to_owned());
    let mut requests = FollowerRequests::default();
    requests.revision = revision;
    requests.pause =
        Some(Pause { actor: actor.clone(), at: Timestamp::EPOCH, reason: "a \"b\"\0 'c'".to_owned() });
    requests.restarts = u64::MAX >> 1;
    requests.retry =
        Some(RetryRequest { number: revision, actor, at: Timestamp::MAX, state: RetryState::Waiting });
    requests
}

async fn requests_of(rows: &TestRows, table: &Table) -> Outcome<FollowerRequests> {
    Ok(rows.build_of(table).await?.requests)
}

async fn requests_are_stored_for_all_builds_of_one_projection(log: Log) -> Outcome {
    let rows = log.rows();
    for table in [THINGS, MAILER] {
        rows.define_table(&table).await?;
    }
    ensure_eq!(requests_of(&rows, &THINGS).await?, FollowerRequests::default(), "requests to a new build");
    ensure!(rows.replace_requests(&THINGS, &paused(1)).await?, "no requests are stored");
    let later = Table { version: 2, ..THINGS.built(3) };
    rows.define_table(&later).await?;
    for table in [THINGS, later] {
        ensure_eq!(requests_of(&rows, &table).await?, paused(1), "requests to `{}`", table.name());
    }
    let other = requests_of(&rows, &MAILER).await?;
    ensure_eq!(other, FollowerRequests::default(), "requests to another projection");
    Ok(())
}

async fn requests_are_replaced_only_after_the_revision_before(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&MAILER).await?;
    for stored in 0..3 {
        for wrong in (0..6).filter(|revision| *revision != stored + 1) {
            let replaced = rows.replace_requests(&MAILER, &paused(wrong)).await?;
            ensure!(!replaced, "revision {wrong} must not replace revision {stored}");
            let found = requests_of(&rows, &MAILER).await?.revision;
            ensure_eq!(found, stored, "revision after a refused replacement");
        }
        let replaced = rows.replace_requests(&MAILER, &paused(stored + 1)).await?;
        ensure!(replaced, "revision {} must replace revision {stored}", stored + 1);
        ensure_eq!(requests_of(&rows, &MAILER).await?, paused(stored + 1), "requests after a replacement");
    }
    Ok(())
}

async fn requests_leave_builds_unchanged(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&MAILER).await?;
    rows.expect_committed(change(&MAILER, 0, 7).with_anchor(anchor(7))).await?;
    rows.report(&MAILER, Some("poison")).await?;
    let before = rows.build_of(&MAILER).await?;
    ensure!(rows.replace_requests(&MAILER, &paused(1)).await?, "no requests are stored");
    let after = rows.build_of(&MAILER).await?;
    ensure_eq!(after, Build { requests: paused(1), ..before }, "build with requests");
    rows.expect_committed(change(&MAILER, 7, 9)).await?;
    ensure_eq!(requests_of(&rows, &MAILER).await?, paused(1), "requests after a change of the rows");
    Ok(())
}

async fn one_of_several_racing_processes_takes_a_retry_request(log: Log) -> Outcome {
    let handles = log.handles(4).await?;
    log.rows().define_table(&MAILER).await?;
    for round in 0..log.rounds(20) as u64 {
        let contenders = (1..).zip(&handles).map(|(process, handle)| {
            let rows = handle.rows();
            async move {
                let mut taken = paused(round + 1);
                let process = Uuid::from_u128(process);
                if let Some(retry) = &mut taken.retry {
                    retry.state = RetryState::Running { process, round };
                }
                Ok(rows.replace_requests(&MAILER, &taken).await?.then_some(taken))
            }
        });
        let winners: Vec<FollowerRequests> =
            run_concurrently(contenders).await?.into_iter().flatten().collect();
        ensure_eq!(winners.len(), 1, "number of processes that took the request");
        let stored = requests_of(&log.rows(), &MAILER).await?;
        ensure_eq!(Some(&stored), winners.first(), "requests after the race");
    }
    Ok(())
}

async fn requests_survive_reopen(log: Log) -> Outcome {
    log.rows().define_table(&MAILER).await?;
    ensure!(log.rows().replace_requests(&MAILER, &paused(1)).await?, "no requests are stored");
    let log = log.reopened().await?;
    ensure_eq!(requests_of(&log.rows(), &MAILER).await?, paused(1), "requests after a reopen");
    Ok(())
}
