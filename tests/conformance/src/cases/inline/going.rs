//! Into the appends and out of them again: nothing is lost on the way.

use super::*;

cases!("going_inline" needs [Rows, Inline]: [
    going_inline_folds_what_lies_behind,
    what_is_far_behind_has_to_catch_up_first,
    what_cannot_go_inline_stays_as_it_is,
    an_inline_build_takes_no_other_change,
    leaving_inline_goes_on_in_the_background,
    inline_builds_are_compared_at_the_end_of_the_log,
] durable [
    inline_builds_outlive_the_handle,
]);

async fn going_inline_folds_what_lies_behind(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let fold = [tales(TALES)];
    let rows = log.rows();
    rows.defined(&TALES).await?;
    let first =
        log.accepted(append([tale("told", &["a", "b"], 1), tale("sung", &["a"], 2)])).await?.position();
    log.settle(first).await?;
    // A runner took the first two; the other events are left for the transaction that makes it inline.
    let counted = folded(&*fold[0], &log.everything().await?)?;
    rows.done(change(&TALES, 0, first.get()).writes(counted)).await?;
    let events = [
        tale("forgotten", &["b"], 3),
        event("other", &["hero:a"]),
        tale("told", &["a", "c"], 4),
        event("other", &[]),
    ];
    let last = log.accepted(append(events)).await?.position();
    rows.report(&TALES, Some("a reason")).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold[0])).await?,
        InlineOutcome::Done,
        "the answer to going inline"
    );
    let build = handles[1].rows().build(&TALES).await?;
    ensure!(build.inline && !build.live, "a build that went inline says {build:?}");
    ensure!(
        build.checkpoint.position >= last,
        "a build that went inline stands at {}",
        build.checkpoint.position
    );
    ensure_eq!(build.checkpoint.stopped, None, "why a build stands still that went inline");
    log.rows_are_the_log(&fold[0]).await?;
    // Once is enough, from every handle.
    for handle in &handles {
        ensure_eq!(
            handle.rows().make_inline(Arc::clone(&fold[0])).await?,
            InlineOutcome::Done,
            "the answer the second time"
        );
        log.rows_are_the_log(&fold[0]).await?;
    }
    handles[1].told(append([tale("told", &["a"], 5)]), &fold).await?;
    let found = log.rows_are_the_log(&fold[0]).await?;
    ensure_eq!(found[0][1], text("t1 s2 t4 t5 "), "the tale from before and behind");
    ensure_eq!(rows.build(&TALES).await?.checkpoint, build.checkpoint, "the checkpoint, which stays");
    Ok(())
}

async fn what_is_far_behind_has_to_catch_up_first(log: Log) -> Outcome {
    let fold = tales_of(TALES, &["told"]);
    let rows = log.rows();
    rows.defined(&TALES).await?;
    let others = (0..500).map(|n| tale("sung", &["a"], n));
    let own = (0..InlineOutcome::AT_MOST + 1).map(|n| tale("told", &[["a", "b", "c"][n % 3]], n));
    let at = positions(&log.accepted(append(others.chain(own))).await?);
    log.settle(at[at.len() - 1]).await?;
    let first = at[500].get();
    let before = rows.build(&TALES).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold)).await?,
        InlineOutcome::Behind,
        "the answer to a build that is far behind"
    );
    ensure_eq!(rows.build(&TALES).await?, before, "a build that is far behind");
    ensure_eq!(rows.all(&TALES).await?.len(), 0, "rows of a build that is far behind");
    log.accepted(append([tale("sung", &["a"], 1)])).await?;
    // With the first one counted it is near enough, but for an event that is parked.
    let wanted = folded(&*fold, &log.everything().await?[..501])?;
    let sent = change(&TALES, 0, first).writes(wanted).anchored(anchor(first));
    rows.done(sent.parks(vec![parked(first, &["a"], "no", 1)])).await?;
    let before = rows.build(&TALES).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold)).await?,
        InlineOutcome::Behind,
        "the answer to a build with a parked event"
    );
    ensure_eq!(rows.build(&TALES).await?, before, "a build with a parked event");
    rows.done(change(&TALES, first, first).with(1).unparks([first])).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold)).await?,
        InlineOutcome::Done,
        "the answer to a build that is near enough"
    );
    log.rows_are_the_log(&fold).await.map(drop)
}

