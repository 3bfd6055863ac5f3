//! Appends that stand or fall together, with rows that change with them.

use annalist_core::{
    Error,
    rows::Table,
    store::{Append, AppendOutcome, Marker},
};

use super::{Brings, id, tales::*};
use crate::{failure::Outcome, given::*, log::Log, rows::*};

cases!("inline_together" needs [Rows, Inline, AppendBatch]: [
    appends_without_the_fold_are_told_and_write_nothing,
    rows_change_with_all_of_them,
    rows_of_refused_appends_stay,
    a_fold_that_fails_leaves_nothing,
]);

fn told(heroes: &[&str], number: usize) -> Append {
    append([tale("told", heroes, number)])
}

async fn appends_without_the_fold_are_told_and_write_nothing(log: Log) -> Outcome {
    let fold = tales(TALES);
    log.kept_inline(&fold).await?;
    for lacking in 0..3 {
        let all = (0..3).map(|nth| match nth == lacking {
            true => told(&["a"], nth).keyed(key("c-1", "tell", &[])),
            false => append([event("other", &["hero:a"])]).keyed(key(format!("other-{nth}"), "tell", &[])),
        });
        let wanted = AppendOutcome::InlineRequired { index: lacking, builds: vec![id(&fold)] };
        ensure_eq!(log.none_accepted(all.collect()).await?, wanted, "which append lacks which fold");
    }
    ensure_eq!(log.everything().await?, [], "events of appends of which one lacked a fold");
    ensure_eq!(log.rows().all(&TALES).await?.len(), 0, "rows after appends of which one lacked a fold");
    ensure_eq!(log.receipt(&key("c-1", "tell", &[])).await?, None, "the receipt of one that lacked a fold");
    log.all_accepted((0..3).map(|_| append([event("other", &["hero:a"])])).collect()).await.map(drop)
}

async fn rows_change_with_all_of_them(log: Log) -> Outcome {
    let folds = [tales(TALES), tales_of(Table { projection: "songs", ..TALES }, &["sung"])];
    for fold in &folds {
        log.kept_inline(fold).await?;
    }
    let [tale_alone, both] = [&folds[..1], &folds[..]];
    for round in 0..3 {
        let all = vec![
            told(&["a", "b"], 1).brings(tale_alone),
            append([event("other", &["hero:a"])]),
            append([tale("sung", &["a"], 2), tale("told", &["a"], 3)]).brings(both),
            nothing(),
            told(&["b"], 4).brings(tale_alone),
        ];
        log.all_accepted(all).await?;
        let rows = log.rows_are_the_log(&folds[0]).await?;
        let tales: Vec<_> = rows.iter().map(|row| row[1].clone()).collect();
        let wanted = ["t1 s2 t3 ", "t1 t4 "].map(|once| text(once.repeat(round + 1)));
        ensure_eq!(tales, wanted, "the tales of two heroes in round {round}");
        log.rows_are_the_log(&folds[1]).await?;
    }
    Ok(())
}

async fn rows_of_refused_appends_stay(log: Log) -> Outcome {
    let fold = [tales(TALES)];
    log.kept_inline(&fold[0]).await?;
    let first = log.told(told(&["a"], 1).keyed(key("c-1", "tell", &[])), &fold).await?;
    let rows = log.rows().all(&TALES).await?;
    let conflicting = told(&["a"], 2).under(of(&[], &["hero:a"]), Marker::START);
    let known = told(&["a"], 2).keyed(key("c-1", "tell", &[]));
    for index in 0..2 {
        let refused = async |one: &Append| {
            let mut all = vec![told(&["a", "b"], 3).brings(&fold)];
            all.insert(index, one.clone().brings(&fold));
            log.none_accepted(all).await
        };
        let answer = refused(&conflicting).await?;
        let is_conflict = matches!(answer, AppendOutcome::Conflict { index: at, .. } if at == index);
        ensure!(is_conflict, "append {index} of two conflicts, but the answer is {answer:?}");
        let duplicate = AppendOutcome::Duplicate { index, receipt: first.clone() };
        ensure_eq!(refused(&known).await?, duplicate, "why append {index} of two is refused");
    }
    ensure_eq!(log.rows_are_the_log(&fold[0]).await?, rows, "rows after appends that were refused");
    Ok(())
}

async fn a_fold_that_fails_leaves_nothing(log: Log) -> Outcome {
    let fold = [tales(TALES)];
    log.kept_inline(&fold[0]).await?;
    log.told(told(&["a"], 1), &fold).await?;
    let before = log.everything().await?;
    for step in ["keys", "fold"] {
        for nth in 0..2 {
            let mut all = vec![told(&["b"], 2).brings(&fold).keyed(key("c-1", "tell", &[]))];
            all.insert(nth, append([bad(step)]).brings(&fold));
            let answer = log.append(all).await;
            ensure!(
                matches!(answer, Err(Error::Invalid(_))),
                "appends of which one fold fails give {answer:?}"
            );
            ensure_eq!(log.everything().await?, before, "events after a fold failed");
            ensure_eq!(
                log.receipt(&key("c-1", "tell", &[])).await?,
                None,
                "the receipt beside a fold that failed"
            );
        }
    }
    let last = log.all_accepted(vec![told(&["a"], 3).brings(&fold), told(&["a"], 4).brings(&fold)]).await?;
    let rows = log.rows_are_the_log(&fold[0]).await?;
    ensure_eq!(rows, [super::hero("a", "t1 t3 t4 ", last[1].position())], "the tale behind failed folds");
    Ok(())
}
