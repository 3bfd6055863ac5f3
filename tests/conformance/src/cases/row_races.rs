//! Several runners, readers and callers who go away: each place is taken once, and nobody sees half a change.

use annalist_core::rows::{CommitOutcome, Value};

use super::drops::dropped_after;
use crate::{
    Failure,
    failure::{Outcome, panicked},
    log::{Log, room_for_others, together},
    rows::*,
};

cases!("commit_race" needs [Rows]: [
    of_two_runners_one_gets_each_place,
    rows_of_many_projections_at_once,
    counters_lose_nothing,
    a_reader_never_sees_half_a_change,
    dropped_changes_are_whole_or_absent,
]);

async fn of_two_runners_one_gets_each_place(log: Log) -> Outcome {
    let handles = log.handles(4).await?;
    log.rows().defined(&THINGS).await?;
    let rounds = log.rounds(50) as u64;
    let tasks = (0..4_i64).map(|task| {
        let rows = handles[task as usize].rows();
        async move {
            let (mut at, mut won) = (0, vec![]);
            while at < rounds {
                let row = thing(i64::try_from(at).unwrap_or(0), &format!("runner {task}"), task);
                match rows.commit(change(&THINGS, at, at + 1).writes(vec![row])).await? {
                    CommitOutcome::Done => {
                        won.push(at);
                        at += 1;
                    }
                    CommitOutcome::Stale(now) => {
                        ensure!(
                            now.get() > at,
                            "a change from {at} was refused, although it stands at {now}"
                        );
                        at = now.get();
                    }
                }
                room_for_others().await;
            }
            Ok(won)
        }
    });
    let won = together(tasks).await?;
    let mut all: Vec<u64> = won.iter().flatten().copied().collect();
    all.sort_unstable();
    ensure_eq!(all, (0..rounds).collect::<Vec<_>>(), "the places from which a change was done");
    let rows = log.rows().all(&THINGS).await?;
    for (task, won) in (0..).zip(won) {
        for at in won {
            let index = usize::try_from(at).unwrap_or(0);
            ensure_eq!(rows[index][2], int(task), "whose row stands at {at}");
        }
    }
    Ok(())
}

async fn rows_of_many_projections_at_once(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let rounds = log.rounds(15) as u64;
    let tasks = (0..9_u32).map(|task| {
        let rows = handles[task as usize % 3].rows();
        async move {
            let table = table(&format!("of_{task}"), 1, THINGS.columns.to_vec());
            rows.defined(&table).await?;
            for at in 0..rounds {
                let sent = (0..5).map(|n| thing(n, &format!("{task}"), i64::from(task) + n)).collect();
                // Nobody else is there, so nothing may refuse it.
                rows.done(change(&table, at, at + 1).writes(sent)).await?;
            }
            ensure_eq!(rows.all(&table).await?.len(), 5, "rows of projection {task}");
            ensure_eq!(
                rows.standing(&table).await?.position.get(),
                rounds,
                "the checkpoint of projection {task}"
            );
            Ok(())
        }
    });
    together(tasks).await?;
    Ok(())
}

async fn counters_lose_nothing(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    log.rows().defined(&THINGS).await?;
    let rounds = log.rounds(20);
    let tasks = (0..6).map(|task| {
        let rows = handles[task % 3].rows();
        async move {
            let mut done = 0;
            while done < rounds {
                // As a runner does: where it stands first, then the row, then both in one change.
                let at = rows.standing(&THINGS).await?.position.get();
                let count = match rows.row(&THINGS, vec![int(1)]).await? {
                    Some(row) => row[2].clone(),
                    None => int(0),
                };
                let Value::Int(count) = count else {
                    return Err(Failure::new(format!("a counter reads {count:?}")));
                };
                let sent = change(&THINGS, at, at + 1).writes(vec![thing(1, "count", count + 1)]);
                if rows.commit(sent).await? == CommitOutcome::Done {
                    done += 1;
                }
            }
            Ok(())
        }
    });
    together(tasks).await?;
    let total = i64::try_from(rounds * 6).unwrap_or(0);
    ensure_eq!(log.rows().all(&THINGS).await?, [thing(1, "count", total)], "the counter of all runners");
    Ok(())
}

async fn a_reader_never_sees_half_a_change(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    log.rows().write(&THINGS, (0..20).map(|n| thing(n, "a", 0)).collect()).await?;
    let rounds = log.rounds(40) as u64;
    let writer = handles[0].rows();
    let write = tokio::spawn(async move {
        for round in 1..=rounds {
            let amount = i64::try_from(round).unwrap_or(0);
            // Every row is replaced in every change, and one comes and goes.
            let sent = (0..20).map(|n| thing(n, "a", amount)).collect();
            let sent = change(&THINGS, round, round + 1).writes(sent);
            writer.done(sent).await?;
        }
        Ok(())
    });
    let keys: Vec<_> = (0..20).map(|n| vec![int(n)]).collect();
    let readers = (1..3).map(|n| {
        let (rows, keys) = (handles[n].rows(), keys.clone());
        async move {
            let mut last = int(0);
            while rows.standing(&THINGS).await?.position.get() <= rounds {
                let found = match n {
                    1 => rows.all(&THINGS).await?,
                    _ => rows.rows(&THINGS, &keys).await?.into_iter().flatten().collect(),
                };
                ensure_eq!(found.len(), 20, "rows that a reader sees");
                let amounts: Vec<_> = found.iter().map(|row| row[2].clone()).collect();
                ensure!(
                    amounts.iter().all(|one| *one == amounts[0]),
                    "a reader saw half a change: {amounts:?}"
                );
                ensure!(
                    amounts[0].order(&last).is_ge(),
                    "a reader saw an older change: {amounts:?} after {last:?}"
                );
                last = amounts[0].clone();
                room_for_others().await;
            }
            Ok(())
        }
    });
    together(readers).await?;
    write.await.map_err(panicked)?
}

async fn dropped_changes_are_whole_or_absent(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    let crowd = |round| (0..50).map(move |n| thing(n, "a", round)).collect::<Vec<_>>();
    let guest = |round| thing(1_000 + round, "guest", round);
    rows.write(&THINGS, [crowd(-1), vec![guest(-1)]].concat()).await?;
    let (mut at, mut last) = (1, -1);
    for round in 0..log.rounds(60) {
        let number = i64::try_from(round).unwrap_or(0);
        let sent = change(&THINGS, at, at + 1)
            .writes([crowd(number), vec![guest(number)]].concat())
            .deletes(vec![vec![guest(last)[0].clone()]])
            .anchored(anchor(at + 1));
        let answer = dropped_after(round % 8, handles[round % 2].rows().commit(sent)).await.transpose()?;
        // This one waits for what was dropped, and says whether it was done.
        let probe = change(&THINGS, at, at + 1);
        match handles[(round / 2) % 2].rows().commit(probe).await? {
            CommitOutcome::Done => {
                ensure!(answer.is_none(), "a change was answered with {answer:?}, and then undone");
            }
            CommitOutcome::Stale(now) => {
                ensure_eq!(now.get(), at + 1, "where a dropped change moved the checkpoint");
                last = number;
            }
        }
        at += 1;
        let wanted = [crowd(last), vec![guest(last)]].concat();
        ensure_eq!(rows.all(&THINGS).await?, wanted, "rows after a change was dropped in round {round}");
    }
    Ok(())
}
