//! Encryptions: the payloads of stored events are replaced in steps, and everything else of them stays.

use annalist_core::{
    payload::Payload,
    record::{Position, Record},
    store::{
        Append, AppendOutcome, KnownSuccessors, PageLimit, Read, Rewrite, RewriteState, RewriteStep,
        RewriteTarget, Snapshot, SnapshotKey,
    },
    tag::Tag,
};

use crate::{
    failure::Outcome,
    support::{fixtures::*, log::Log},
};

cases!("encryptions": [
    step_replaces_payloads_and_changes_nothing_else,
    events_with_another_name_keep_their_payloads,
    step_that_found_something_else_replaces_nothing,
    invalid_step_replaces_nothing,
    retags_and_encryptions_of_one_name_are_separate,
    begun_encryption_refuses_appends_that_know_the_list_of_before,
    encryption_is_complete_only_at_the_end_of_the_log,
    complete_encryption_removes_all_snapshots,
] durable [
    replaced_payloads_survive_reopen,
]);

fn secrets(fields: &[&str]) -> RewriteTarget {
    RewriteTarget::Secrets { fields: fields.iter().map(|field| (*field).to_owned()).collect(), version: 2 }
}

/// The step that begins to encrypt the fields `email` of the events `registered`.
fn begin() -> RewriteStep {
    RewriteStep::begin("registered", secrets(&["email"]), Some("ann".to_owned()), seconds_since_1970(7))
}

/// The step after a stored pass, without payloads.
fn next(stored: &Rewrite, state: RewriteState, up_to: Position) -> RewriteStep {
    RewriteStep { found: Some((stored.state, stored.up_to)), state, up_to, ..begin() }
}

/// The step that replaces payloads at positions, the last of which is the position of the step.
fn replacing(stored: &Rewrite, payloads: &[(Position, &str)]) -> Outcome<RewriteStep> {
    let up_to = payloads.iter().map(|(position, _)| *position).max().unwrap_or_default();
    let mut replaced = Vec::new();
    for (position, text) in payloads {
        replaced.push((*position, Payload::parse(*text)?));
    }
    Ok(RewriteStep { events: payloads.len() as u64, payloads: replaced, ..next(stored, stored.state, up_to) })
}

fn data_of(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.data.as_str()).collect()
}

/// All records without their payloads.
fn without_payloads(records: &[Record]) -> Outcome<Vec<Record>> {
    let data = Payload::parse("null")?;
    Ok(records.iter().map(|record| Record { data: data.clone(), ..record.clone() }).collect())
}

const PLAIN: &str = r#"{"email":"ann@example.org","plan":"free"}"#;
const SEALED: &str = r#"{"email":{"$sealed":"é \u0000 \" \\"},"plan":"free"}"#;

