//! Discards: a build that is not live is removed with its rows, checkpoint and parked events.

use annalist_core::{
    record::Position,
    rows::{Build, Checkpoint},
    store::LogId,
};

use super::builds::SECOND;
use crate::{
    failure::Outcome,
    support::{
        concurrency::{run_concurrently, yield_now},
        log::Log,
        rows::*,
    },
};

cases!("discards" needs [Rows]: [
    discarded_build_is_removed_completely,
    discarding_an_undefined_build_returns_false,
    live_build_cannot_be_discarded,
    formerly_live_build_can_be_discarded,
    discarded_build_can_be_defined_again,
    build_before_the_live_one_of_its_version_is_not_defined_again,
    change_of_a_discarded_build_fails,
    concurrent_discards_remove_the_build_once,
    build_is_discarded_while_a_runner_writes,
] durable [
    discarded_build_stays_removed_after_reopen,
]);

async fn discarded_build_is_removed_completely(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    let discarded = THINGS.built(1);
    for table in [THINGS, discarded, THINGS.built(2), THINGS.built(11)] {
        rows.write_rows(&table, vec![thing(1, "a", 1)]).await?;
        rows.expect_committed(change(&table, 1, 2).parking(vec![parked(2, &["a"], "no", 1)])).await?;
        rows.report(&table, Some("a reason")).await?;
    }
    let before = rows.builds("things").await?;
    ensure!(rows.discard(&discarded).await?, "`discard` of a defined build must return `true`");
    for handle in &handles {
        let rows = handle.rows();
        let left: Vec<Build> = before.iter().filter(|one| one.build != 1).cloned().collect();
        ensure_eq!(rows.builds("things").await?, left, "builds after one was discarded");
        let (found, looked_up, parked) = (
            rows.find(&select_all(&discarded)).await,
            rows.rows(&discarded, &[vec![int(1)]]).await,
            rows.parked(&discarded).await,
        );
        ensure!(found.is_err(), "`find` in a discarded build must fail, but returned {found:?}");
        ensure!(looked_up.is_err(), "`rows` of a discarded build must fail, but returned {looked_up:?}");
        ensure!(parked.is_err(), "`parked` of a discarded build must fail, but returned {parked:?}");
        for table in [THINGS, THINGS.built(2), THINGS.built(11)] {
            ensure_eq!(rows.all_rows(&table).await?, [thing(1, "a", 1)], "rows of `{}`", table.name());
            ensure_eq!(rows.parked(&table).await?.len(), 1, "number of parked events of `{}`", table.name());
        }
    }
    Ok(())
}

async fn discarding_an_undefined_build_returns_false(log: Log) -> Outcome {
    let rows = log.rows();
    ensure!(!rows.discard(&THINGS).await?, "`discard` of an undefined build must return `false`");
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    let before = rows.builds("things").await?;
    for table in [SECOND, THINGS.built(1)] {
        ensure!(
            !rows.discard(&table).await?,
            "`discard` of the undefined build `{}` must return `false`",
            table.name()
        );
    }
    ensure_eq!(rows.builds("things").await?, before, "builds after discards of undefined ones");
    ensure!(rows.discard(&THINGS).await?, "`discard` of a defined build must return `true`");
    ensure!(!rows.discard(&THINGS).await?, "the second `discard` of a build must return `false`");
    ensure_eq!(rows.builds("things").await?, [], "builds after the only one was discarded");
    Ok(())
}

async fn live_build_cannot_be_discarded(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.expect_committed(change(&THINGS, 1, 2).parking(vec![parked(2, &["a"], "no", 1)])).await?;
    rows.expect_promoted(&THINGS, false).await?;
    let before = rows.builds("things").await?;
    let error = expect_unusable(rows.discard(&THINGS).await)?;
    ensure!(error.contains("things_v1"), "the error must contain the name of the table: {error}");
    ensure_eq!(rows.builds("things").await?, before, "builds after the refused discard of a live one");
    ensure_eq!(
        rows.all_rows(&THINGS).await?,
        [thing(1, "a", 1)],
        "rows of a live build after the refused discard"
    );
    ensure_eq!(
        rows.parked(&THINGS).await?.len(),
        1,
        "number of parked events of a live build after the refused discard"
    );
    rows.expect_committed(change(&THINGS, 2, 3).if_parked(1)).await
}

async fn formerly_live_build_can_be_discarded(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.expect_promoted(&THINGS, false).await?;
    rows.write_rows(&SECOND, vec![vec![int(1), text("a")]]).await?;
    rows.expect_promoted(&SECOND, false).await?;
    ensure!(rows.discard(&THINGS).await?, "`discard` of a defined build must return `true`");
    ensure_eq!(rows.all_rows(&SECOND).await?, [vec![int(1), text("a")]], "rows of the live build");
    expect_unusable(rows.discard(&SECOND).await)?;
    // A build that is defined again is still older than the live one.
    rows.define_table(&THINGS).await?;
    ensure_eq!(
        rows.promote(&THINGS, false).await?,
        annalist_core::rows::PromoteOutcome::Superseded,
        "outcome of promoting an older build that was defined again"
    );
    Ok(())
}

