//! Discarding: a build that nobody reads goes with all that belongs to it, and what is read stays.

use annalist_core::{
    record::Position,
    rows::{Build, Checkpoint},
    store::LogId,
};

use super::row_builds::SECOND;
use crate::{
    failure::Outcome,
    log::{Log, room_for_others, together},
    rows::*,
};

cases!("discard" needs [Rows]: [
    a_discarded_build_is_gone_with_all_that_belongs_to_it,
    what_was_never_there_is_not_discarded,
    a_live_build_is_not_discarded,
    a_build_that_was_live_can_go,
    a_discarded_build_can_be_made_anew,
    a_change_of_a_discarded_build_fails,
    many_discard_one_build_once,
    a_build_is_discarded_while_its_runner_writes,
] durable [
    what_is_discarded_stays_away,
]);

async fn a_discarded_build_is_gone_with_all_that_belongs_to_it(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    let gone = THINGS.built(1);
    for table in [THINGS, gone, THINGS.built(2), THINGS.built(11)] {
        rows.write(&table, vec![thing(1, "a", 1)]).await?;
        rows.done(change(&table, 1, 2).parks(vec![parked(2, &["a"], "no", 1)])).await?;
        rows.report(&table, Some("a reason")).await?;
    }
    let before = rows.builds("things").await?;
    ensure!(rows.discard(&gone).await?, "a build was there, and `discard` says that it was not");
    for handle in &handles {
        let rows = handle.rows();
        let left: Vec<Build> = before.iter().filter(|one| one.build != 1).cloned().collect();
        ensure_eq!(rows.builds("things").await?, left, "builds after one was discarded");
        let (found, looked_up, parked) = (
            rows.find(&everything(&gone)).await,
            rows.rows(&gone, &[vec![int(1)]]).await,
            rows.parked(&gone).await,
        );
        ensure!(found.is_err(), "the rows of a discarded build are {found:?}");
        ensure!(looked_up.is_err(), "a row of a discarded build is {looked_up:?}");
        ensure!(parked.is_err(), "the parked events of a discarded build are {parked:?}");
        for table in [THINGS, THINGS.built(2), THINGS.built(11)] {
            ensure_eq!(rows.all(&table).await?, [thing(1, "a", 1)], "rows of `{}`", table.name());
            ensure_eq!(rows.parked(&table).await?.len(), 1, "events parked by `{}`", table.name());
        }
    }
    Ok(())
}

async fn what_was_never_there_is_not_discarded(log: Log) -> Outcome {
    let rows = log.rows();
    ensure!(!rows.discard(&THINGS).await?, "nothing was there, and `discard` says that it was");
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    let before = rows.builds("things").await?;
    for table in [SECOND, THINGS.built(1)] {
        ensure!(
            !rows.discard(&table).await?,
            "`{}` was not there, and `discard` says that it was",
            table.name()
        );
    }
    ensure_eq!(
        rows.builds("things").await?,
        before,
        "builds after others were discarded that were not there"
    );
    ensure!(rows.discard(&THINGS).await?, "a build was there, and `discard` says that it was not");
    ensure!(!rows.discard(&THINGS).await?, "a build was discarded twice");
    ensure_eq!(rows.builds("things").await?, [], "builds after the only one was discarded");
    Ok(())
}

async fn a_live_build_is_not_discarded(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.done(change(&THINGS, 1, 2).parks(vec![parked(2, &["a"], "no", 1)])).await?;
    rows.goes_live(&THINGS, false).await?;
    let before = rows.builds("things").await?;
    let error = unusable(rows.discard(&THINGS).await)?;
    ensure!(error.contains("things_v1"), "the error must name the table: {error}");
    ensure_eq!(rows.builds("things").await?, before, "builds after a live one was not discarded");
    ensure_eq!(rows.all(&THINGS).await?, [thing(1, "a", 1)], "rows of a live build that was not discarded");
    ensure_eq!(rows.parked(&THINGS).await?.len(), 1, "events parked by a live build that was not discarded");
    rows.done(change(&THINGS, 2, 3).with(1)).await
}

