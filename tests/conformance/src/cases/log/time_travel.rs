//! The prefix of the log at a time, and the events that it hides.

use annalist_core::{
    record::Position,
    store::{Append, Prefix},
    time::Timestamp,
};

use crate::{
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log},
};

cases!("time_travel": [
    prefix_at_a_time_with_a_steady_clock,
    prefix_at_a_time_when_the_clock_went_back,
    prefix_at_the_minimum_and_maximum_time,
]);

/// Appends one event at each of these seconds.
async fn append_at(log: &Handle, seconds: &[i64]) -> Outcome<Vec<Position>> {
    let mut at = vec![];
    for &second in seconds {
        at.push(log.expect_accepted(append([event("a", &[])]).recorded_at(second)).await?.position());
    }
    log.wait_until_settled(at[at.len() - 1]).await?;
    Ok(at)
}

/// Expects that the prefix at a time ends at or after the last of these events, and before the next one, and that it hides a number
/// of later events.
async fn expect_prefix(
    log: &Handle,
    at: &[Position],
    time: Timestamp,
    prefix: usize,
    hidden_events: u64,
) -> Outcome {
    let Prefix { up_to: found, hidden } = log.prefix_at(time).await?;
    let last = if prefix == 0 { Position::START } else { at[prefix - 1] };
    let within = found >= last && at.get(prefix).is_none_or(|next| found < *next);
    ensure!(
        within,
        "`prefix_at({time})` must cover the first {prefix} events of {at:?}, but ends at {found}"
    );
    ensure_eq!(hidden, hidden_events, "number of events after the prefix that were recorded until {time}");
    Ok(())
}

async fn prefix_at_a_time_with_a_steady_clock(log: Log) -> Outcome {
    let at = append_at(&log, &[10, 20, 20, 30]).await?;
    for (seconds, prefix) in [(-1, 0), (0, 0), (9, 0), (10, 1), (19, 1), (20, 3), (29, 3), (30, 4), (31, 4)] {
        expect_prefix(&log, &at, seconds_since_1970(seconds), prefix, 0).await?;
    }
    let just_before = Timestamp::from_micros(20_000_000 - 1);
    expect_prefix(&log, &at, just_before, 1, 0).await
}

async fn prefix_at_a_time_when_the_clock_went_back(log: Log) -> Outcome {
    // Some later events have an earlier time: the prefix ends before the first event that is too new.
    let at = append_at(&log, &[10, 30, 20, 5, 40, 15]).await?;
    for (seconds, prefix, hidden) in [
        (4, 0, 0),
        (5, 0, 1),
        (9, 0, 1),
        (10, 1, 1),
        (15, 1, 2),
        (20, 1, 3),
        (29, 1, 3),
        (30, 4, 1),
        (39, 4, 1),
        (40, 6, 0),
        (99, 6, 0),
    ] {
        expect_prefix(&log, &at, seconds_since_1970(seconds), prefix, hidden).await?;
    }
    let at_20 = log.prefix_at(seconds_since_1970(20)).await?.up_to;
    let batch = log
        .read_one(annalist_core::store::Read::all(annalist_core::criteria::Criteria::all()).up_to(at_20))
        .await?;
    ensure_eq!(positions_of(&batch.records), at[..1], "positions of the events up to the position at 20 s");
    Ok(())
}

async fn prefix_at_the_minimum_and_maximum_time(log: Log) -> Outcome {
    let mut at = vec![];
    for recorded_at in [Timestamp::MIN, Timestamp::EPOCH, Timestamp::MAX] {
        at.push(log.expect_accepted(Append { recorded_at, ..append([event("a", &[])]) }).await?.position());
    }
    log.wait_until_settled(at[2]).await?;
    for (time, prefix) in [
        (Timestamp::MIN, 1),
        (Timestamp::from_micros(-1), 1),
        (Timestamp::EPOCH, 2),
        (Timestamp::from_micros(Timestamp::MAX.as_micros() - 1), 2),
        (Timestamp::MAX, 3),
    ] {
        expect_prefix(&log, &at, time, prefix, 0).await?;
    }
    Ok(())
}
