//! Verification of the log: every event is checked in pages of bounded size, and what is correct is never reported.

use annalist_core::{
    Error,
    finding::{VerifyCursor, VerifyPage},
    record::{Metadata, Position},
    store::Successor,
};

use crate::{
    failure::Outcome,
    support::{
        fixtures::*,
        handle::Handle,
        log::Log,
        workers::{Round, Workers},
    },
};

cases!("verify": [
    every_event_is_checked_in_bounded_pages,
    unusual_values_are_no_findings,
    successors_are_checked_in_pages,
    running_appends_are_no_findings,
]);

/// All pages of a verification up to a position.
async fn verified(log: &Handle, up_to: Position) -> Outcome<Vec<VerifyPage>> {
    let mut pages = Vec::new();
    let mut cursor = Some(VerifyCursor::default());
    while let Some(after) = cursor {
        let page = log.verify(up_to, &after).await?;
        ensure_eq!(page.findings, [], "findings of a log that is correct, after {after:?}");
        ensure!(
            page.rows <= VerifyPage::MAX_ROWS && page.events <= page.rows,
            "a page must not have more than {} rows: {page:?}",
            VerifyPage::MAX_ROWS
        );
        ensure!(
            page.next.as_ref() != Some(&after),
            "the page after {after:?} must not continue at its own start"
        );
        cursor = page.next.clone();
        pages.push(page);
    }
    Ok(pages)
}

async fn every_event_is_checked_in_bounded_pages(log: Log) -> Outcome {
    let empty = verified(&log, log.settled().await?.position).await?;
    ensure_eq!(
        empty.iter().map(|page| page.events).sum::<u64>(),
        0,
        "number of checked events of an empty log"
    );
    let events = VerifyPage::MAX_ROWS * 2 + 1;
    let mut last = Position::START;
    for start in (0..events).step_by(500) {
        let numbers = start..events.min(start + 500);
        let drafts = numbers.map(|number| event("counted", &["all:1", &format!("number:{number}")]));
        let request = append(drafts).with_key(command_key(format!("c-{start}"), "count", &["all:1"]));
        last = log.expect_accepted(request.with_journal("{}")).await?.position();
    }
    log.wait_until_settled(last).await?;
    for handle in log.handles(2).await? {
        handle.wait_until_settled(last).await?;
        let pages = verified(&handle, last).await?;
        ensure_eq!(pages.iter().map(|page| page.events).sum::<u64>(), events, "number of checked events");
        ensure!(pages.len() >= 3, "{events} events need at least three pages, but there are {}", pages.len());
    }
    // Only the events up to the position are checked.
    let first = log.read_all().await?.swap_remove(9).position;
    let checked = verified(&log, first).await?.iter().map(|page| page.events).sum::<u64>();
    ensure_eq!(checked, 10, "number of checked events up to the tenth");
    Ok(())
}

async fn unusual_values_are_no_findings(log: Log) -> Outcome {
    let long = format!("kind:{}", "x".repeat(507));
    let kind = format!("{}:", "k".repeat(64));
    for tags in
        [vec![], vec!["a:"], vec!["a: b", "a:\"", "a:'", "a:\\", "a:{x}", "a:\n", "a:é"], vec![&long, &kind]]
    {
        for name in ["a", "é", "a-b.c/d", "{\"a\"}", "'"] {
            let events = ["null", "0", r#""\u0000""#, r#"{"a": [1, "é😀"]}"#]
                .map(|json| event_with(name, &tags, json));
            let id = format!("'\"\\{{é}} {} {name}", tags.len());
            let request =
                append(events).with_key(command_key(id, "'é\"", &tags)).with_journal(r#"{"a":"\u0000"}"#);
            log.expect_accepted(request.recorded_at(-1)).await?;
        }
    }
    log.expect_accepted(empty_append().with_key(command_key("empty", "nothing", &[]))).await?;
    log.expect_accepted(empty_append().with_rejection("{}", "no\0, 'é'")).await?;
    let last = log.read_all().await?.last().map_or(Position::START, |record| record.position);
    log.wait_until_settled(last).await?;
    verified(&log, last).await.map(drop)
}

async fn successors_are_checked_in_pages(log: Log) -> Outcome {
    let count = VerifyPage::MAX_ROWS + 1;
    let successor =
        |number| Successor::made(format!("old-{number}"), "a").map(|one| one.stored_at(Position::new(1)));
    let successors = (0..count).map(successor).collect::<Result<Vec<_>, _>>()?;
    let first = Position::new(1);
    let record = event("a", &[]).record(first, seconds_since_1970(1), Metadata::default());
    let mut import = match log.import().await {
        // The store does not support imports.
        Err(Error::Unusable { .. }) => return Ok(()),
        import => import?,
    };
    import.write_events(vec![record], Vec::new()).await?;
    import.write_successors(successors).await?;
    import.finish().await?;
    log.wait_until_settled(first).await?;
    let pages = verified(&log, first).await?;
    let rows = pages.iter().map(|page| page.rows).sum::<u64>();
    ensure!(rows > count, "{count} successors and an event were stored, but {rows} rows were checked");
    Ok(())
}

async fn running_appends_are_no_findings(log: Log) -> Outcome {
    let appends = log.handles(3).await?.into_iter().enumerate().map(|(worker, handle)| {
        move |round: usize| -> Round {
            let handle = handle.clone();
            Box::pin(async move {
                let events = [event("first", &["a:1", "b:2"]), event("second", &["a:1"])];
                let request =
                    append(events).with_key(command_key(format!("{worker}-{round}"), "append", &[]));
                handle.expect_accepted(request.with_journal("{}")).await.map(drop)
            })
        }
    });
    let mut workers = Workers::start(appends.collect(), log.rounds(20));
    for _ in 0..log.rounds(20) {
        let up_to = log.settled().await?.position;
        workers.wait_for_progress().await;
        verified(&log, up_to).await?;
    }
    workers.finish().await
}
