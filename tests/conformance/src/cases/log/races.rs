//! Races: of conflicting appends one wins, independent appends all succeed, and no interleaving allows write skew.

use annalist_core::{
    criteria::Criteria,
    store::{Append, AppendOutcome, Marker, Read},
};

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

cases!("races": [
    one_append_wins_on_a_shared_tag,
    one_append_wins_on_a_shared_type,
    one_append_wins_when_all_watch_everything,
    one_append_wins_across_items,
    write_skew_is_prevented,
    disjoint_boundaries_never_conflict,
    unconditional_appends_always_succeed,
    no_increment_is_lost,
    append_of_several_events_is_visible_as_a_whole,
    callers_with_a_reservation_do_not_conflict,
]);

const RACERS: usize = 8;

/// Appends concurrently and returns how many appends were accepted. The others must be conflicts.
async fn count_accepted(handles: &[Handle], appends: Vec<Append>) -> Outcome<usize> {
    let tasks = appends.into_iter().enumerate().map(|(n, request)| {
        let handle = handles[n % handles.len()].clone();
        async move {
            match handle.append_one(request).await? {
                AppendOutcome::Appended(_) => Ok(1),
                AppendOutcome::Conflict { .. } => Ok(0),
                other => Err(Failure::new(format!(
                    "the append has no command id: the outcome must be `Appended` or `Conflict`, but is {other:?}"
                ))),
            }
        }
    });
    Ok(run_concurrently(tasks).await?.iter().sum())
}

/// In each round every racer has read the same criteria and appends matching events: one wins, and only its events are
/// written.
async fn expect_one_winner(
    log: &Log,
    watched: impl Fn(usize) -> Criteria,
    request: impl Fn(usize, usize) -> Append,
) -> Outcome {
    let handles = log.handles(3).await?;
    for round in 0..log.rounds(20) {
        let criteria = watched(round);
        let seen = log.read_one(Read::all(criteria.clone())).await?;
        let events = request(round, 0).events.len();
        let appends = (0..RACERS)
            .map(|racer| request(round, racer).if_unchanged(criteria.clone(), seen.marker))
            .collect();
        let winners = count_accepted(&handles, appends).await?;
        ensure_eq!(
            winners,
            1,
            "accepted appends of {RACERS} in round {round}, all on condition that {criteria:?} is unchanged"
        );
        let now = log.read_one(Read::all(criteria)).await?.records.len();
        ensure_eq!(now, seen.records.len() + events, "number of matching events after round {round}");
    }
    Ok(())
}

async fn one_append_wins_on_a_shared_tag(log: Log) -> Outcome {
    // Every racer writes to its own entity; only the tag is shared.
    let entity = |round, racer| format!("entity:{round}-{racer}");
    let request =
        |round, racer| append([event("claimed", &[&entity(round, racer), &format!("name:{round}")])]);
    expect_one_winner(&log, |round| criteria_for(&[], &[&format!("name:{round}")]), request).await?;
    // Again with one tag for all rounds, so that reads are not empty.
    let request = |round, racer| {
        append([event("claimed", &[&entity(round, racer), "all:1"]), event("noted", &["all:1"])])
    };
    expect_one_winner(&log, |_| criteria_for(&["claimed", "noted"], &["all:1"]), request).await
}

async fn one_append_wins_on_a_shared_type(log: Log) -> Outcome {
    let request = |_, racer| append([event("numbered", &[&format!("entity:{racer}")])]);
    expect_one_winner(&log, |_| criteria_for(&["numbered", "voided"], &[]), request).await
}

async fn one_append_wins_when_all_watch_everything(log: Log) -> Outcome {
    let request = |round, racer| {
        let own = format!("entity:{racer}");
        append([event(
            format!("type{racer}"),
            if round % 2 == 0 { &[] } else { std::slice::from_ref(&own) }
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .as_slice(),
        )])
    };
    expect_one_winner(&log, |_| Criteria::all(), request).await
}

async fn one_append_wins_across_items(log: Log) -> Outcome {
    // The racers' events match different items of the same criteria.
    let watched =
        |_| Criteria::from(item(&["a"], &["x:1", "y:1"])).or(item(&["b"], &[])).or(item(&[], &["z:1"]));
    let request = |_, racer| match racer % 3 {
        0 => append([event("a", &["x:1", "y:1"])]),
        1 => append([event("b", &[])]),
        _ => append([event("c", &["z:1"])]),
    };
    expect_one_winner(&log, watched, request).await
}

async fn write_skew_is_prevented(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    for round in 0..log.rounds(30) {
        let (left, right) = (format!("left:{round}"), format!("right:{round}"));
        // Each reads one side, by tag or by type, and writes the other: neither writes what it has read.
        let (watch_left, watch_right) = match round % 3 {
            0 => (criteria_for(&[], &[&left]), criteria_for(&[], &[&right])),
            1 => (criteria_for(&["moved"], &[&left]), criteria_for(&["moved", "arrived"], &[&right])),
            _ => (criteria_for(&[&left.replace(':', "_")], &[]), criteria_for(&[], &[&right])),
        };
        let seen = log.read(&[Read::all(watch_left.clone()), Read::all(watch_right.clone())]).await?;
        let name = if round % 3 == 2 { left.replace(':', "_") } else { "moved".to_owned() };
        let writes_right = append([event("moved", &[&right])]).if_unchanged(watch_left, seen[0].marker);
        let writes_left = append([event(name, &[&left])]).if_unchanged(watch_right, seen[1].marker);
        let winners = count_accepted(&handles, vec![writes_right, writes_left]).await?;
        ensure_eq!(
            winners,
            1,
            "accepted appends of two that write what the other has read, in round {round}"
        );
    }
    Ok(())
}