async fn a_build_that_was_live_can_go(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.goes_live(&THINGS, false).await?;
    rows.write(&SECOND, vec![vec![int(1), text("a")]]).await?;
    rows.goes_live(&SECOND, false).await?;
    ensure!(rows.discard(&THINGS).await?, "a build was there, and `discard` says that it was not");
    ensure_eq!(rows.all(&SECOND).await?, [vec![int(1), text("a")]], "rows of the live build");
    unusable(rows.discard(&SECOND).await)?;
    // What comes back is older than what is live.
    rows.defined(&THINGS).await?;
    ensure_eq!(
        rows.promote(&THINGS, false).await?,
        annalist_core::rows::PromoteOutcome::Superseded,
        "a build that came back"
    );
    Ok(())
}

async fn a_discarded_build_can_be_made_anew(log: Log) -> Outcome {
    let rows = log.rows();
    for _ in 0..3 {
        ensure_eq!(rows.defined(&THINGS).await?, Checkpoint::default(), "a build that is made anew");
        ensure_eq!(rows.all(&THINGS).await?.len(), 0, "rows of a build that is made anew");
        ensure_eq!(rows.parked(&THINGS).await?, [], "events parked by a build that is made anew");
        rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
        rows.done(change(&THINGS, 1, 9).anchored(anchor(9)).parks(vec![parked(2, &["a"], "no", 1)])).await?;
        rows.report(&THINGS, Some("a reason")).await?;
        ensure!(rows.discard(&THINGS).await?, "a build was there, and `discard` says that it was not");
    }
    // Nothing is left that its columns or its log would be held against.
    let other = table("things", 1, SECOND.columns.to_vec());
    rows.define(&other, LogId::fresh()).await?;
    ensure_eq!(rows.build(&other).await?.shape, other.shape(), "the columns of a build that is made anew");
    Ok(())
}

async fn a_change_of_a_discarded_build_fails(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.discard(&THINGS).await?;
    let answer = rows.commit(change(&THINGS, 1, 2).writes(vec![thing(2, "b", 2)])).await;
    ensure!(answer.is_err(), "a change of a discarded build must fail, but is {answer:?}");
    rows.report(&THINGS, Some("a reason")).await?;
    ensure_eq!(rows.builds("things").await?, [], "builds after a discarded one was written and reported on");
    ensure_eq!(rows.defined(&THINGS).await?, Checkpoint::default(), "the build that is made anew");
    Ok(())
}

async fn many_discard_one_build_once(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    log.rows().write(&SECOND, vec![]).await?;
    for round in 0..log.rounds(10) {
        log.rows().write(&THINGS, vec![thing(1, "a", 1)]).await?;
        let tasks = (0..6).map(|task| {
            let rows = handles[(round + task) % 3].rows();
            async move { Ok(rows.discard(&THINGS).await?) }
        });
        let answers = together(tasks).await?;
        ensure_eq!(
            answers.iter().filter(|one| **one).count(),
            1,
            "callers who discarded a build, of {answers:?}"
        );
        ensure_eq!(log.rows().builds("things").await?.len(), 1, "builds after one was discarded by many");
    }
    Ok(())
}

async fn a_build_is_discarded_while_its_runner_writes(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    for round in 0..log.rounds(10) {
        let table = table(&format!("round_{round}"), 1, THINGS.columns.to_vec());
        log.rows().defined(&table).await?;
        let runner = handles[0].rows();
        // It ends with the build, and must not bring any of it back.
        let run = tokio::spawn(async move {
            for at in 0.. {
                if runner.commit(change(&table, at, at + 1).writes(vec![thing(1, "a", 1)])).await.is_err() {
                    return;
                }
                room_for_others().await;
            }
        });
        while handles[1].rows().build(&table).await?.checkpoint.position < Position::new(3) {
            room_for_others().await;
        }
        ensure!(
            handles[1].rows().discard(&table).await?,
            "a build was there, and `discard` says that it was not"
        );
        run.await.map_err(crate::failure::panicked)?;
        ensure_eq!(log.rows().builds(table.projection).await?, [], "builds after the only one was discarded");
    }
    Ok(())
}

async fn what_is_discarded_stays_away(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.write(&THINGS.built(1), vec![thing(1, "a", 1)]).await?;
    rows.discard(&THINGS).await?;
    drop(rows);
    let log = log.restarted().await?;
    let rows = log.rows();
    ensure_eq!(rows.builds("things").await?.len(), 1, "builds after one was discarded, and a restart");
    ensure_eq!(
        rows.defined(&THINGS).await?,
        Checkpoint::default(),
        "a build that is made anew after a restart"
    );
    Ok(())
}
