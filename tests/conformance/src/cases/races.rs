//! Races: who may win, who must not lose, and what no interleaving may allow.

use annalist_core::{
    criteria::Criteria,
    store::{Append, AppendOutcome, Marker, Read},
};

use crate::{
    Failure,
    failure::Outcome,
    given::*,
    log::{Handle, Log, room_for_others, together},
};

cases!("race": [
    one_winner_under_a_shared_tag,
    one_winner_under_a_shared_type,
    one_winner_when_everything_is_watched,
    one_winner_across_items,
    of_two_that_write_what_the_other_read_one_wins,
    disjoint_boundaries_never_conflict,
    unconditional_appends_always_succeed,
    no_increment_is_lost,
    an_append_of_several_events_is_seen_whole,
]);

const RACERS: usize = 8;

/// Appends at once and gives how many were accepted. The others must have met a condition.
async fn accepted_of(handles: &[Handle], appends: Vec<Append>) -> Outcome<usize> {
    let tasks = appends.into_iter().enumerate().map(|(n, sent)| {
        let handle = handles[n % handles.len()].clone();
        async move {
            match handle.append_one(sent).await? {
                AppendOutcome::Appended(_) => Ok(1),
                AppendOutcome::Conflict { .. } => Ok(0),
                other => Err(Failure::new(format!("an append without an id: {other:?}"))),
            }
        }
    });
    Ok(together(tasks).await?.iter().sum())
}

/// In each round every racer has read the same and appends something that matches it: one wins, and its events alone
/// are there.
async fn one_winner(
    log: &Log,
    watched: impl Fn(usize) -> Criteria,
    sent: impl Fn(usize, usize) -> Append,
) -> Outcome {
    let handles = log.handles(3).await?;
    for round in 0..log.rounds(20) {
        let criteria = watched(round);
        let seen = log.look(Read::all(criteria.clone())).await?;
        let events = sent(round, 0).events.len();
        let appends =
            (0..RACERS).map(|racer| sent(round, racer).under(criteria.clone(), seen.marker)).collect();
        let winners = accepted_of(&handles, appends).await?;
        ensure_eq!(winners, 1, "winners of {RACERS} in round {round}, all under {criteria:?}");
        let now = log.look(Read::all(criteria)).await?.records.len();
        ensure_eq!(now, seen.records.len() + events, "events of the winner in round {round}");
    }
    Ok(())
}

async fn one_winner_under_a_shared_tag(log: Log) -> Outcome {
    // Every racer writes to an entity of its own; only the tag is shared.
    let entity = |round, racer| format!("entity:{round}-{racer}");
    let sent = |round, racer| append([event("claimed", &[&entity(round, racer), &format!("name:{round}")])]);
    one_winner(&log, |round| of(&[], &[&format!("name:{round}")]), sent).await?;
    // And once more under one tag that all rounds share, so that there is always something to read.
    let sent = |round, racer| {
        append([event("claimed", &[&entity(round, racer), "all:1"]), event("told", &["all:1"])])
    };
    one_winner(&log, |_| of(&["claimed", "told"], &["all:1"]), sent).await
}

async fn one_winner_under_a_shared_type(log: Log) -> Outcome {
    let sent = |_, racer| append([event("numbered", &[&format!("entity:{racer}")])]);
    one_winner(&log, |_| of(&["numbered", "voided"], &[]), sent).await
}

