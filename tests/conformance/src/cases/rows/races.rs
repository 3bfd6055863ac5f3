//! Races: of concurrent changes from one position one wins, and readers never see a part of a change.

use annalist_core::rows::{CommitOutcome, Value};

use crate::{
    Failure,
    failure::{Outcome, panicked},
    support::{
        concurrency::{cancel_after_polls, run_concurrently, yield_now},
        log::Log,
        rows::*,
    },
};

cases!("row_races" needs [Rows]: [
    one_runner_wins_each_position,
    concurrent_projections_do_not_conflict,
    concurrent_counters_lose_no_increment,
    readers_see_a_change_completely_or_not_at_all,
    cancelled_change_is_written_completely_or_not_at_all,
]);

async fn one_runner_wins_each_position(log: Log) -> Outcome {
    let handles = log.handles(4).await?;
    log.rows().define_table(&THINGS).await?;
    let rounds = log.rounds(50) as u64;
    let tasks = (0..4_i64).map(|task| {
        let rows = handles[task as usize].rows();
        async move {
            let (mut at, mut won) = (0, vec![]);
            while at < rounds {
                let row = thing(i64::try_from(at).unwrap_or(0), &format!("runner {task}"), task);
                match rows.commit(change(&THINGS, at, at + 1).upserting(vec![row])).await? {
                    CommitOutcome::Done => {
                        won.push(at);
                        at += 1;
                    }
                    CommitOutcome::Stale(now) => {
                        ensure!(
                            now.get() > at,
                            "the change from {at} was stale, although the checkpoint is at {now}"
                        );
                        at = now.get();
                    }
                }
                yield_now().await;
            }
            Ok(won)
        }
    });
    let won = run_concurrently(tasks).await?;
    let mut all: Vec<u64> = won.iter().flatten().copied().collect();
    all.sort_unstable();
    ensure_eq!(all, (0..rounds).collect::<Vec<_>>(), "positions from which a change was committed");
    let rows = log.rows().all_rows(&THINGS).await?;
    for (task, won) in (0..).zip(won) {
        for at in won {
            let index = usize::try_from(at).unwrap_or(0);
            ensure_eq!(rows[index][2], int(task), "the runner whose row was written at {at}");
        }
    }
    Ok(())
}

async fn concurrent_projections_do_not_conflict(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let rounds = log.rounds(15) as u64;
    let tasks = (0..9_u32).map(|task| {
        let rows = handles[task as usize % 3].rows();
        async move {
            let table = table(&format!("of_{task}"), 1, THINGS.columns.to_vec());
            rows.define_table(&table).await?;
            for at in 0..rounds {
                let new_rows = (0..5).map(|n| thing(n, &format!("{task}"), i64::from(task) + n)).collect();
                // No other runner writes to this projection, so the change must not be stale.
                rows.expect_committed(change(&table, at, at + 1).upserting(new_rows)).await?;
            }
            ensure_eq!(rows.all_rows(&table).await?.len(), 5, "number of rows of projection {task}");
            ensure_eq!(
                rows.checkpoint_of(&table).await?.position.get(),
                rounds,
                "checkpoint of projection {task}"
            );
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    Ok(())
}

async fn concurrent_counters_lose_no_increment(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    log.rows().define_table(&THINGS).await?;
    let rounds = log.rounds(20);
    let tasks = (0..6).map(|task| {
        let rows = handles[task % 3].rows();
        async move {
            let mut done = 0;
            while done < rounds {
                // As a runner does: read the checkpoint, then the row, then commit both in one change.
                let at = rows.checkpoint_of(&THINGS).await?.position.get();
                let count = match rows.row(&THINGS, vec![int(1)]).await? {
                    Some(row) => row[2].clone(),
                    None => int(0),
                };
                let Value::Int(count) = count else {
                    return Err(Failure::new(format!("the counter must be a number, but is {count:?}")));
                };
                let row_change = change(&THINGS, at, at + 1).upserting(vec![thing(1, "count", count + 1)]);
                if rows.commit(row_change).await? == CommitOutcome::Done {
                    done += 1;
                }
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    let total = i64::try_from(rounds * 6).unwrap_or(0);
    ensure_eq!(
        log.rows().all_rows(&THINGS).await?,
        [thing(1, "count", total)],
        "counter after all increments"
    );
    Ok(())
}

async fn readers_see_a_change_completely_or_not_at_all(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    log.rows().write_rows(&THINGS, (0..20).map(|n| thing(n, "a", 0)).collect()).await?;
    let rounds = log.rounds(40) as u64;
    let writer = handles[0].rows();
    let write = tokio::spawn(async move {
        for round in 1..=rounds {
            let amount = i64::try_from(round).unwrap_or(0);
            // Every change replaces every row.
            let new_rows = (0..20).map(|n| thing(n, "a", amount)).collect();
            let row_change = change(&THINGS, round, round + 1).upserting(new_rows);
            writer.expect_committed(row_change).await?;
        }
        Ok(())
    });
    let keys: Vec<_> = (0..20).map(|n| vec![int(n)]).collect();
    let readers = (1..3).map(|n| {
        let (rows, keys) = (handles[n].rows(), keys.clone());
        async move {
            let mut last = int(0);
            while rows.checkpoint_of(&THINGS).await?.position.get() <= rounds {
                let found = match n {
                    1 => rows.all_rows(&THINGS).await?,
                    _ => rows.rows(&THINGS, &keys).await?.into_iter().flatten().collect(),
                };
                ensure_eq!(found.len(), 20, "number of rows that a reader sees");
                let amounts: Vec<_> = found.iter().map(|row| row[2].clone()).collect();
                ensure!(
                    amounts.iter().all(|one| *one == amounts[0]),
                    "a reader must see the rows of one change, but saw {amounts:?}"
                );
                ensure!(
                    amounts[0].order(&last).is_ge(),
                    "a reader must not see an older change: {amounts:?} after {last:?}"
                );
                last = amounts[0].clone();
                yield_now().await;
            }
            Ok(())
        }
    });
    run_concurrently(readers).await?;
    write.await.map_err(panicked)?
}

async fn cancelled_change_is_written_completely_or_not_at_all(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    let many = |round| (0..50).map(move |n| thing(n, "a", round)).collect::<Vec<_>>();
    let single = |round| thing(1_000 + round, "single", round);
    rows.write_rows(&THINGS, [many(-1), vec![single(-1)]].concat()).await?;
    let (mut at, mut last) = (1, -1);
    for round in 0..log.rounds(60) {
        let number = i64::try_from(round).unwrap_or(0);
        let row_change = change(&THINGS, at, at + 1)
            .upserting([many(number), vec![single(number)]].concat())
            .deleting(vec![vec![single(last)[0].clone()]])
            .with_anchor(anchor(at + 1));
        let result =
            cancel_after_polls(round % 8, handles[round % 2].rows().commit(row_change)).await.transpose()?;
        // This commit waits for the cancelled one, and its outcome shows whether the cancelled one was written.
        let check = change(&THINGS, at, at + 1);
        match handles[(round / 2) % 2].rows().commit(check).await? {
            CommitOutcome::Done => {
                ensure!(result.is_none(), "the change returned {result:?}, but was not written");
            }
            CommitOutcome::Stale(now) => {
                ensure_eq!(now.get(), at + 1, "checkpoint after a cancelled change");
                last = number;
            }
        }
        at += 1;
        let expected = [many(last), vec![single(last)]].concat();
        ensure_eq!(
            rows.all_rows(&THINGS).await?,
            expected,
            "rows after a change was cancelled in round {round}"
        );
    }
    Ok(())
}
