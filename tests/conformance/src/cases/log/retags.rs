//! Retags: tags are added to stored events in steps, while appends run.

use annalist_core::{
    error::Error,
    finding::VerifyCursor,
    record::{Position, Record},
    store::{
        Append, AppendOutcome, KnownSuccessors, Marker, PageLimit, Read, Rewrite, RewriteState, RewriteStep,
        RewriteTarget, Successor, Successors,
    },
    tag::Tag,
};

use crate::{
    Failure,
    failure::Outcome,
    support::{
        concurrency::{pause_if, run_concurrently, yield_now},
        fixtures::*,
        handle::Handle,
        log::Log,
    },
};

cases!("retags": [
    first_step_begins_a_retag,
    step_adds_tags_and_changes_nothing_else,
    tags_are_sorted_by_their_bytes_and_added_once,
    step_that_found_something_else_writes_nothing,
    invalid_step_is_refused,
    retag_is_complete_only_at_the_end_of_the_log,
    change_of_the_state_refuses_appends_that_know_the_list_of_before,
    successors_and_retags_share_a_version,
    condition_on_an_added_tag_is_exact,
    every_event_of_concurrent_appends_gets_its_tag,
] durable [
    retags_survive_reopen,
]);

/// The step that begins a retag of the ids `order` of the events `paid`.
fn begin() -> RewriteStep {
    RewriteStep {
        name: "paid".to_owned(),
        target: RewriteTarget::Tags { kind: "order".to_owned() },
        found: None,
        state: RewriteState::Running,
        up_to: Position::START,
        events: 0,
        tags: Vec::new(),
        payloads: Vec::new(),
        actor: Some("ann".to_owned()),
        at: seconds_since_1970(7),
    }
}

/// The step after a stored retag, without tags.
fn next(stored: &Rewrite, state: RewriteState, up_to: Position) -> RewriteStep {
    RewriteStep { found: Some((stored.state, stored.up_to)), state, up_to, ..begin() }
}

/// The step that adds these tags of orders at positions, the last of which is the position of the step.
fn adding(stored: &Rewrite, tags: &[(Position, &str)]) -> RewriteStep {
    let up_to = tags.iter().map(|(position, _)| *position).max().unwrap_or_default();
    let tags = tags.iter().map(|(position, text)| (*position, vec![tag(text)]));
    RewriteStep { events: tags.len() as u64, tags: tags.collect(), ..next(stored, stored.state, up_to) }
}

async fn stored(log: &Handle) -> Outcome<Option<Rewrite>> {
    Ok(log.successors().await?.retag("paid", "order").cloned())
}

/// Completes a retag that is at the end of the log.
async fn complete(log: &Handle, retag: &Rewrite) -> Outcome<Rewrite> {
    let up_to = log.settled().await?.position;
    let closing = log.rewrite(next(retag, RewriteState::Closing, up_to)).await?;
    Ok(log.rewrite(next(&closing, RewriteState::Complete, up_to)).await?)
}

async fn ensure_sound(log: &Handle) -> Outcome {
    let (up_to, mut cursor) = (log.settled().await?.position, Some(VerifyCursor::default()));
    while let Some(after) = cursor {
        let page = log.verify(up_to, &after).await?;
        ensure_eq!(page.findings, [], "findings in a log with added tags");
        cursor = page.next;
    }
    Ok(())
}

async fn first_step_begins_a_retag(log: Log) -> Outcome {
    ensure_eq!(log.successors().await?.rewrites().len(), 0, "number of retags of an empty log");
    let begun = log.rewrite(begin()).await?;
    ensure!(begun.version > 0, "the version of a list with a retag must not be 0");
    let expected = Rewrite {
        name: "paid".to_owned(),
        target: RewriteTarget::Tags { kind: "order".to_owned() },
        state: RewriteState::Running,
        up_to: Position::START,
        events: 0,
        changed: 0,
        actor: Some("ann".to_owned()),
        started_at: seconds_since_1970(7),
        updated_at: seconds_since_1970(7),
        version: begun.version,
    };
    ensure_eq!(begun, expected, "retag after its first step");
    let list = log.open_handle().await?.successors().await?;
    ensure_eq!(list, Successors::new(begun.version, Vec::new()).with_rewrites(vec![expected]), "stored list");
    let other =
        RewriteStep { target: RewriteTarget::Tags { kind: "cart".to_owned() }, actor: None, ..begin() };
    let other = log.rewrite(other).await?;
    let list = log.successors().await?;
    ensure_eq!(list.rewrites(), [other, begun], "retags by names and kinds");
    Ok(())
}