async fn step_replaces_payloads_and_changes_nothing_else(log: Log) -> Outcome {
    let large = format!(r#"{{"email":{{"$sealed":"{}"}}}}"#, "0123456789abcdef".repeat(10_000));
    let events = [
        event_with("registered", &["customer:ann"], PLAIN),
        event_with("registered", &["customer:bob"], PLAIN),
        event_with("registered", &["customer:cay", "customer:ann"], r#"{ "email" : 1.0e2 }"#),
    ];
    let at = positions(&log.expect_accepted(append(events)).await?);
    let before = log.read_all().await?;
    let begun = log.rewrite(begin()).await?;
    ensure_eq!(data_of(&log.read_all().await?), data_of(&before), "payloads after the first step");
    let step =
        RewriteStep { at: seconds_since_1970(9), ..replacing(&begun, &[(at[0], SEALED), (at[2], &large)])? };
    let done = log.rewrite(step).await?;
    ensure_eq!((done.events, done.changed, done.up_to), (2, 2, at[2]), "counts and position of the pass");
    let times = (done.started_at, done.updated_at, done.actor.as_deref());
    ensure_eq!(
        times,
        (seconds_since_1970(7), seconds_since_1970(9), Some("ann")),
        "times and actor of the pass"
    );
    for handle in log.handles(2).await? {
        let after = handle.read_all().await?;
        ensure_eq!(data_of(&after), [SEALED, PLAIN, &large], "payloads after the step");
        ensure_eq!(without_payloads(&after)?, without_payloads(&before)?, "the rest of the events");
        let page =
            handle.feed(&criteria_for(&["registered"], &[]), Position::START, PageLimit::CHUNK).await?;
        ensure_eq!(data_of(&page.records), [SEALED, PLAIN, &large], "payloads in the feed");
        let read = handle.read_one(Read::all(criteria_for(&[], &["customer:ann"]))).await?;
        ensure_eq!(data_of(&read.records), [SEALED, &large], "payloads read by a tag");
        let fold = Read { payload_only: true, ..Read::all(criteria_for(&[], &["customer:ann"])) };
        ensure_eq!(
            data_of(&handle.read_one(fold).await?.records),
            [SEALED, &large],
            "payloads read for a fold"
        );
        let stored = handle.successors().await?.rewrite("registered", &secrets(&["email"])).cloned();
        ensure_eq!(stored, Some(done.clone()), "stored pass");
    }
    Ok(())
}

async fn events_with_another_name_keep_their_payloads(log: Log) -> Outcome {
    let events = [event_with("registered", &[], PLAIN), event_with("other", &[], PLAIN)];
    let at = positions(&log.expect_accepted(append(events)).await?);
    let begun = log.rewrite(begin()).await?;
    let later = Position::new(at[1].get() + 9);
    let step = replacing(&begun, &[(at[0], SEALED), (at[1], SEALED), (later, SEALED)])?;
    log.rewrite(RewriteStep { up_to: at[1], ..step }).await?;
    ensure_eq!(data_of(&log.read_all().await?), [SEALED, PLAIN], "payloads after the step");
    Ok(())
}

async fn step_that_found_something_else_replaces_nothing(log: Log) -> Outcome {
    let at = positions(&log.expect_accepted(append([event_with("registered", &[], PLAIN)])).await?);
    let begun = log.rewrite(begin()).await?;
    let first = replacing(&begun, &[(at[0], SEALED)])?;
    let done = log.rewrite(first.clone()).await?;
    let again = RewriteStep { payloads: vec![(at[0], Payload::parse(r#"{"email":"again"}"#)?)], ..first };
    ensure_eq!(log.rewrite(again).await?, done, "pass after a stale step");
    ensure_eq!(data_of(&log.read_all().await?), [SEALED], "payload after a stale step");
    let lost = RewriteStep { target: secrets(&["phone"]), ..next(&done, RewriteState::Running, at[0]) };
    ensure!(log.rewrite(lost).await.is_err(), "a step of a pass that the log does not have must be refused");
    Ok(())
}

async fn invalid_step_replaces_nothing(log: Log) -> Outcome {
    let at = positions(&log.expect_accepted(append([event_with("registered", &[], PLAIN)])).await?);
    let begun = log.rewrite(begin()).await?;
    let valid = replacing(&begun, &[(at[0], SEALED)])?;
    for (what, step) in [
        (
            "a payload that is no JSON",
            RewriteStep { payloads: vec![(at[0], Payload::from_stored("{"))], ..valid.clone() },
        ),
        ("tags", RewriteStep { tags: vec![(at[0], vec![Tag::parse("order:a")?])], ..valid.clone() }),
        ("no fields", RewriteStep { target: secrets(&[]), ..valid.clone() }),
        (
            "payloads of a retag",
            RewriteStep { target: RewriteTarget::Tags { kind: "order".to_owned() }, ..valid },
        ),
    ] {
        ensure!(log.rewrite(step).await.is_err(), "a step with {what} must be refused");
    }
    ensure_eq!(data_of(&log.read_all().await?), [PLAIN], "payload after refused steps");
    Ok(())
}

async fn retags_and_encryptions_of_one_name_are_separate(log: Log) -> Outcome {
    let encryption = log.rewrite(begin()).await?;
    let both = log.rewrite(RewriteStep { target: secrets(&["email", "phone"]), ..begin() }).await?;
    let tags = RewriteTarget::Tags { kind: "customer".to_owned() };
    let retag = log.rewrite(RewriteStep { target: tags, ..begin() }).await?;
    let list = log.successors().await?;
    ensure_eq!(
        list.rewrites(),
        [retag.clone(), encryption, both.clone()],
        "passes over the events with one name"
    );
    ensure_eq!(list.retag("registered", "customer"), Some(&retag), "retag of the name");
    ensure_eq!(
        list.rewrite("registered", &secrets(&["email", "phone"])),
        Some(&both),
        "encryption of two fields"
    );
    Ok(())
}

fn knowing(version: u64) -> Append {
    let successors = Some(KnownSuccessors { version, added: Vec::new() });
    Append { successors, ..append([event_with("registered", &[], PLAIN)]) }
}

async fn begun_encryption_refuses_appends_that_know_the_list_of_before(log: Log) -> Outcome {
    let before = log.successors().await?.version;
    let begun = log.rewrite(begin()).await?;
    ensure!(begun.version > before, "the first step must change the version {before}");
    for handle in log.handles(2).await? {
        let outcome = handle.append_one(knowing(before)).await?;
        ensure_eq!(outcome, AppendOutcome::SuccessorsChanged { index: 0 }, "outcome of a stale append");
        handle.expect_accepted(knowing(begun.version)).await?;
    }
    Ok(())
}

async fn encryption_is_complete_only_at_the_end_of_the_log(log: Log) -> Outcome {
    let registered = || event_with("registered", &[], PLAIN);
    let at =
        positions(&log.expect_accepted(append([registered(), registered(), event("other", &[])])).await?);
    let begun = log.rewrite(begin()).await?;
    let first = RewriteStep { state: RewriteState::Complete, ..replacing(&begun, &[(at[0], SEALED)])? };
    let early = log.rewrite(first).await?;
    ensure_eq!((early.state, early.changed), (RewriteState::Running, 1), "state with a later event");
    let second = RewriteStep { state: RewriteState::Complete, ..replacing(&early, &[(at[1], SEALED)])? };
    let done = log.rewrite(second).await?;
    ensure_eq!((done.state, done.changed), (RewriteState::Complete, 2), "state without a later event");
    ensure!(done.version > early.version, "the last step must change the version {}", early.version);
    Ok(())
}

async fn complete_encryption_removes_all_snapshots(log: Log) -> Outcome {
    let at = positions(&log.expect_accepted(append([event_with("registered", &[], PLAIN)])).await?);
    let keys = ["customer:ann", "order:7"].map(|tag| SnapshotKey {
        aggregate: "Customer",
        tag: Tag::parse(tag).ok(),
        fingerprint: 7,
    });
    let snapshot = Snapshot { position: at[0], state: Payload::parse(PLAIN)? };
    let begun = log.rewrite(begin()).await?;
    for key in &keys {
        log.save_snapshot(key, &snapshot).await?;
    }
    log.rewrite(RewriteStep { state: RewriteState::Complete, ..replacing(&begun, &[(at[0], SEALED)])? })
        .await?;
    for key in &keys {
        ensure_eq!(log.snapshot(key).await?, None, "snapshot after the encryption");
        log.save_snapshot(key, &snapshot).await?;
    }
    Ok(())
}

async fn replaced_payloads_survive_reopen(log: Log) -> Outcome {
    let at = positions(&log.expect_accepted(append([event_with("registered", &[], PLAIN)])).await?);
    let begun = log.rewrite(begin()).await?;
    let step = RewriteStep { state: RewriteState::Complete, ..replacing(&begun, &[(at[0], SEALED)])? };
    let done = log.rewrite(step).await?;
    log.overwrite_replaced().await?;
    let reopened = log.reopened().await?;
    ensure_eq!(data_of(&reopened.read_all().await?), [SEALED], "payload of a log that was opened again");
    let stored = reopened.successors().await?.rewrite("registered", &secrets(&["email"])).cloned();
    ensure_eq!(stored, Some(done), "pass of a log that was opened again");
    Ok(())
}
