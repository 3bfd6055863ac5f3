//! Archives: steps that do not fit, ids that are opened again, and appends that race with the closing.

use annalist_core::{
    error::{Error, Invalid},
    record::{Position, Record},
    store::{AppendOutcome, Archive, ArchiveState, EventRef, Marker, PageLimit},
};

use super::archives::{
    archived, close, closed, ensure_refused, ensure_sound, leaving, removal, restore, restore_step,
};
use crate::{
    Failure,
    failure::Outcome,
    support::{
        concurrency::{cancel_after_polls, run_concurrently, yield_now},
        fixtures::*,
        handle::Handle,
        log::Log,
    },
};

cases!("archive_steps": [
    step_that_does_not_fit_writes_nothing,
    opened_ids_get_their_events_back,
    restore_that_fails_after_a_page_writes_nothing,
    dropped_restore_returns_all_events_or_none,
    ids_are_opened_before_their_events_have_left,
    no_append_is_accepted_after_its_ids_are_closed,
] durable [
    archives_survive_reopen,
]);

async fn step_that_does_not_fit_writes_nothing(log: Log) -> Outcome {
    let at = positions(&log.expect_accepted(append([event("placed", &["order:a"])])).await?);
    let (archive, records) = archived(&log, &["order:a"]).await?;
    let moved = Record { position: Position::new(at[0].get() + 1), ..records[0].clone() };
    let other = log.expect_accepted(append([event("placed", &["order:b"])])).await?;
    let taken = Record { position: other.position(), ..records[0].clone() };
    let renamed = Record { id: other.events[0].id, ..records[0].clone() };
    let unknown = Archive { number: 7, ..archive.clone() };
    for step in [close(&[]), close(&["order:a", "order:c"]), removal(&unknown, &[])] {
        let result = log.archive(step.clone()).await;
        ensure!(matches!(result, Err(Error::Unusable { .. })), "{step:?} must be refused, not {result:?}");
    }
    for (archive, records) in [
        (&unknown, Vec::new()),
        (&archive, Vec::new()),
        (&archive, vec![moved]),
        (&archive, vec![taken]),
        (&archive, vec![renamed]),
        (&archive, vec![records[0].clone(), records[0].clone()]),
    ] {
        let result = restore(&log, archive, records.clone()).await;
        let is_refused = matches!(result, Err(Error::Unusable { .. }));
        ensure!(is_refused, "a restore of {records:?} must be refused, not {result:?}");
    }
    ensure_eq!(log.archives().await?, std::slice::from_ref(&archive), "archives after refused steps");
    ensure_eq!(positions_of(&log.read_all().await?), [other.position()], "positions after refused steps");
    // One archive after the other.
    let closing = log.archive(close(&["order:b"])).await?;
    let result = log.archive(close(&["order:c"])).await;
    ensure!(
        matches!(result, Err(Error::Unusable { .. })),
        "a second closing must be refused, not {result:?}"
    );
    ensure_eq!(log.archives().await?, [archive, closing], "archives after a refused closing");
    Ok(())
}