async fn what_cannot_go_inline_stays_as_it_is(log: Log) -> Outcome {
    let rows = log.rows();
    let fold = tales(TALES);
    unusable(rows.make_inline(Arc::clone(&fold)).await)?;
    ensure_eq!(rows.builds("tales").await?, [], "builds after one went inline that was never defined");
    rows.define(&TALES, LogId::fresh()).await?;
    let before = rows.builds("tales").await?;
    let error = unusable(rows.make_inline(Arc::clone(&fold)).await)?;
    ensure!(error.contains("tales_v1"), "the error must name the table: {error}");
    ensure_eq!(rows.builds("tales").await?, before, "a build of another log");
    for (build, step) in (1..).zip(["keys", "fold"]) {
        let failing = tales(TALES.built(build));
        rows.defined(failing.table()).await?;
        log.accepted(append([tale("told", &["b"], 1), bad(step)])).await?;
        let before = rows.build(failing.table()).await?;
        let answer = rows.make_inline(Arc::clone(&failing)).await;
        ensure!(
            matches!(answer, Err(Error::Invalid(_) | Error::Unusable { .. })),
            "a fold that fails gives {answer:?}"
        );
        ensure_eq!(rows.build(failing.table()).await?, before, "a build whose fold failed");
        ensure_eq!(rows.all(failing.table()).await?.len(), 0, "rows of a build whose fold failed");
    }
    // Nothing went inline, so nothing has to be brought.
    log.accepted(append([tale("told", &["a"], 2)])).await.map(drop)
}

async fn an_inline_build_takes_no_other_change(log: Log) -> Outcome {
    let rows = log.rows();
    let fold = tales(TALES);
    log.kept_inline(&fold).await?;
    log.told(append([tale("told", &["a"], 1)]), std::slice::from_ref(&fold)).await?;
    let before = rows.build(&TALES).await?;
    let at = before.checkpoint.position.get();
    for (from, to) in [(at, at + 1), (at, at), (at + 1, at + 2), (0, 1)] {
        let sent = change(&TALES, from, to);
        let all =
            sent.clone().writes(vec![hero("b", "x", Position::new(9))]).parks(vec![parked(1, &[], "no", 1)]);
        for sent in [sent, all] {
            let error = unusable(rows.commit(sent).await)?;
            ensure!(error.contains("tales_v1"), "the error must name the table: {error}");
        }
    }
    unusable(rows.discard(&TALES).await)?;
    ensure_eq!(rows.build(&TALES).await?, before, "an inline build after other changes");
    log.rows_are_the_log(&fold).await?;
    // It is defined again and goes live like any other.
    ensure_eq!(rows.defined(&TALES).await?, before.checkpoint, "an inline build, defined again");
    rows.goes_live(&TALES, true).await?;
    let build = rows.build(&TALES).await?;
    ensure!(build.inline && build.live, "an inline build that went live says {build:?}");
    log.told(append([tale("told", &["a"], 2)]), std::slice::from_ref(&fold)).await?;
    log.rows_are_the_log(&fold).await.map(drop)
}

