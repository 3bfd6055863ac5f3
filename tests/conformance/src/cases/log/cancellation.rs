//! Cancelled appends: written completely or not at all, and later appends are not blocked.

use std::{
    collections::HashMap,
    pin::pin,
    task::{Context, Waker},
};

use annalist_core::{
    criteria::Criteria,
    record::Position,
    store::{AppendOutcome, PageLimit, Read},
};

use crate::{
    failure::Outcome,
    support::{
        concurrency::{cancel_after_polls, run_concurrently},
        fixtures::*,
        log::Log,
    },
};

cases!("cancellation": [
    cancelled_append_is_written_completely_or_not_at_all,
    cancelled_command_can_be_retried,
    append_that_is_never_polled_writes_nothing,
    cancelled_reads_do_not_affect_others,
]);

async fn cancelled_append_is_written_completely_or_not_at_all(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rounds = log.rounds(25);
    let tasks = (0..4).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            let mut acknowledged = vec![];
            for round in 0..rounds {
                let whole = format!("whole:{task}-{round}");
                let request = append((0..4).map(|_| event("part", &[&whole])));
                if let Some(result) = cancel_after_polls(round % 5, handle.append_one(request)).await {
                    result?;
                    acknowledged.push(whole);
                }
            }
            // This append is not cancelled: it must succeed after all the others.
            let last = handle.expect_accepted(append([event("last", &[])])).await?.position();
            Ok((acknowledged, last))
        }
    });
    let (acknowledged, last): (Vec<_>, Vec<_>) = run_concurrently(tasks).await?.into_iter().unzip();
    let mut parts = HashMap::new();
    for record in log.read_one(read(&["part"], &[])).await?.records {
        *parts.entry(record.tags[0].clone()).or_insert(0) += 1;
    }
    let halves: Vec<_> = parts.iter().filter(|(_, count)| **count != 4).collect();
    ensure!(
        halves.is_empty(),
        "a cancelled append of four events must be written completely or not at all, but parts of these are in the log: {halves:?}"
    );
    for whole in acknowledged.concat() {
        ensure!(
            parts.contains_key(&tag(&whole)),
            "the append of {whole} was acknowledged, but its events are not in the log"
        );
    }
    let end = last.into_iter().max().unwrap_or(Position::START);
    let fed = log.feed_until(&Criteria::all(), Position::START, 7, end).await?;
    let read = log.read_one(Read::all(Criteria::all()).up_to(end)).await?.records;
    ensure_eq!(positions_of(&fed), positions_of(&read), "positions in the feed after cancelled appends");
    Ok(())
}

async fn cancelled_command_can_be_retried(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    for round in 0..log.rounds(30) {
        let whole = format!("whole:{round}");
        let request = append((0..3).map(|_| event("part", &[&whole]))).with_key(command_key(
            format!("c-{round}"),
            "write",
            &[],
        ));
        let first =
            cancel_after_polls(round % 6, handles[0].append_one(request.clone())).await.transpose()?;
        // Through the same handle or another, while the first attempt may still be executing.
        let receipt = match handles[round % 2].append_one(request.clone()).await? {
            AppendOutcome::Appended(receipt) | AppendOutcome::Duplicate { receipt, .. } => receipt,
            other => {
                return Err(crate::Failure::new(format!(
                    "the append has no conditions: the outcome must be `Appended` or `Duplicate`, but is {other:?}"
                )));
            }
        };
        if let Some(AppendOutcome::Appended(first)) = first {
            ensure_eq!(receipt, first, "receipt of a retried command whose first attempt returned a receipt");
        }
        let found = log.read_one(read(&["part"], &[&whole])).await?.records;
        ensure_eq!(positions_of(&found), positions(&receipt), "positions of the events of a retried command");
        ensure_eq!(log.expect_duplicate(request).await?, receipt, "receipt of the third attempt");
    }
    Ok(())
}

async fn append_that_is_never_polled_writes_nothing(log: Log) -> Outcome {
    for _ in 0..5 {
        drop(log.append_one(append([event("a", &[])]).with_key(command_key("c-1", "write", &[]))));
    }
    let last = log.expect_accepted(append([event("b", &[])])).await?.position();
    ensure_eq!(
        positions_of(&log.read_all().await?),
        [last],
        "positions of all events after appends that were never polled"
    );
    ensure_eq!(
        log.receipt(&command_key("c-1", "write", &[])).await?,
        None,
        "receipt of a command that was never polled"
    );
    Ok(())
}

async fn cancelled_reads_do_not_affect_others(log: Log) -> Outcome {
    log.expect_accepted(append((0..50).map(|n| event("a", &[&format!("n:{}", n % 3)])))).await?;
    for round in 0..log.rounds(20) {
        let reads = [Read::all(Criteria::all())];
        drop(cancel_after_polls(round % 4, log.read(&reads)).await);
        drop(
            cancel_after_polls(
                round % 4,
                log.feed(&Criteria::all(), Position::START, PageLimit::records(10)),
            )
            .await,
        );
        drop(cancel_after_polls(round % 4, log.settled()).await);
        // Polled once with a waker that wakes no task.
        let mut read = pin!(log.read(&reads));
        let _ = read.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    let last = log.expect_accepted(append([event("b", &[])])).await?.position();
    let fed = log.feed_until(&Criteria::all(), Position::START, 10, last).await?;
    ensure_eq!(fed.len(), 51, "number of events in the feed after cancelled reads");
    Ok(())
}
