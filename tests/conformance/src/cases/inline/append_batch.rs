//! Batches of appends with inline rows.

use annalist_core::{
    Error,
    rows::Table,
    store::{Append, AppendOutcome, Marker},
};

use super::{notes::*, support::*};
use crate::{
    failure::Outcome,
    support::{fixtures::*, log::Log, rows::*},
};

cases!("inline_append_batch" needs [Rows, Inline, AppendBatch]: [
    batch_without_a_required_fold_is_refused,
    rows_change_with_every_append_of_the_batch,
    refused_batch_changes_no_rows,
    failing_fold_writes_nothing_of_the_batch,
]);

fn written(notes: &[&str], number: usize) -> Append {
    append([note_event("written", notes, number)])
}

async fn batch_without_a_required_fold_is_refused(log: Log) -> Outcome {
    let fold = notes(NOTES);
    log.define_inline(&fold).await?;
    for lacking in 0..3 {
        let all = (0..3).map(|nth| match nth == lacking {
            true => written(&["a"], nth).with_key(command_key("c-1", "write", &[])),
            false => append([event("other", &["note:a"])]).with_key(command_key(
                format!("other-{nth}"),
                "write",
                &[],
            )),
        });
        let expected = AppendOutcome::InlineRequired { index: lacking, builds: vec![build_id(&fold)] };
        ensure_eq!(
            log.expect_batch_refused(all.collect()).await?,
            expected,
            "outcome of a batch whose append {lacking} has no fold"
        );
    }
    ensure_eq!(log.read_all().await?, [], "events after batches without a required fold");
    ensure_eq!(
        log.rows().all_rows(&NOTES).await?.len(),
        0,
        "number of rows after batches without a required fold"
    );
    ensure_eq!(
        log.receipt(&command_key("c-1", "write", &[])).await?,
        None,
        "receipt after a batch without a required fold"
    );
    log.expect_batch_accepted((0..3).map(|_| append([event("other", &["note:a"])])).collect()).await.map(drop)
}

async fn rows_change_with_every_append_of_the_batch(log: Log) -> Outcome {
    let folds = [notes(NOTES), notes_of(Table { projection: "edits", ..NOTES }, &["edited"])];
    for fold in &folds {
        log.define_inline(fold).await?;
    }
    let [only_notes, both] = [&folds[..1], &folds[..]];
    for round in 0..3 {
        let all = vec![
            written(&["a", "b"], 1).with_folds(only_notes),
            append([event("other", &["note:a"])]),
            append([note_event("edited", &["a"], 2), note_event("written", &["a"], 3)]).with_folds(both),
            empty_append(),
            written(&["b"], 4).with_folds(only_notes),
        ];
        log.expect_batch_accepted(all).await?;
        let rows = log.expect_rows_equal_fold(&folds[0]).await?;
        let histories: Vec<_> = rows.iter().map(|row| row[1].clone()).collect();
        let expected = ["w1 e2 w3 ", "w1 w4 "].map(|once| text(once.repeat(round + 1)));
        ensure_eq!(histories, expected, "histories of two notes in round {round}");
        log.expect_rows_equal_fold(&folds[1]).await?;
    }
    Ok(())
}

async fn refused_batch_changes_no_rows(log: Log) -> Outcome {
    let fold = [notes(NOTES)];
    log.define_inline(&fold[0]).await?;
    let first = log
        .expect_accepted_with(written(&["a"], 1).with_key(command_key("c-1", "write", &[])), &fold)
        .await?;
    let rows = log.rows().all_rows(&NOTES).await?;
    let conflicting = written(&["a"], 2).if_unchanged(criteria_for(&[], &["note:a"]), Marker::START);
    let repeated = written(&["a"], 2).with_key(command_key("c-1", "write", &[]));
    for index in 0..2 {
        let refused = async |append: &Append| {
            let mut all = vec![written(&["a", "b"], 3).with_folds(&fold)];
            all.insert(index, append.clone().with_folds(&fold));
            log.expect_batch_refused(all).await
        };
        let outcome = refused(&conflicting).await?;
        ensure!(
            matches!(outcome, AppendOutcome::Conflict { index: at, .. } if at == index),
            "append {index} of two conflicts, but the outcome is {outcome:?}"
        );
        let duplicate = AppendOutcome::Duplicate { index, receipt: first.clone() };
        ensure_eq!(
            refused(&repeated).await?,
            duplicate,
            "outcome of a batch whose append {index} is a duplicate"
        );
    }
    ensure_eq!(log.expect_rows_equal_fold(&fold[0]).await?, rows, "rows after refused batches");
    Ok(())
}

async fn failing_fold_writes_nothing_of_the_batch(log: Log) -> Outcome {
    let fold = [notes(NOTES)];
    log.define_inline(&fold[0]).await?;
    log.expect_accepted_with(written(&["a"], 1), &fold).await?;
    let before = log.read_all().await?;
    for step in ["keys", "fold"] {
        for nth in 0..2 {
            let mut all =
                vec![written(&["b"], 2).with_folds(&fold).with_key(command_key("c-1", "write", &[]))];
            all.insert(nth, append([failing_event(step)]).with_folds(&fold));
            let result = log.append(all).await;
            ensure!(
                matches!(result, Err(Error::Invalid(_))),
                "one fold fails: `append` must return `Error::Invalid`, but returned {result:?}"
            );
            ensure_eq!(log.read_all().await?, before, "events after a failed fold");
            ensure_eq!(
                log.receipt(&command_key("c-1", "write", &[])).await?,
                None,
                "receipt of another append of a batch with a failed fold"
            );
        }
    }
    let last = log
        .expect_batch_accepted(vec![
            written(&["a"], 3).with_folds(&fold),
            written(&["a"], 4).with_folds(&fold),
        ])
        .await?;
    let rows = log.expect_rows_equal_fold(&fold[0]).await?;
    ensure_eq!(rows, [note_row("a", "w1 w3 w4 ", last[1].position())], "the row after failed folds");
    Ok(())
}