async fn disjoint_boundaries_never_conflict(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let rounds = log.rounds(15);
    let tasks = (0..RACERS).map(|task| {
        let handle = handles[task % 3].clone();
        async move {
            let own = format!("account:{task}");
            let watched = criteria_for(&["deposited", "opened"], &[&own]);
            for round in 0..rounds {
                let seen = handle.read_one(Read::all(watched.clone())).await?;
                ensure_eq!(seen.records.len(), round, "number of events of task {task}");
                let request = append([event("deposited", &[&own, "bank:1"])]);
                yield_now().await;
                handle.expect_accepted(request.if_unchanged(watched.clone(), seen.marker)).await?;
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    ensure_eq!(
        log.read_one(read(&[], &["bank:1"])).await?.records.len(),
        RACERS * rounds,
        "number of events of all tasks"
    );
    Ok(())
}

async fn unconditional_appends_always_succeed(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let rounds = log.rounds(15);
    let tasks = (0..RACERS).map(|task| {
        let handle = handles[task % 3].clone();
        async move {
            for _ in 0..rounds {
                let request = append([event("a", &["hot:1"]), event("b", &["hot:1"])]);
                // Half of the tasks append conditionally and may be refused; they must not affect the others.
                if task % 2 == 0 {
                    let seen = handle.read_one(read(&[], &["hot:1"])).await?.marker;
                    yield_now().await;
                    let _ =
                        handle.append_one(request.if_unchanged(criteria_for(&[], &["hot:1"]), seen)).await?;
                } else {
                    handle.expect_accepted(request).await?;
                }
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    Ok(())
}

async fn no_increment_is_lost(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let rounds = log.rounds(5);
    let counter = criteria_for(&["set"], &["counter:1"]);
    let tasks = (0..RACERS).map(|task| {
        let (handle, counter) = (handles[task % 3].clone(), counter.clone());
        async move {
            for _ in 0..rounds {
                loop {
                    let seen = handle.read_one(Read::all(counter.clone())).await?;
                    let last =
                        seen.records.last().map_or(0, |record| record.data.as_str().parse().unwrap_or(0));
                    yield_now().await;
                    let next = event_with("set", &["counter:1"], &(last + 1).to_string());
                    let request = append([next]).if_unchanged(counter.clone(), seen.marker);
                    if matches!(handle.append_one(request).await?, AppendOutcome::Appended(_)) {
                        break;
                    }
                }
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    let values = log.read_one(Read::all(counter)).await?.records;
    let values: Vec<usize> = values.iter().filter_map(|record| record.data.as_str().parse().ok()).collect();
    ensure_eq!(
        values,
        (1..=RACERS * rounds).collect::<Vec<_>>(),
        "values of a counter that many tasks increment"
    );
    Ok(())
}

async fn append_of_several_events_is_visible_as_a_whole(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rounds = log.rounds(20);
    let writers = (0..4).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for round in 0..rounds {
                let whole = format!("whole:{task}-{round}");
                handle.expect_accepted(append((0..5).map(|_| event("part", &[&whole])))).await?;
            }
            Ok(())
        }
    });
    let readers = (0..2).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for _ in 0..rounds {
                let seen = handle.read_one(read(&["part"], &[])).await?.records;
                let mut parts = std::collections::HashMap::new();
                for record in &seen {
                    *parts.entry(record.tags.clone()).or_insert(0) += 1;
                }
                ensure!(
                    parts.values().all(|count| *count == 5),
                    "a read must see all five events of an append or none, but saw {parts:?}"
                );
            }
            Ok(())
        }
    });
    let tasks: Vec<std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>> =
        writers.map(|one| Box::pin(one) as _).chain(readers.map(|one| Box::pin(one) as _)).collect();
    run_concurrently(tasks).await?;
    ensure_eq!(
        log.expect_conflict(empty_append().if_unchanged(criteria_for(&["part"], &[]), Marker::START))
            .await?
            .0,
        0,
        "failed condition"
    );
    Ok(())
}

/// Every caller reads and appends with a reservation, if the store has them: then none of them is overtaken. Each has a handle of its
/// own.
async fn callers_with_a_reservation_do_not_conflict(log: Log) -> Outcome {
    let counter = criteria_for(&["set"], &["counter:1"]);
    if log.handles(1).await?[0].store().reserve(std::slice::from_ref(&counter)).await.is_none() {
        return Ok(());
    }
    let rounds = log.rounds(5);
    let tasks = log.handles(RACERS).await?.into_iter().map(|handle| {
        let counter = counter.clone();
        async move {
            for _ in 0..rounds {
                // A store may return none at any time: here the caller tries again.
                let reservation = loop {
                    let reservation = handle.store().reserve(std::slice::from_ref(&counter)).await;
                    if !reservation.is_none() {
                        break reservation;
                    }
                };
                let seen = handle.read_one(Read::all(counter.clone())).await?.marker;
                yield_now().await;
                let request = append([event("set", &["counter:1"])]).if_unchanged(counter.clone(), seen);
                handle.expect_accepted(request).await?;
                drop(reservation);
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    Ok(())
}
