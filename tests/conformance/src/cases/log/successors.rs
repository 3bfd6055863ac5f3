//! The successors of event names: added with the first event, and compared in each append that knows them.

use annalist_core::{
    record::Position,
    store::{Append, AppendOutcome, KnownSuccessors, Marker, PageLimit, Receipt, Successor, Successors},
};

use crate::{
    Failure,
    failure::Outcome,
    support::{
        concurrency::{pause_if, run_concurrently},
        fixtures::*,
        handle::Handle,
        log::Log,
    },
};

cases!("successors": [
    empty_log_has_no_successors,
    first_event_of_a_successor_adds_it,
    append_that_knows_another_list_is_refused,
    successors_are_compared_after_command_ids_and_before_conditions,
    only_appended_names_are_added_and_each_once,
    refused_append_adds_no_successor,
    successors_of_a_batch_are_added_together,
    no_append_without_a_successor_follows_it,
    first_successors_of_concurrent_appends_are_all_added,
    page_has_the_list_of_its_events,
] durable [
    successors_survive_reopen,
]);

const NONE: u64 = 0;

fn made(of: &'static str, name: &'static str) -> Successor {
    Successor::made(of, name).expect("valid names")
}

/// The append of a program that knows a list, and adds successors.
fn knowing(append: Append, version: u64, added: &[Successor]) -> Append {
    Append { successors: Some(KnownSuccessors { version, added: added.to_vec() }), ..append }
}

/// Expects that an append is refused because it knows another list.
async fn expect_stale(log: &Handle, append: Append) -> Outcome {
    match log.append_one(append).await? {
        AppendOutcome::SuccessorsChanged { index: 0 } => Ok(()),
        other => Err(Failure::new(format!(
            "the append knows another list: `append` must return `SuccessorsChanged`, but returned {other:?}"
        ))),
    }
}

/// Appends an event of the successor `new` of `old`.
async fn add_successor(log: &Handle) -> Outcome<Receipt> {
    log.expect_accepted(knowing(append([event("new", &["x:1"])]), NONE, &[made("old", "new")])).await
}

async fn empty_log_has_no_successors(log: Log) -> Outcome {
    ensure_eq!(log.successors().await?, Successors::default(), "successors of an empty log");
    log.expect_accepted(knowing(append([event("old", &["x:1"])]), NONE, &[])).await?;
    let page = log.feed_page(&criteria_for(&["old"], &[]), Position::START, 10).await?;
    ensure_eq!(page.successors, NONE, "version of the list of a page without successors");
    ensure_eq!(log.successors().await?, Successors::default(), "successors after an append that adds none");
    Ok(())
}

async fn first_event_of_a_successor_adds_it(log: Log) -> Outcome {
    log.expect_accepted(append([event("old", &["x:1"])])).await?;
    let events = [event("other", &[]), event("new", &["x:1"]), event("new", &["x:1"])];
    let added = [made("old", "new"), Successor::renamed("older", "new")?];
    let receipt = log.expect_accepted(knowing(append(events), NONE, &added)).await?;
    let since = positions(&receipt)[1];
    let list = log.successors().await?;
    let expected = added.map(|successor| successor.stored_at(since));
    ensure_eq!(list.all(), expected, "successors after the first event");
    ensure!(list.version > NONE, "the version of a list with successors must not be 0");
    let stored = list.all()[1].is_rename();
    ensure!(stored, "the successor of `older` must be stored as a rename, but is {stored}");
    Ok(())
}

async fn append_that_knows_another_list_is_refused(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let receipt = add_successor(&log).await?;
    let version = log.successors().await?.version;
    let condition = criteria_for(&["old"], &["x:1"]);
    for handle in &handles {
        for known in [NONE, version + 1, version - 1] {
            let old = append([event("old", &["x:1"])]);
            expect_stale(handle, knowing(old, known, &[])).await?;
            let empty = empty_append().if_unchanged(condition.clone(), Marker::START);
            expect_stale(handle, knowing(empty, known, &[])).await?;
            expect_stale(handle, knowing(append([event("new", &[])]), known, &[made("a", "new")])).await?;
        }
    }
    let positions = positions_of(&log.read_all().await?);
    ensure_eq!(positions, [receipt.position()], "positions after refused appends");
    ensure_eq!(log.successors().await?.version, version, "version of the list after refused appends");
    for handle in &handles {
        handle.expect_accepted(append([event("old", &[])])).await?;
        let known = append([event("old", &["x:2"])]).if_unchanged(condition.clone(), Marker::START);
        handle.expect_accepted(knowing(known, version, &[])).await?;
    }
    Ok(())
}