async fn leaving_inline_goes_on_in_the_background(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = handles[1].rows();
    let fold = [tales(TALES)];
    unusable(rows.make_async(&TALES).await)?;
    let fresh = rows.defined(&TALES).await?;
    ensure_eq!(rows.make_async(&TALES).await?, fresh, "the checkpoint of a build that was never inline");
    log.kept_inline(&fold[0]).await?;
    log.told(append([tale("told", &["a"], 1), event("other", &[])]), &fold).await?;
    let last = log.told(append([tale("told", &["a", "b"], 2)]), &fold).await?;
    let left = rows.make_async(&TALES).await?;
    ensure!(
        left.position >= last.position(),
        "a build that left stands at {}, before {last:?}",
        left.position
    );
    ensure!(
        left.anchor.is_none_or(|anchor| anchor.position <= left.position),
        "its anchor is {:?}",
        left.anchor
    );
    if let Some(anchor) = left.anchor {
        let there = log.everything().await?.into_iter().find(|record| record.position == anchor.position);
        ensure_eq!(there.map(|record| record.id), Some(anchor.event), "the event of its anchor");
    }
    ensure_eq!((left.parked, &left.stopped), (0, &None), "what else stands in its checkpoint");
    let build = log.rows().build(&TALES).await?;
    ensure!(!build.inline, "a build that left says {build:?}");
    ensure_eq!(build.checkpoint, left, "the checkpoint of a build that left");
    ensure_eq!(rows.make_async(&TALES).await?, left, "the checkpoint of a build that left twice");
    log.rows_are_the_log(&fold[0]).await?;
    // Appends need no fold any more, and a runner goes on from there, with nothing missing and nothing counted twice.
    ensure_eq!(
        log.missing(append([tale("told", &["a"], 3)]).brings(&fold)).await?,
        [],
        "what an append needs"
    );
    let next = log.accepted(append([tale("told", &["a"], 3)])).await?.position();
    log.settle(next).await?;
    let behind = log.drain(&taken(&*fold[0]), left.position, 10, next).await?;
    ensure_eq!(places(&behind), [next], "events behind a build that left");
    let counted = folded(&*fold[0], &log.everything().await?)?;
    rows.done(change(&TALES, left.position.get(), next.get()).writes(counted)).await?;
    log.rows_are_the_log(&fold[0]).await?;
    log.accepted(append([tale("sung", &["b"], 4)])).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold[0])).await?,
        InlineOutcome::Done,
        "the answer to going inline again"
    );
    log.told(append([tale("sung", &["b"], 5)]), &fold).await?;
    log.rows_are_the_log(&fold[0]).await?;
    rows.make_async(&TALES).await?;
    ensure!(rows.discard(&TALES).await?, "a build that left was there, and was not discarded");
    Ok(())
}

async fn inline_builds_are_compared_at_the_end_of_the_log(log: Log) -> Outcome {
    let rows = log.rows();
    let folds = [TALES, TALES.built(1), TALES.built(2)].map(tales);
    let [first, second, third] = &folds;
    log.kept_inline(first).await?;
    rows.goes_live(&TALES, false).await?;
    log.told(append([tale("told", &["a", "b"], 1)]), &folds[..1]).await?;
    rows.defined(second.table()).await?;
    let before = rows.builds("tales").await?;
    ensure_eq!(
        rows.promote(second.table(), true).await?,
        PromoteOutcome::NotComparable,
        "the comparison of one that is inline"
    );
    ensure_eq!(rows.builds("tales").await?, before, "builds of which one is inline");
    log.kept_inline(second).await?;
    // Both follow the log, wherever they went inline.
    log.told(append([tale("told", &["a"], 2)]), &folds[..2]).await?;
    rows.goes_live(second.table(), true).await?;
    rows.defined(third.table()).await?;
    let wrong = vec![hero("a", "wrong ", Position::new(1)), hero("c", "wrong ", Position::new(1))];
    rows.done(change(third.table(), 0, 0).writes(wrong)).await?;
    log.kept_inline(third).await?;
    let PromoteOutcome::Differs(difference) = rows.promote(third.table(), true).await? else {
        return Err(Failure::new("inline builds with other rows must differ"));
    };
    ensure_eq!((difference.missing, difference.added, difference.changed), (0, 1, 1), "rows that differ");
    ensure_eq!(difference.example, Some(vec![text("a")]), "the first key that differs");
    Ok(())
}

async fn inline_builds_outlive_the_handle(log: Log) -> Outcome {
    let folds = [tales(TALES), tales_of(Table { projection: "songs", ..TALES }, &["sung"])];
    for fold in &folds {
        log.kept_inline(fold).await?;
    }
    log.told(append([tale("told", &["a"], 1)]), &folds[..1]).await?;
    let before = log.rows().build(&TALES).await?;
    let log = log.restarted().await?;
    ensure_eq!(log.rows().build(&TALES).await?, before, "an inline build after a restart");
    let both = append([tale("told", &["a"], 2), tale("sung", &["a"], 3)]);
    ensure_eq!(
        log.missing(both.clone()).await?,
        [id(&folds[1]), id(&folds[0])],
        "what an append needs after a restart"
    );
    log.told(both, &folds).await?;
    for fold in &folds {
        log.rows_are_the_log(fold).await?;
    }
    log.rows().make_async(&TALES).await?;
    let log = log.restarted().await?;
    ensure!(!log.rows().build(&TALES).await?.inline, "a build that left is inline after a restart");
    log.accepted(append([tale("told", &["a"], 4)])).await.map(drop)
}