async fn opened_ids_get_their_events_back(log: Log) -> Outcome {
    let events = [
        event_with("placed", &["order:a"], r#"{ "n" : 1 }"#),
        event("placed", &["order:b"]),
        event("moved", &["order:a", "cart:'{,}\"\\"]),
    ];
    log.expect_accepted(append(events).recorded_at(5)).await?;
    let before = log.read_all().await?;
    let (archive, records) = archived(&log, &["order:a", "cart:'{,}\"\\"]).await?;
    ensure_eq!(records.len(), 2, "number of events that leave");
    let opened = restore(&log, &archive, records.clone()).await?;
    ensure_eq!(
        (opened.state, opened.opened_at),
        (ArchiveState::Opened, Some(seconds_since_1970(9))),
        "opened archive"
    );
    ensure_eq!(restore(&log, &archive, records).await?, opened, "archive that is opened again");
    for handle in log.handles(2).await? {
        ensure_eq!(handle.read_all().await?, before, "events after they returned");
        let by_id = handle.read_one(read(&["placed"], &["order:a"])).await?;
        ensure_eq!(by_id.records, before[..1], "events of the opened id");
        let by_cart = handle.read_one(read(&[], &["cart:'{,}\"\\"])).await?;
        ensure_eq!(by_cart.records, before[2..], "events of the other opened id");
        let guarded = append([event("placed", &["order:a"])]);
        handle
            .expect_conflict(
                guarded.clone().if_unchanged(criteria_for(&["placed"], &["order:a"]), Marker::START),
            )
            .await?;
        ensure_sound(&handle).await?;
    }
    log.expect_accepted(append([event("placed", &["order:a"])])).await?;
    // They can be closed again, in an archive of its own.
    let (second, records) = archived(&log, &["order:a", "cart:'{,}\"\\"]).await?;
    ensure_eq!((second.number, records.len()), (2, 3), "second archive");
    ensure_eq!(log.archives().await?, [opened, second], "both archives");
    Ok(())
}

/// The source of the events fails at the end, as one that finds another checksum does, or the store finds out that an event is not an archived one.
async fn restore_that_fails_after_a_page_writes_nothing(log: Log) -> Outcome {
    log.expect_accepted(append((0..5).map(|_| event("placed", &["order:a"])))).await?;
    let (archive, records) = archived(&log, &["order:a"]).await?;
    let (version, mut others) = (log.successors().await?.version, Vec::new());
    let failure = || Error::unavailable("read the file", "the disk is gone");
    let wrong = Record { id: records[0].id, ..records[4].clone() };
    let pages =
        |last: Result<Vec<Record>, Error>| [Ok(records[..2].to_vec()), Ok(records[2..4].to_vec()), last];
    for (pages, is_unavailable) in [
        (pages(Err(failure())).into(), true),
        (pages(Ok(vec![wrong])).into(), false),
        (pages(Ok(Vec::new())).into(), false),
        (pages(Ok(records[3..].to_vec())).into(), false),
        (pages(Ok(records[4..].to_vec())).into_iter().chain([Err(failure())]).collect(), true),
    ] {
        let restoring = log.restore(restore_step(&archive, pages));
        match restoring.await {
            Err(Error::Unavailable { .. }) if is_unavailable => {}
            Err(Error::Unusable { .. }) if !is_unavailable => {}
            other => return Err(Failure::new(format!("the restore must fail, not {other:?}"))),
        }
        for handle in log.handles(2).await? {
            ensure_eq!(handle.archives().await?, std::slice::from_ref(&archive), "archive after it");
            ensure_eq!(positions_of(&handle.read_all().await?), others, "events after it");
            ensure_eq!(
                handle.tombstones(Position::START, PageLimit::CHUNK).await?.len(),
                5,
                "tombstones after it"
            );
            ensure_eq!(handle.successors().await?.version, version, "version of the list after it");
            ensure_refused(handle.read(&[read(&[], &["order:a"])]).await, "order:a")?;
        }
        // Appends are accepted again.
        others.push(log.expect_accepted(append([event("placed", &["order:b"])])).await?.position());
    }
    restore(&log, &archive, records.clone()).await?;
    ensure_eq!(log.read_one(read(&[], &["order:a"])).await?.records, records, "events after they returned");
    ensure_sound(&log).await
}

async fn dropped_restore_returns_all_events_or_none(log: Log) -> Outcome {
    for polls in 0..log.rounds(10) {
        let log = log.another_log().await?;
        log.expect_accepted(append((0..5).map(|_| event("placed", &["order:a"])))).await?;
        let (archive, records) = archived(&log, &["order:a"]).await?;
        drop(cancel_after_polls(polls, restore(&log, &archive, records.clone())).await);
        let found = log.open_handle().await?.read_all().await?;
        ensure!(found.is_empty() || found == records, "{} of 5 events have returned", found.len());
        // The next call completes it, even if the first one goes on by itself.
        let opened = restore(&log, &archive, records.clone()).await?;
        ensure_eq!(opened.state, ArchiveState::Opened, "state");
        ensure_eq!(log.read_all().await?, records, "events after they returned");
        ensure_sound(&log).await?;
    }
    Ok(())
}

async fn ids_are_opened_before_their_events_have_left(log: Log) -> Outcome {
    log.expect_accepted(append([event("placed", &["order:a"])])).await?;
    let archive = closed(&log, &["order:a"]).await?;
    restore(&log, &archive, Vec::new()).await?;
    ensure_eq!(log.read_one(read(&[], &["order:a"])).await?.records.len(), 1, "events of the opened id");
    log.expect_accepted(append([event("placed", &["order:a"])])).await?;
    let result = log.archive(removal(&archive, &[])).await;
    ensure!(
        matches!(result, Err(Error::Unusable { .. })),
        "a removal of open ids must be refused, not {result:?}"
    );
    Ok(())
}

/// Writers append to ids, alone and together, by conditions or without, while the ids are closed one after the other. Whatever was accepted
/// is in the log or in the archive, and nothing is accepted after the answer.
async fn no_append_is_accepted_after_its_ids_are_closed(log: Log) -> Outcome {
    for round in 0..log.rounds(6) {
        let log = log.another_log().await?;
        let handles = log.handles(3).await?;
        let writers = (0..3).map(|task| {
            let (handle, random) = (handles[task % handles.len()].clone(), log.random((round, task)));
            Box::pin(async move { write_orders(&handle, random).await }) as Boxed
        });
        let archiver = handles[round % handles.len()].clone();
        let archiving: Boxed = Box::pin(async move {
            let mut left = Vec::new();
            for (number, id) in ORDERS.iter().enumerate() {
                for _ in 0..round * 3 + number {
                    yield_now().await;
                }
                let archive = archiver.archive(close(&[id])).await?;
                let appended = archiver.append_one(append([event("placed", &[id])])).await;
                ensure_refused(appended, id)?;
                archiver.wait_until_settled(archive.up_to).await?;
                let records = leaving(&archiver, &archive).await?;
                for _ in 0..round {
                    yield_now().await;
                }
                archiver.archive(removal(&archive, &records)).await?;
                left.extend(
                    records.into_iter().map(|record| EventRef { position: record.position, id: record.id }),
                );
            }
            Ok(left)
        });
        let tasks: Vec<Boxed> = writers.chain([archiving]).collect();
        let mut results = run_concurrently(tasks).await?;
        let left = results.pop().unwrap_or_default();
        let mut found: Vec<EventRef> = log
            .read_all()
            .await?
            .iter()
            .map(|record| EventRef { position: record.position, id: record.id })
            .collect();
        ensure_eq!(found, [], "events of closed ids in the log");
        found.extend(left);
        let mut accepted: Vec<EventRef> = results.into_iter().flatten().collect();
        for events in [&mut accepted, &mut found] {
            events.sort_by_key(|event| event.position);
        }
        ensure_eq!(found, accepted, "events in the log and in archives, and accepted events");
        ensure_sound(&log).await?;
    }
    Ok(())
}

const ORDERS: [&str; 3] = ["order:a", "order:b", "order:c"];

type Boxed = std::pin::Pin<Box<dyn Future<Output = Outcome<Vec<EventRef>>> + Send>>;

/// Appends until all ids are closed, or often enough. Returns the accepted events.
async fn write_orders(handle: &Handle, mut random: fastrand::Rng) -> Outcome<Vec<EventRef>> {
    let (mut accepted, mut open) = (Vec::new(), ORDERS.to_vec());
    for _ in 0..500 {
        if open.is_empty() {
            break;
        }
        let id = open[random.usize(..open.len())];
        let other = ORDERS[random.usize(..ORDERS.len())];
        let tags: &[&str] = if random.bool() && other != id { &[id, other] } else { &[id] };
        let mut next = append([event("placed", tags)]);
        if random.bool() {
            next = next.if_unchanged(criteria_for(&["never"], &[id]), Marker::START);
        }
        match handle.append_one(next).await {
            Ok(AppendOutcome::Appended(receipt)) => accepted.extend(receipt.events),
            Err(Error::Invalid(Invalid::Archived { id, .. })) => open.retain(|one| *one != id),
            other => return Err(Failure::new(format!("unexpected outcome: {other:?}"))),
        }
        yield_now().await;
    }
    Ok(accepted)
}

async fn archives_survive_reopen(log: Log) -> Outcome {
    let receipt = log.expect_accepted(append([event("placed", &["order:a"])])).await?;
    let (archive, records) = archived(&log, &["order:a"]).await?;
    let reopened = log.reopened().await?;
    ensure_eq!(
        reopened.archives().await?,
        std::slice::from_ref(&archive),
        "archives of a log that was opened again"
    );
    ensure_refused(reopened.read(&[read(&[], &["order:a"])]).await, "order:a")?;
    ensure_eq!(
        reopened.event_at(receipt.position()).await?,
        receipt.events.first().copied(),
        "archived event"
    );
    restore(&reopened, &archive, records.clone()).await?;
    ensure_eq!(reopened.reopened().await?.read_all().await?, records, "events after they returned");
    Ok(())
}