/// All records without their tags.
fn without_tags(records: Vec<Record>) -> Vec<Record> {
    records.into_iter().map(|record| Record { tags: Vec::new(), ..record }).collect()
}

async fn step_adds_tags_and_changes_nothing_else(log: Log) -> Outcome {
    let events = [
        event_with("paid", &["payment:1"], r#"{"order":"a"}"#),
        event("placed", &["order:a"]),
        event_with("paid", &["payment:2"], r#"{ "order" : "b" }"#),
        event("paid", &[]),
    ];
    let at = positions(&log.expect_accepted(append(events)).await?);
    let before = log.read_all().await?;
    let begun = log.rewrite(begin()).await?;
    let added = [(at[0], "order:a"), (at[2], "order:b"), (at[3], "order:a")];
    let step = RewriteStep { at: seconds_since_1970(9), ..adding(&begun, &added) };
    let retag = log.rewrite(step).await?;
    ensure_eq!((retag.events, retag.changed, retag.up_to), (3, 3, at[3]), "counts and position of the retag");
    let times = (retag.started_at, retag.updated_at);
    ensure_eq!(times, (seconds_since_1970(7), seconds_since_1970(9)), "times of the retag");
    for handle in log.handles(2).await? {
        let after = handle.read_all().await?;
        let found: Vec<_> = after.iter().map(|record| record.tags.clone()).collect();
        let expected = [
            tags(&["order:a", "payment:1"]),
            tags(&["order:a"]),
            tags(&["order:b", "payment:2"]),
            tags(&["order:a"]),
        ];
        ensure_eq!(found, expected, "tags of the events after the step");
        ensure_eq!(without_tags(after), without_tags(before.clone()), "the rest of the events");
        for (criteria, expected) in [
            (criteria_for(&["paid"], &["order:a"]), vec![at[0], at[3]]),
            (criteria_for(&[], &["order:a"]), vec![at[0], at[1], at[3]]),
            (criteria_for(&["paid"], &["order:b", "payment:2"]), vec![at[2]]),
            (criteria_for(&["paid"], &["payment:1"]), vec![at[0]]),
        ] {
            let read = handle.read_one(Read::all(criteria.clone())).await?;
            ensure_eq!(positions_of(&read.records), expected, "positions read by {criteria:?}");
            let count = handle.count(&criteria, Position::START, Position::END).await?;
            ensure_eq!(count, expected.len() as u64, "count of {criteria:?}");
            let page = handle.feed_page(&criteria, Position::START, 10).await?;
            ensure_eq!(positions_of(&page.records), expected, "positions in the feed of {criteria:?}");
        }
        ensure_sound(&handle).await?;
    }
    Ok(())
}

async fn tags_are_sorted_by_their_bytes_and_added_once(log: Log) -> Outcome {
    let first = ["order:b", "payment:1", "a:z"];
    let at = positions(&log.expect_accepted(append([event("paid", &first), event("other", &[])])).await?);
    let begun = log.rewrite(begin()).await?;
    let added =
        ["order:B", "order:b", "order:\u{e9}", "order:\"'\\", "order:\u{10ffff}", "order: {,}", "order:NULL"];
    let up_to = Position::new(at[1].get());
    let step = RewriteStep {
        // Neither an event with another name nor a missing one gets tags.
        tags: vec![
            (at[0], tags(&added)),
            (at[1], tags(&added)),
            (Position::new(at[1].get() + 9), tags(&added)),
        ],
        ..next(&begun, RewriteState::Running, up_to)
    };
    log.rewrite(step).await?;
    let mut expected = tags(&[&first[..], &added].concat());
    expected.sort_unstable();
    expected.dedup();
    let records = log.read_all().await?;
    ensure_eq!(records[0].tags, expected, "tags after the step");
    ensure_eq!(records[1].tags, [], "tags of an event with another name");
    for tag in &added {
        let read = log.read_one(read(&["paid"], &[tag])).await?;
        ensure_eq!(positions_of(&read.records), [at[0]], "position read by {tag:?}");
    }
    ensure_sound(&log).await
}

async fn step_that_found_something_else_writes_nothing(log: Log) -> Outcome {
    let at = positions(&log.expect_accepted(append([event("paid", &[]), event("paid", &[])])).await?);
    let begun = log.rewrite(begin()).await?;
    let again = log.rewrite(RewriteStep { actor: Some("bob".to_owned()), ..begin() }).await?;
    ensure_eq!(again, begun, "retag after a second first step");
    let retag = log.rewrite(adding(&begun, &[(at[0], "order:a")])).await?;
    for stale in [
        adding(&begun, &[(at[1], "order:b")]),
        RewriteStep { found: Some((RewriteState::Closing, at[0])), ..adding(&retag, &[(at[1], "order:b")]) },
        RewriteStep { found: None, ..adding(&retag, &[(at[1], "order:b")]) },
        // Back.
        RewriteStep { up_to: Position::START, ..adding(&retag, &[(at[1], "order:b")]) },
    ] {
        ensure_eq!(log.rewrite(stale).await?, retag, "retag after a stale step");
    }
    let records = log.read_all().await?;
    ensure_eq!(records[1].tags, [], "tags after stale steps");
    ensure_eq!(stored(&log).await?, Some(retag.clone()), "stored retag after stale steps");
    let lost = RewriteStep {
        target: RewriteTarget::Tags { kind: "cart".to_owned() },
        tags: Vec::new(),
        ..next(&retag, RewriteState::Running, at[1])
    };
    match log.rewrite(lost).await {
        Err(Error::Unusable { .. }) => Ok(()),
        other => Err(Failure::new(format!(
            "a step of a retag that the log does not have must fail, not {other:?}"
        ))),
    }
}

async fn invalid_step_is_refused(log: Log) -> Outcome {
    for step in [
        RewriteStep { name: "$gap".to_owned(), ..begin() },
        RewriteStep { target: RewriteTarget::Tags { kind: "Order".to_owned() }, ..begin() },
        RewriteStep { tags: vec![(Position::new(1), tags(&["cart:1"]))], ..begin() },
    ] {
        let result = log.rewrite(step).await;
        ensure!(matches!(result, Err(Error::Invalid(_))), "an invalid step must be refused, not {result:?}");
    }
    ensure_eq!(log.successors().await?, Successors::default(), "list after refused steps");
    Ok(())
}

async fn retag_is_complete_only_at_the_end_of_the_log(log: Log) -> Outcome {
    let at = positions(&log.expect_accepted(append([event("paid", &[]), event("paid", &[])])).await?);
    let begun = log.rewrite(begin()).await?;
    let early = RewriteStep { state: RewriteState::Complete, ..adding(&begun, &[(at[0], "order:a")]) };
    let retag = log.rewrite(early).await?;
    ensure_eq!((retag.state, retag.up_to), (RewriteState::Running, at[0]), "retag before the last event");
    ensure_eq!(log.read_all().await?[0].tags, tags(&["order:a"]), "tags that the step has added");
    let closing = log
        .rewrite(RewriteStep { state: RewriteState::Closing, ..adding(&retag, &[(at[1], "order:b")]) })
        .await?;
    ensure_eq!(closing.state, RewriteState::Closing, "state of the retag");
    log.expect_accepted(append([event("other", &[]), event("paid", &[])])).await?;
    let late = log.rewrite(next(&closing, RewriteState::Complete, at[1])).await?;
    ensure_eq!(late.state, RewriteState::Closing, "state with a later event");
    let end = log.settled().await?.position;
    let done = log.rewrite(next(&late, RewriteState::Complete, end)).await?;
    ensure_eq!((done.state, done.changed), (RewriteState::Complete, 2), "retag at the end of the log");
    // Later events do not open it again.
    log.expect_accepted(append([event("paid", &["order:c"])])).await?;
    ensure_eq!(stored(&log).await?, Some(done), "complete retag after a later event");
    Ok(())
}

fn knowing(append: Append, version: u64) -> Append {
    Append { successors: Some(KnownSuccessors { version, added: Vec::new() }), ..append }
}

async fn change_of_the_state_refuses_appends_that_know_the_list_of_before(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let at = positions(&log.expect_accepted(append([event("paid", &[])])).await?);
    let mut versions = vec![log.successors().await?.version];
    let begun = log.rewrite(begin()).await?;
    versions.push(begun.version);
    let page = log.rewrite(adding(&begun, &[(at[0], "order:a")])).await?;
    ensure_eq!(page.version, begun.version, "version after a step that does not change the state");
    let closing = log.rewrite(next(&page, RewriteState::Closing, at[0])).await?;
    versions.push(closing.version);
    let done = log.rewrite(next(&closing, RewriteState::Complete, at[0])).await?;
    versions.push(done.version);
    ensure!(
        versions.is_sorted_by(|one, next| one < next),
        "the version must grow with each state: {versions:?}"
    );
    let last = versions.pop().unwrap_or_default();
    for handle in &handles {
        ensure_eq!(handle.successors().await?.version, last, "version of the list");
        for version in &versions {
            let outcome = handle.append_one(knowing(append([event("x", &[])]), *version)).await?;
            ensure_eq!(outcome, AppendOutcome::SuccessorsChanged { index: 0 }, "outcome of a stale append");
        }
        handle.expect_accepted(knowing(append([event("x", &[])]), last)).await?;
        let page = handle.feed_page(&criteria_for(&["x"], &[]), Position::START, 10).await?;
        ensure_eq!(page.successors, last, "version of the list of a page");
    }
    Ok(())
}

async fn successors_and_retags_share_a_version(log: Log) -> Outcome {
    let begun = log.rewrite(begin()).await?;
    let successor = Successor::made("old", "new")?;
    let known = KnownSuccessors { version: begun.version, added: vec![successor] };
    let first = Append { successors: Some(known), ..append([event("new", &[])]) };
    log.expect_accepted(first).await?;
    let list = log.successors().await?;
    ensure!(list.version > begun.version, "a successor must change the version {}", begun.version);
    ensure_eq!((list.all().len(), list.rewrites()), (1, &[begun.clone()][..]), "list with both");
    let done = complete(&log, &begun).await?;
    ensure!(done.version > list.version, "a retag must change the version {}", list.version);
    ensure_eq!(log.successors().await?.version, done.version, "version of the list");
    Ok(())
}

async fn condition_on_an_added_tag_is_exact(log: Log) -> Outcome {
    let at = positions(&log.expect_accepted(append([event("paid", &[]), event("x", &[])])).await?);
    let criteria = criteria_for(&["paid"], &["order:a"]);
    let begun = log.rewrite(begin()).await?;
    log.rewrite(adding(&begun, &[(at[0], "order:a")])).await?;
    let guarded = |marker| append([event("x", &[])]).if_unchanged(criteria.clone(), marker);
    // A reader that has seen nothing has not seen the event either.
    let (_, position) = log.expect_conflict(guarded(Marker::START)).await?;
    ensure_eq!(position, at[0], "conflicting position");
    let batch = log.read_one(Read::all(criteria.clone())).await?;
    log.expect_accepted(guarded(batch.marker)).await?;
    log.expect_accepted(append([event("paid", &["order:a"])])).await?;
    log.expect_conflict(guarded(batch.marker)).await?;
    Ok(())
}

/// Older programs append events without the tag until they know that the retag is closing. Two processes run the same pass.
async fn every_event_of_concurrent_appends_gets_its_tag(log: Log) -> Outcome {
    for round in 0..log.rounds(6) {
        let log = log.another_log().await?;
        let handles = log.handles(3).await?;
        let writers = (0..3).map(|task| {
            let handle = handles[task % handles.len()].clone();
            boxed(async move { write_payments(&handle, task).await })
        });
        let passes = (0..2).map(|task| {
            let handle = handles[(task + 1) % handles.len()].clone();
            boxed(async move {
                for _ in 0..round * 3 {
                    yield_now().await;
                }
                run_pass(&handle, round % 2 == 0).await
            })
        });
        let tasks: Vec<_> = writers.chain(passes).collect();
        run_concurrently(tasks).await?;
        let records = log.read_all().await?;
        for record in &records {
            let expected = tag_of(record);
            ensure!(
                record.tags.contains(&expected),
                "the event at position {} must have the tag {expected} after the retag, but has {:?}",
                record.position,
                record.tags
            );
        }
        ensure_sound(&log).await?;
    }
    Ok(())
}

/// The tag of the order in the payload of a payment.
fn tag_of(record: &Record) -> Tag {
    tag(format!("order:{}", record.data.as_str().trim_matches(|c: char| !c.is_ascii_digit())))
}

async fn write_payments(handle: &Handle, task: usize) -> Outcome {
    let (mut list, mut after_end) = (handle.successors().await?, 0);
    for number in 0.. {
        let running = list.retag("paid", "order").is_none_or(|retag| retag.state == RewriteState::Running);
        if number > 60 && running {
            // So that a pass which is never closing ends.
            pause_if(true).await;
            list = handle.successors().await?;
            continue;
        }
        let order = format!("{}", number % 4);
        let payload = format!(r#"{{"order":{order}}}"#);
        let (own, order) = (format!("payment:{task}"), format!("order:{order}"));
        let tags: &[&str] = if running { &[&own] } else { &[&own, &order] };
        let paid = append([event_with("paid", tags, &payload)]);
        match handle.append_one(knowing(paid, list.version)).await? {
            AppendOutcome::Appended(_) => after_end += usize::from(!running),
            AppendOutcome::SuccessorsChanged { .. } => list = handle.successors().await?,
            other => return Err(Failure::new(format!("unexpected outcome: {other:?}"))),
        }
        if after_end > 3 {
            break;
        }
        yield_now().await;
    }
    Ok(())
}

/// Adds the tags in pages of two events until the retag is complete, either after it was closing or as soon as no event is left.
async fn run_pass(handle: &Handle, closes: bool) -> Outcome {
    let mut retag = handle.rewrite(begin()).await?;
    while !retag.is_complete() {
        let page = handle.feed(&criteria_for(&["paid"], &[]), retag.up_to, PageLimit::records(2)).await?;
        let state = match retag.state {
            state if page.is_full => state,
            RewriteState::Running if closes => RewriteState::Closing,
            _ => RewriteState::Complete,
        };
        let tags = page.records.iter().map(|record| (record.position, vec![tag_of(record)]));
        let step = RewriteStep { tags: tags.collect(), ..next(&retag, state, page.up_to) };
        let after = handle.rewrite(step).await?;
        pause_if(after == retag).await;
        retag = after;
    }
    Ok(())
}

type Boxed = std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>;

fn boxed(future: impl Future<Output = Outcome> + Send + 'static) -> Boxed {
    Box::pin(future)
}

async fn retags_survive_reopen(log: Log) -> Outcome {
    let at = positions(&log.expect_accepted(append([event("paid", &[])])).await?);
    let begun = log.rewrite(begin()).await?;
    let done = complete(&log, &log.rewrite(adding(&begun, &[(at[0], "order:a")])).await?).await?;
    let reopened = log.reopened().await?;
    ensure_eq!(stored(&reopened).await?, Some(done), "retag of a log that was opened again");
    ensure_eq!(reopened.read_all().await?[0].tags, tags(&["order:a"]), "added tags");
    Ok(())
}
