//! Appends whose caller went away: whole or absent, never half there, and nothing stuck behind them.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, Waker},
};

use annalist_core::{
    criteria::Criteria,
    record::Position,
    store::{AppendOutcome, Read},
};

use crate::{
    failure::Outcome,
    given::*,
    log::{Log, together},
};

cases!("dropped": [
    a_dropped_append_is_whole_or_absent,
    a_dropped_command_can_be_sent_again,
    an_append_that_is_never_polled_writes_nothing,
    a_dropped_read_or_feed_harms_nobody,
]);

/// Polls a future at most so many times, each time when it asks to be polled, and then drops it.
pub(super) async fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context: &mut Context<'_>| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn a_dropped_append_is_whole_or_absent(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rounds = log.rounds(25);
    let tasks = (0..4).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            let mut acknowledged = vec![];
            for round in 0..rounds {
                let whole = format!("whole:{task}-{round}");
                let sent = append((0..4).map(|_| event("part", &[&whole])));
                if let Some(answer) = dropped_after(round % 5, handle.append_one(sent)).await {
                    answer?;
                    acknowledged.push(whole);
                }
            }
            // Nobody dropped this one: it must go through behind all the others.
            let last = handle.accepted(append([event("last", &[])])).await?.position();
            Ok((acknowledged, last))
        }
    });
    let (acknowledged, last): (Vec<_>, Vec<_>) = together(tasks).await?.into_iter().unzip();
    let mut parts = HashMap::new();
    for record in log.look(read(&["part"], &[])).await?.records {
        *parts.entry(record.tags[0].clone()).or_insert(0) += 1;
    }
    let halves: Vec<_> = parts.iter().filter(|(_, count)| **count != 4).collect();
    ensure!(halves.is_empty(), "of dropped appends of four events these are there in part: {halves:?}");
    for whole in acknowledged.concat() {
        ensure!(parts.contains_key(&tag(&whole)), "{whole} was acknowledged, but is not there");
    }
    let end = last.into_iter().max().unwrap_or(Position::START);
    let fed = log.drain(&Criteria::all(), Position::START, 7, end).await?;
    let read = log.look(Read::all(Criteria::all()).up_to(end)).await?.records;
    ensure_eq!(places(&fed), places(&read), "the feed past dropped appends");
    Ok(())
}

async fn a_dropped_command_can_be_sent_again(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    for round in 0..log.rounds(30) {
        let whole = format!("whole:{round}");
        let sent =
            append((0..3).map(|_| event("part", &[&whole]))).keyed(key(format!("c-{round}"), "write", &[]));
        let first = dropped_after(round % 6, handles[0].append_one(sent.clone())).await.transpose()?;
        // Through the same handle or another, while the first may still be on its way.
        let receipt = match handles[round % 2].append_one(sent.clone()).await? {
            AppendOutcome::Appended(receipt) | AppendOutcome::Duplicate { receipt, .. } => receipt,
            other => {
                return Err(crate::Failure::new(format!("an append without conditions met {other:?}")));
            }
        };
        if let Some(AppendOutcome::Appended(first)) = first {
            ensure_eq!(receipt, first, "the receipt of a command that was answered the first time");
        }
        let found = log.look(read(&["part"], &[&whole])).await?.records;
        ensure_eq!(places(&found), positions(&receipt), "the events of a command that was sent twice");
        ensure_eq!(log.known(sent).await?, receipt, "the receipt the third time");
    }
    Ok(())
}

async fn an_append_that_is_never_polled_writes_nothing(log: Log) -> Outcome {
    for _ in 0..5 {
        drop(log.append_one(append([event("a", &[])]).keyed(key("c-1", "write", &[]))));
    }
    let last = log.accepted(append([event("b", &[])])).await?.position();
    ensure_eq!(places(&log.everything().await?), [last], "events after appends that were never polled");
    ensure_eq!(
        log.receipt(&key("c-1", "write", &[])).await?,
        None,
        "the receipt of a command that was never polled"
    );
    Ok(())
}

async fn a_dropped_read_or_feed_harms_nobody(log: Log) -> Outcome {
    log.accepted(append((0..50).map(|n| event("a", &[&format!("n:{}", n % 3)])))).await?;
    for round in 0..log.rounds(20) {
        let reads = [Read::all(Criteria::all())];
        drop(dropped_after(round % 4, log.read(&reads)).await);
        drop(dropped_after(round % 4, log.feed(&Criteria::all(), Position::START, 10)).await);
        drop(dropped_after(round % 4, log.settled()).await);
        // Polled once without a task behind it that could be woken.
        let mut read = pin!(log.read(&reads));
        let _ = read.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    let last = log.accepted(append([event("b", &[])])).await?.position();
    let fed = log.drain(&Criteria::all(), Position::START, 10, last).await?;
    ensure_eq!(fed.len(), 51, "events in the feed after reads were dropped");
    Ok(())
}