async fn one_winner_when_everything_is_watched(log: Log) -> Outcome {
    let sent = |round, racer| {
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
    one_winner(&log, |_| Criteria::all(), sent).await
}

async fn one_winner_across_items(log: Log) -> Outcome {
    // The racers' events match different items of the same criteria.
    let watched =
        |_| Criteria::from(item(&["a"], &["x:1", "y:1"])).or(item(&["b"], &[])).or(item(&[], &["z:1"]));
    let sent = |_, racer| match racer % 3 {
        0 => append([event("a", &["x:1", "y:1"])]),
        1 => append([event("b", &[])]),
        _ => append([event("c", &["z:1"])]),
    };
    one_winner(&log, watched, sent).await
}

async fn of_two_that_write_what_the_other_read_one_wins(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    for round in 0..log.rounds(30) {
        let (left, right) = (format!("left:{round}"), format!("right:{round}"));
        // Watched by tag and written by tag, or watched by type; nobody writes what it watches itself.
        let (watch_left, watch_right) = match round % 3 {
            0 => (of(&[], &[&left]), of(&[], &[&right])),
            1 => (of(&["went"], &[&left]), of(&["went", "came"], &[&right])),
            _ => (of(&[&left.replace(':', "_")], &[]), of(&[], &[&right])),
        };
        let seen = log.read(&[Read::all(watch_left.clone()), Read::all(watch_right.clone())]).await?;
        let name = if round % 3 == 2 { left.replace(':', "_") } else { "went".to_owned() };
        let writes_right = append([event("went", &[&right])]).under(watch_left, seen[0].marker);
        let writes_left = append([event(name, &[&left])]).under(watch_right, seen[1].marker);
        let winners = accepted_of(&handles, vec![writes_right, writes_left]).await?;
        ensure_eq!(winners, 1, "winners of two that write what the other read, in round {round}");
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
            let watched = of(&["deposited", "opened"], &[&own]);
            for round in 0..rounds {
                let seen = handle.look(Read::all(watched.clone())).await?;
                ensure_eq!(seen.records.len(), round, "own events of task {task}");
                let sent = append([event("deposited", &[&own, "bank:1"])]);
                room_for_others().await;
                handle.accepted(sent.under(watched.clone(), seen.marker)).await?;
            }
            Ok(())
        }
    });
    together(tasks).await?;
    ensure_eq!(log.look(read(&[], &["bank:1"])).await?.records.len(), RACERS * rounds, "events of all tasks");
    Ok(())
}

async fn unconditional_appends_always_succeed(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let rounds = log.rounds(15);
    let tasks = (0..RACERS).map(|task| {
        let handle = handles[task % 3].clone();
        async move {
            for _ in 0..rounds {
                let sent = append([event("a", &["hot:1"]), event("b", &["hot:1"])]);
                // Half of them watch everything and may be refused, but must not disturb the others.
                if task % 2 == 0 {
                    let seen = handle.look(read(&[], &["hot:1"])).await?.marker;
                    room_for_others().await;
                    let _ = handle.append_one(sent.under(of(&[], &["hot:1"]), seen)).await?;
                } else {
                    handle.accepted(sent).await?;
                }
            }
            Ok(())
        }
    });
    together(tasks).await?;
    Ok(())
}

async fn no_increment_is_lost(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let rounds = log.rounds(5);
    let counter = of(&["set"], &["counter:1"]);
    let tasks = (0..RACERS).map(|task| {
        let (handle, counter) = (handles[task % 3].clone(), counter.clone());
        async move {
            for _ in 0..rounds {
                loop {
                    let seen = handle.look(Read::all(counter.clone())).await?;
                    let last =
                        seen.records.last().map_or(0, |record| record.data.as_str().parse().unwrap_or(0));
                    room_for_others().await;
                    let next = event_with("set", &["counter:1"], &(last + 1).to_string());
                    let sent = append([next]).under(counter.clone(), seen.marker);
                    if matches!(handle.append_one(sent).await?, AppendOutcome::Appended(_)) {
                        break;
                    }
                }
            }
            Ok(())
        }
    });
    together(tasks).await?;
    let values = log.look(Read::all(counter)).await?.records;
    let values: Vec<usize> = values.iter().filter_map(|record| record.data.as_str().parse().ok()).collect();
    ensure_eq!(
        values,
        (1..=RACERS * rounds).collect::<Vec<_>>(),
        "the values of a counter that many count up"
    );
    Ok(())
}

async fn an_append_of_several_events_is_seen_whole(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rounds = log.rounds(20);
    let writers = (0..4).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for round in 0..rounds {
                let whole = format!("whole:{task}-{round}");
                handle.accepted(append((0..5).map(|_| event("part", &[&whole])))).await?;
            }
            Ok(())
        }
    });
    let readers = (0..2).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for _ in 0..rounds {
                let seen = handle.look(read(&["part"], &[])).await?.records;
                let mut parts = std::collections::HashMap::new();
                for record in &seen {
                    *parts.entry(record.tags.clone()).or_insert(0) += 1;
                }
                ensure!(parts.values().all(|count| *count == 5), "a read saw a part of an append: {parts:?}");
            }
            Ok(())
        }
    });
    let tasks: Vec<std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>> =
        writers.map(|one| Box::pin(one) as _).chain(readers.map(|one| Box::pin(one) as _)).collect();
    together(tasks).await?;
    ensure_eq!(
        log.conflict(nothing().under(of(&["part"], &[]), Marker::START)).await?.0,
        0,
        "the condition that fails"
    );
    Ok(())
}