async fn successors_are_compared_after_command_ids_and_before_conditions(log: Log) -> Outcome {
    let key = || command_key("c-1", "write", &[]);
    let first =
        log.expect_accepted(knowing(append([event("old", &["x:1"])]).with_key(key()), NONE, &[])).await?;
    add_successor(&log).await?;
    let repeated = append([event("old", &["x:1"])]).with_key(key());
    let receipt = log.expect_duplicate(knowing(repeated, NONE, &[])).await?;
    ensure_eq!(receipt.position(), first.position(), "position of the first acceptance");
    let conflicting =
        || append([event("old", &["x:1"])]).if_unchanged(criteria_for(&["old"], &["x:1"]), Marker::START);
    expect_stale(&log, knowing(conflicting(), NONE, &[])).await?;
    let version = log.successors().await?.version;
    log.expect_conflict(knowing(conflicting(), version, &[])).await?;
    Ok(())
}

async fn only_appended_names_are_added_and_each_once(log: Log) -> Outcome {
    let twice = [made("old", "new"), made("old", "new"), made("old", "absent")];
    log.expect_accepted(knowing(append([event("new", &[])]), NONE, &twice)).await?;
    let list = log.successors().await?;
    ensure_eq!(list.all().len(), 1, "number of successors of an append with one name");
    let known = knowing(append([event("new", &[])]), list.version, &twice);
    log.expect_accepted(known).await?;
    ensure_eq!(log.successors().await?, list, "successors after an append that adds a stored one");
    let next = knowing(append([event("absent", &[])]), list.version, &twice);
    log.expect_accepted(next).await?;
    let now = log.successors().await?;
    ensure_eq!(now.all().len(), 2, "number of successors after the second name was appended");
    ensure!(
        now.version > list.version,
        "the version must grow, but was {} and is {}",
        list.version,
        now.version
    );
    Ok(())
}

async fn refused_append_adds_no_successor(log: Log) -> Outcome {
    log.expect_accepted(append([event("old", &["x:1"])])).await?;
    let refused =
        append([event("new", &["x:1"])]).if_unchanged(criteria_for(&["old", "new"], &["x:1"]), Marker::START);
    log.expect_conflict(knowing(refused, NONE, &[made("old", "new")])).await?;
    ensure_eq!(log.successors().await?, Successors::default(), "successors after a refused append");
    Ok(())
}

async fn successors_of_a_batch_are_added_together(log: Log) -> Outcome {
    if log.max_batch() < 2 {
        return Ok(());
    }
    let first = knowing(append([event("new", &[])]), NONE, &[made("old", "new")]);
    let second = knowing(append([event("paid", &[])]), NONE, &[made("old", "paid")]);
    let conflicting = append([event("old", &[])]).if_unchanged(criteria_for(&["seen"], &[]), Marker::START);
    log.expect_accepted(append([event("seen", &[])])).await?;
    log.expect_batch_refused(vec![first.clone(), knowing(conflicting, NONE, &[])]).await?;
    ensure_eq!(log.successors().await?, Successors::default(), "successors after a refused batch");
    let receipts = log.expect_batch_accepted(vec![first, append([]), second.clone()]).await?;
    let list = log.successors().await?;
    let expected = [
        made("old", "new").stored_at(receipts[0].position()),
        made("old", "paid").stored_at(receipts[2].position()),
    ];
    ensure_eq!(list.all(), expected, "successors of a batch");
    let stale = vec![knowing(append([event("old", &[])]), list.version, &[]), second];
    let outcome = log.expect_batch_refused(stale).await?;
    ensure_eq!(outcome, AppendOutcome::SuccessorsChanged { index: 1 }, "outcome of a stale batch");
    Ok(())
}

/// Older programs append until they are refused, while a newer one appends the first successor. Nothing orders the two but the store:
/// they append to different entities.
async fn no_append_without_a_successor_follows_it(log: Log) -> Outcome {
    for round in 0..log.rounds(10) {
        let log = log.another_log().await?;
        let handles = log.handles(3).await?;
        let older = (0..4).map(|task| {
            let handle = handles[task % handles.len()].clone();
            let entity = format!("x:{task}");
            async move {
                let mut last = Position::START;
                loop {
                    let old = append([event("old", &[&entity])]);
                    let known = old.if_unchanged(criteria_for(&["old"], &["none:1"]), Marker::START);
                    match handle.append_one(knowing(known, NONE, &[])).await? {
                        AppendOutcome::Appended(receipt) => last = receipt.position(),
                        AppendOutcome::SuccessorsChanged { .. } => return Ok((last, Position::END)),
                        other => return Err(Failure::new(format!("unexpected outcome: {other:?}"))),
                    }
                    crate::support::concurrency::yield_now().await;
                }
            }
        });
        let newer = handles[round % handles.len()].clone();
        let newer = async move {
            for _ in 0..round {
                crate::support::concurrency::yield_now().await;
            }
            let successor = append([event("new", &["x:new"])]);
            let receipt = newer.expect_accepted(knowing(successor, NONE, &[made("old", "new")])).await?;
            Ok((Position::START, receipt.position()))
        };
        let tasks: Vec<futures_of::Boxed> =
            older.map(futures_of::boxed).chain([futures_of::boxed(newer)]).collect();
        let results = run_concurrently(tasks).await?;
        let since = results.iter().map(|(_, since)| *since).min().unwrap_or_default();
        let last = results.iter().map(|(last, _)| *last).max().unwrap_or_default();
        ensure!(
            last < since,
            "an append that lacks the successor is at {last}, after its first event at {since}"
        );
    }
    Ok(())
}