async fn discarded_build_can_be_defined_again(log: Log) -> Outcome {
    let rows = log.rows();
    for _ in 0..3 {
        ensure_eq!(
            rows.define_table(&THINGS).await?,
            Checkpoint::default(),
            "checkpoint of a build that is defined again"
        );
        ensure_eq!(rows.all_rows(&THINGS).await?.len(), 0, "number of rows of a build that is defined again");
        ensure_eq!(rows.parked(&THINGS).await?, [], "parked events of a build that is defined again");
        rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
        rows.expect_committed(change(&THINGS, 1, 9).with_anchor(anchor(9)).parking(vec![parked(
            2,
            &["a"],
            "no",
            1,
        )]))
        .await?;
        rows.report(&THINGS, Some("a reason")).await?;
        ensure!(rows.discard(&THINGS).await?, "`discard` of a defined build must return `true`");
    }
    // Columns and log may be different after the discard.
    let other = table("things", 1, SECOND.columns.to_vec());
    rows.define(&other, "", LogId::fresh()).await?;
    ensure_eq!(rows.build_of(&other).await?.shape, other.shape(), "columns of a build that is defined again");
    Ok(())
}

/// A process may still be about to run it, after another one has promoted a later build and deleted it.
async fn build_before_the_live_one_of_its_version_is_not_defined_again(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let (rows, other) = (handles[0].rows(), handles[1].rows());
    let (first, later) = (THINGS, THINGS.built(1));
    for table in [first, later] {
        rows.write_rows(&table, vec![thing(1, "a", 1)]).await?;
        rows.expect_promoted(&table, false).await?;
    }
    // It is stored, so this returns its checkpoint.
    other.define_table(&first).await?;
    ensure!(rows.discard(&first).await?, "`discard` of a defined build must return `true`");
    let before = rows.builds("things").await?;
    expect_unusable(other.define(&first, "", other.log).await)?;
    ensure_eq!(rows.builds("things").await?, before, "builds after a deleted one was to be defined again");
    let found = other.find(&select_all(&first)).await;
    ensure!(found.is_err(), "`find` in a discarded build must fail, but returned {found:?}");
    // A later build, and one of another version, are new.
    for table in [THINGS.built(2), SECOND] {
        other.define_table(&table).await?;
    }
    Ok(())
}

async fn change_of_a_discarded_build_fails(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.discard(&THINGS).await?;
    let result = rows.commit(change(&THINGS, 1, 2).upserting(vec![thing(2, "b", 2)])).await;
    ensure!(result.is_err(), "`commit` to a discarded build must fail, but returned {result:?}");
    rows.report(&THINGS, Some("a reason")).await?;
    ensure_eq!(rows.builds("things").await?, [], "builds after a commit and a report to a discarded one");
    ensure_eq!(
        rows.define_table(&THINGS).await?,
        Checkpoint::default(),
        "checkpoint of the build that is defined again"
    );
    Ok(())
}

async fn concurrent_discards_remove_the_build_once(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    log.rows().write_rows(&SECOND, vec![]).await?;
    for round in 0..log.rounds(10) {
        log.rows().write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
        let tasks = (0..6).map(|task| {
            let rows = handles[(round + task) % 3].rows();
            async move { Ok(rows.discard(&THINGS).await?) }
        });
        let results = run_concurrently(tasks).await?;
        ensure_eq!(
            results.iter().filter(|one| **one).count(),
            1,
            "number of discards that returned `true`, of {results:?}"
        );
        ensure_eq!(
            log.rows().builds("things").await?.len(),
            1,
            "number of builds after concurrent discards of one"
        );
    }
    Ok(())
}

async fn build_is_discarded_while_a_runner_writes(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    for round in 0..log.rounds(10) {
        let table = table(&format!("round_{round}"), 1, THINGS.columns.to_vec());
        log.rows().define_table(&table).await?;
        let runner = handles[0].rows();
        // The runner ends when its build is gone, and must not create any part of it again.
        let run = tokio::spawn(async move {
            for at in 0.. {
                let change = change(&table, at, at + 1).upserting(vec![thing(1, "a", 1)]);
                // Stores may write these in another way than those without deletes.
                let change = if at % 2 == 0 { change } else { change.deleting(vec![vec![int(2)]]) };
                if runner.commit(change).await.is_err() {
                    return;
                }
                yield_now().await;
            }
        });
        while handles[1].rows().build_of(&table).await?.checkpoint.position < Position::new(3) {
            yield_now().await;
        }
        ensure!(handles[1].rows().discard(&table).await?, "`discard` of a defined build must return `true`");
        run.await.map_err(crate::failure::panicked)?;
        ensure_eq!(log.rows().builds(table.projection).await?, [], "builds after the only one was discarded");
    }
    Ok(())
}

async fn discarded_build_stays_removed_after_reopen(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.write_rows(&THINGS.built(1), vec![thing(1, "a", 1)]).await?;
    rows.discard(&THINGS).await?;
    drop(rows);
    let log = log.reopened().await?;
    let rows = log.rows();
    ensure_eq!(
        rows.builds("things").await?.len(),
        1,
        "number of builds after one was discarded and the log was reopened"
    );
    ensure_eq!(
        rows.define_table(&THINGS).await?,
        Checkpoint::default(),
        "checkpoint of a discarded build that is defined again after the log was reopened"
    );
    Ok(())
}
