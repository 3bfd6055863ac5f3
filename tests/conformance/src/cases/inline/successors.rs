//! Inline builds whose event types get successors.

use std::slice;

use annalist_core::{
    rows::InlineOutcome,
    store::{Append, KnownSuccessors, Successor},
};

use super::{notes::*, support::*};
use crate::{
    failure::Outcome,
    support::{fixtures::*, log::Log},
};

cases!("inline_successors" needs [Rows, Inline]: [
    append_that_adds_a_successor_provides_the_builds_of_the_older_name,
    build_that_misses_a_successor_does_not_become_inline,
]);

/// An append of `edited` that adds it as the new name of `written`.
fn renaming(number: usize) -> Outcome<Append> {
    let added = vec![Successor::renamed("written", "edited")?];
    let successors = Some(KnownSuccessors { version: 0, added });
    Ok(Append { successors, ..append([note_event("edited", &["a"], number)]) })
}

async fn append_that_adds_a_successor_provides_the_builds_of_the_older_name(log: Log) -> Outcome {
    let (older, newer) = (notes_of(NOTES, &["written"]), notes_of(NOTES, &["written", "edited"]));
    log.define_inline(&older).await?;
    log.expect_accepted_with(append([note_event("written", &["a"], 1)]), slice::from_ref(&older)).await?;
    ensure_eq!(
        log.expect_inline_required(renaming(2)?).await?,
        [build_id(&older)],
        "builds that the first event of a successor requires"
    );
    ensure_eq!(log.successors().await?.all().len(), 0, "number of successors after a refused append");
    log.expect_accepted_with(renaming(2)?, slice::from_ref(&newer)).await?;
    log.expect_rows_equal_fold(&newer).await?;
    // From now on the build folds both names.
    let edited = append([note_event("edited", &["a", "b"], 3)]);
    ensure_eq!(
        log.expect_inline_required(edited.clone()).await?,
        [build_id(&newer)],
        "builds that a later event of the successor requires"
    );
    log.expect_accepted_with(edited, slice::from_ref(&newer)).await?;
    log.expect_accepted_with(append([note_event("written", &["b"], 4)]), &[older]).await?;
    log.expect_rows_equal_fold(&newer).await?;
    Ok(())
}

async fn build_that_misses_a_successor_does_not_become_inline(log: Log) -> Outcome {
    let (older, newer) = (notes_of(NOTES, &["written"]), notes_of(NOTES, &["written", "edited"]));
    let rows = log.rows();
    rows.define_table(&NOTES).await?;
    log.expect_accepted(append([note_event("written", &["a"], 1)])).await?;
    let end = log.expect_accepted(renaming(2)?).await?.position();
    log.wait_until_settled(end).await?;
    ensure_eq!(
        rows.make_inline(older).await?,
        InlineOutcome::Behind,
        "outcome of `make_inline` with a fold that misses a successor"
    );
    ensure!(!rows.build_of(&NOTES).await?.inline, "the build must stay asynchronous");
    ensure_eq!(
        rows.make_inline(newer.clone()).await?,
        InlineOutcome::Done,
        "outcome of `make_inline` with a fold that reads the successor"
    );
    log.expect_rows_equal_fold(&newer).await?;
    Ok(())
}