/// Futures of one type.
mod futures_of {
    use std::pin::Pin;

    use annalist_core::record::Position;

    use crate::failure::Outcome;

    pub(super) type Boxed = Pin<Box<dyn Future<Output = Outcome<(Position, Position)>> + Send>>;

    pub(super) fn boxed(
        future: impl Future<Output = Outcome<(Position, Position)>> + Send + 'static,
    ) -> Boxed {
        Box::pin(future)
    }
}

/// Each appends its own successor with what it knows, and reads the list again if it has changed.
async fn first_successors_of_concurrent_appends_are_all_added(log: Log) -> Outcome {
    const NAMES: [&str; 6] = ["new.a", "new.b", "new.c", "new.d", "new.e", "new.f"];
    let handles = log.handles(3).await?;
    let tasks = NAMES.into_iter().enumerate().map(|(task, name)| {
        let handle = handles[task % handles.len()].clone();
        async move {
            loop {
                let version = handle.successors().await?.version;
                let added = [made("old", name)];
                match handle.append_one(knowing(append([event(name, &[])]), version, &added)).await? {
                    AppendOutcome::Appended(_) => return Ok(()),
                    AppendOutcome::SuccessorsChanged { .. } => {}
                    other => return Err(Failure::new(format!("unexpected outcome: {other:?}"))),
                }
            }
        }
    });
    run_concurrently(tasks).await?;
    let list = log.successors().await?;
    let names: Vec<&str> = list.all().iter().map(Successor::name).collect();
    ensure_eq!(names, NAMES, "successors of concurrent appends");
    let records = log.read_all().await?;
    for record in records {
        let since = list.all().iter().find(|one| one.name() == record.name).map(Successor::since);
        ensure_eq!(since, Some(record.position), "position of the successor {}", record.name);
    }
    Ok(())
}

/// Readers of the older name read page after page. No page passes the first event of the successor with the list of before.
async fn page_has_the_list_of_its_events(log: Log) -> Outcome {
    for round in 0..log.rounds(10) {
        let log = log.another_log().await?;
        let handles = log.handles(2).await?;
        log.expect_accepted(append([event("old", &[])])).await?;
        let readers = (0..3).map(|task| {
            let (handle, limit) = (handles[task % handles.len()].clone(), 1 + task * 2);
            futures_of::boxed(async move {
                let (mut after, filter) = (Position::START, criteria_for(&["old", "end"], &[]));
                loop {
                    let page = handle.feed(&filter, after, PageLimit::records(limit)).await?;
                    if page.successors != NONE {
                        return Ok((after, Position::END));
                    }
                    if page.records.iter().any(|record| record.name == "end") {
                        return Ok((page.up_to, Position::END));
                    }
                    pause_if(page.up_to == after).await;
                    after = page.up_to;
                }
            })
        });
        let writer = handles[round % handles.len()].clone();
        let writer = futures_of::boxed(async move {
            for _ in 0..round {
                writer.expect_accepted(append([event("old", &[]), event("old", &[])])).await?;
            }
            let since = add_successor(&writer).await?.position();
            writer.expect_accepted(append([event("old", &[]), event("old", &[]), event("end", &[])])).await?;
            Ok((Position::START, since))
        });
        let results = run_concurrently(readers.chain([writer])).await?;
        let since = results.iter().map(|(_, since)| *since).min().unwrap_or_default();
        let passed = results.iter().map(|(passed, _)| *passed).max().unwrap_or_default();
        ensure!(
            passed < since,
            "a page with the list of before ends at {passed}, after the first event of a successor at {since}"
        );
        let version = log.successors().await?.version;
        log.wait_until_settled(since).await?;
        for handle in &handles {
            let page = handle.feed(&criteria_for(&["old"], &[]), since, PageLimit::records(1)).await?;
            ensure_eq!(page.successors, version, "version of the list of a later page");
        }
    }
    Ok(())
}

async fn successors_survive_reopen(log: Log) -> Outcome {
    let since = add_successor(&log).await?.position();
    let list = log.successors().await?;
    let log = log.reopened().await?;
    ensure_eq!(log.successors().await?, list, "successors after the log was opened again");
    expect_stale(&log, knowing(append([event("old", &[])]), NONE, &[])).await?;
    log.wait_until_settled(since).await?;
    let page = log.feed_page(&criteria_for(&["old"], &[]), Position::START, 10).await?;
    ensure_eq!(page.successors, list.version, "version of the list of a page");
    Ok(())
}
