//! The position at a time.

use annalist_core::{record::Position, store::Append, time::Timestamp};

use crate::{
    failure::Outcome,
    given::*,
    log::{Handle, Log},
};

cases!("position_at": [
    a_clock_that_goes_forward,
    a_clock_that_jumps_back,
    the_first_and_the_last_time,
]);

/// Appends one event at each of these seconds.
async fn written(log: &Handle, seconds: &[i64]) -> Outcome<Vec<Position>> {
    let mut at = vec![];
    for &second in seconds {
        at.push(log.accepted(append([event("a", &[])]).at(second)).await?.position());
    }
    log.settle(at[at.len() - 1]).await?;
    Ok(at)
}

/// The answer must lie at or behind the last event of the prefix, and before the first event that does not belong to it.
async fn ends(log: &Handle, at: &[Position], time: Timestamp, prefix: usize) -> Outcome {
    let found = log.position_at(time).await?;
    let last = if prefix == 0 { Position::START } else { at[prefix - 1] };
    let within = found >= last && at.get(prefix).is_none_or(|next| found < *next);
    ensure!(within, "the prefix up to {time} has {prefix} events of {at:?}, but ends at {found}");
    Ok(())
}

async fn a_clock_that_goes_forward(log: Log) -> Outcome {
    let at = written(&log, &[10, 20, 20, 30]).await?;
    for (seconds, prefix) in [(-1, 0), (0, 0), (9, 0), (10, 1), (19, 1), (20, 3), (29, 3), (30, 4), (31, 4)] {
        ends(&log, &at, seconds_since_1970(seconds), prefix).await?;
    }
    let just_before = Timestamp::from_micros(20_000_000 - 1);
    ends(&log, &at, just_before, 1).await
}

async fn a_clock_that_jumps_back(log: Log) -> Outcome {
    // Two of the later events are older than those before them: the prefix ends before the first event that is too new.
    let at = written(&log, &[10, 30, 20, 5, 40, 15]).await?;
    for (seconds, prefix) in
        [(4, 0), (5, 0), (10, 1), (15, 1), (20, 1), (29, 1), (30, 4), (39, 4), (40, 6), (99, 6)]
    {
        ends(&log, &at, seconds_since_1970(seconds), prefix).await?;
    }
    let at_20 = log.position_at(seconds_since_1970(20)).await?;
    let past = log
        .look(annalist_core::store::Read::all(annalist_core::criteria::Criteria::all()).up_to(at_20))
        .await?;
    ensure_eq!(places(&past.records), at[..1], "events up to the position at 20 s");
    Ok(())
}

async fn the_first_and_the_last_time(log: Log) -> Outcome {
    let mut at = vec![];
    for recorded_at in [Timestamp::MIN, Timestamp::EPOCH, Timestamp::MAX] {
        at.push(log.accepted(Append { recorded_at, ..append([event("a", &[])]) }).await?.position());
    }
    log.settle(at[2]).await?;
    for (time, prefix) in [
        (Timestamp::MIN, 1),
        (Timestamp::from_micros(-1), 1),
        (Timestamp::EPOCH, 2),
        (Timestamp::from_micros(Timestamp::MAX.as_micros() - 1), 2),
        (Timestamp::MAX, 3),
    ] {
        ends(&log, &at, time, prefix).await?;
    }
    Ok(())
}
