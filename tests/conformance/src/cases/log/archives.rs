//! Archives: ids are closed, and their events leave the log.

use std::collections::VecDeque;

use annalist_core::{
    error::{Error, Invalid},
    finding::VerifyCursor,
    record::{Position, Record},
    store::{
        Append, AppendOutcome, Archive, ArchiveState, ArchiveStep, ArchivedEvents, EventRef, KnownSuccessors,
        Marker, PageLimit, Read, RemovedEvents, RestoreStep, Snapshot, SnapshotKey,
    },
    tag::Tag,
};
use async_trait::async_trait;

use crate::{
    Failure,
    failure::Outcome,
    support::{concurrency::yield_now, fixtures::*, handle::Handle, log::Log},
};

cases!("archives": [
    closed_ids_are_listed_with_their_file,
    append_that_writes_or_reads_a_closed_id_is_refused,
    read_by_a_closed_id_is_refused,
    command_id_that_was_accepted_stays_accepted,
    events_leave_when_all_their_ids_are_closed,
    removed_events_leave_their_positions_and_ids,
    tombstones_are_listed_in_pages,
    last_event_of_the_log_may_leave,
    removal_of_other_events_writes_nothing,
    condition_without_a_tag_sees_that_events_have_left,
    removal_changes_the_version_of_the_list,
    snapshots_of_closed_ids_are_removed,
]);

pub(super) fn close(ids: &[&str]) -> ArchiveStep {
    let (file, at) = ("archive.jsonl".to_owned(), seconds_since_1970(7));
    ArchiveStep::Close { ids: tags(ids), file, actor: Some("ann".to_owned()), at }
}

/// Closes ids, and waits until their events are settled.
pub(super) async fn closed(log: &Handle, ids: &[&str]) -> Outcome<Archive> {
    let archive = log.archive(close(ids)).await?;
    log.wait_until_settled(archive.up_to).await?;
    Ok(archive)
}

/// The events that are to leave the log, as the writer of a file finds them.
pub(super) async fn leaving(log: &Handle, archive: &Archive) -> Outcome<Vec<Record>> {
    let archives = log.archives().await?;
    let is_closed = |tag: &Tag| archives.iter().any(|one| one.is_closed() && one.ids.contains(tag));
    let ids: Vec<&str> = archive.ids.iter().map(Tag::as_str).collect();
    let mut records = Vec::new();
    for id in ids {
        records.extend(log.feed_page(&criteria_for(&[], &[id]), Position::START, 10_000).await?.records);
    }
    records.retain(|record| record.position <= archive.up_to && record.tags.iter().all(is_closed));
    records.sort_by_key(|record| record.position);
    records.dedup_by_key(|record| record.position);
    Ok(records)
}

pub(super) fn removal(archive: &Archive, records: &[Record]) -> ArchiveStep {
    let position = |record: Option<&Record>| record.map(|record| record.position).unwrap_or_default();
    let removed = RemovedEvents {
        events: records.len() as u64,
        first: position(records.first()),
        last: position(records.last()),
        checksum: "0123abcd".to_owned(),
        shared_with: Vec::new(),
        at: seconds_since_1970(8),
    };
    ArchiveStep::Remove { number: archive.number, file: archive.file.clone(), removed }
}

/// Closes ids and removes their events.
pub(super) async fn archived(log: &Handle, ids: &[&str]) -> Outcome<(Archive, Vec<Record>)> {
    let archive = closed(log, ids).await?;
    let records = leaving(log, &archive).await?;
    Ok((log.archive(removal(&archive, &records)).await?, records))
}

/// Returns the events of an archive to the log, in pages of a few events, and opens its ids.
pub(super) async fn restore(log: &Handle, archive: &Archive, records: Vec<Record>) -> Result<Archive, Error> {
    let pages = records.chunks(2).map(|page| Ok(page.to_vec())).collect();
    log.restore(restore_step(archive, pages)).await
}

pub(super) fn restore_step(archive: &Archive, pages: VecDeque<Result<Vec<Record>, Error>>) -> RestoreStep {
    RestoreStep { number: archive.number, events: Box::new(Pages(pages)), at: seconds_since_1970(9) }
}

/// Events in pages, or errors.
struct Pages(VecDeque<Result<Vec<Record>, Error>>);

#[async_trait]
impl ArchivedEvents for Pages {
    async fn next_page(&mut self) -> Result<Vec<Record>, Error> {
        yield_now().await;
        self.0.pop_front().unwrap_or(Ok(Vec::new()))
    }
}

pub(super) async fn ensure_sound(log: &Handle) -> Outcome {
    let (up_to, mut cursor) = (log.settled().await?.position, Some(VerifyCursor::default()));
    while let Some(after) = cursor {
        let page = log.verify(up_to, &after).await?;
        ensure_eq!(page.findings, [], "findings in a log with an archive");
        cursor = page.next;
    }
    Ok(())
}

/// Checks that a call was refused because of an id.
pub(super) fn ensure_refused<T: std::fmt::Debug>(result: Result<T, Error>, id: &str) -> Outcome {
    match result {
        Err(Error::Invalid(Invalid::Archived { id: found, at, file })) => {
            let expected = (id, seconds_since_1970(7), "archive.jsonl");
            ensure_eq!((found.as_str(), at, file.as_str()), expected, "id, time and file of the error");
            Ok(())
        }
        other => Err(Failure::new(format!("a call with the closed id {id} must be refused, not {other:?}"))),
    }
}

async fn closed_ids_are_listed_with_their_file(log: Log) -> Outcome {
    let at = positions(&log.expect_accepted(append([event("paid", &["order:a"])])).await?);
    ensure_eq!(log.archives().await?, [], "archives of a log without any");
    let archive = log.archive(close(&["order:b", "order:a", "order:b"])).await?;
    ensure_eq!((archive.number, archive.state), (1, ArchiveState::Closing), "number and state");
    ensure_eq!(archive.ids, tags(&["order:a", "order:b"]), "ids of the archive");
    let audit = (archive.file.as_str(), archive.actor.as_deref(), archive.closed_at);
    ensure_eq!(audit, ("archive.jsonl", Some("ann"), seconds_since_1970(7)), "file, actor and time");
    ensure!(archive.up_to >= at[0], "the archive ends at {}, before an event of its ids", archive.up_to);
    ensure_eq!(log.open_handle().await?.archives().await?, std::slice::from_ref(&archive), "stored archive");
    // Again, as after a crash.
    let again = log.archive(close(&["order:a", "order:b"])).await?;
    ensure_eq!((again.number, again.up_to), (1, archive.up_to), "archive that is closed again");
    let (_, records) = archived(&log, &["order:a", "order:b"]).await?;
    let done = log.archives().await?.remove(0);
    ensure_eq!(done.state, ArchiveState::Complete, "state after the removal");
    let removed = done.removed.clone().unwrap_or_default();
    ensure_eq!((removed.events, removed.first, removed.last), (1, at[0], at[0]), "removed events");
    ensure_eq!(removed.checksum, "0123abcd", "checksum");
    ensure_eq!(log.archive(removal(&done, &records)).await?, done, "archive that is removed again");
    ensure_eq!(
        log.archive(close(&["order:a", "order:b"])).await?,
        done,
        "archive that is closed after its end"
    );
    Ok(())
}

async fn append_that_writes_or_reads_a_closed_id_is_refused(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    log.expect_accepted(append([event("paid", &["order:a"])])).await?;
    let marker = log.read_one(read(&["paid"], &["order:a"])).await?.marker;
    let refused = || {
        let reading = |criteria| append([event("x", &["order:c"])]).if_unchanged(criteria, marker);
        [
            append([event("paid", &["order:a"])]),
            append([event("x", &["order:c"]), event("paid", &["order:c", "order:a"])]),
            reading(criteria_for(&["paid"], &["order:a"])),
            reading(criteria_for(&["paid"], &["order:c"]).or(item(&["y"], &["order:c", "order:a"]))),
            empty_append().if_unchanged(criteria_for(&[], &["order:a"]), marker),
        ]
    };
    for is_removed in [false, true] {
        match is_removed {
            false => drop(closed(&log, &["order:a"]).await?),
            true => drop(archived(&log, &["order:a"]).await?),
        }
        for handle in &handles {
            let before = handle.read_all().await?.len();
            for append in refused() {
                ensure_refused(handle.append_one(append).await, "order:a")?;
            }
            let open = append([event("paid", &["order:b", "cart:a"])]);
            let batch = vec![open.clone(), append([event("paid", &["order:a"])])];
            if handle.max_batch() > 1 {
                ensure_refused(handle.append(batch).await, "order:a")?;
            }
            ensure_eq!(handle.read_all().await?.len(), before, "number of events after refused appends");
            handle.expect_accepted(open).await?;
        }
    }
    Ok(())
}

async fn read_by_a_closed_id_is_refused(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let events = [event("paid", &["order:a"]), event("paid", &["order:a", "cart:b"])];
    log.expect_accepted(append(events)).await?;
    for is_removed in [false, true] {
        match is_removed {
            false => drop(closed(&log, &["order:a"]).await?),
            true => drop(archived(&log, &["order:a"]).await?),
        }
        for handle in &handles {
            let by_id = read(&["paid"], &["order:a"]);
            ensure_refused(handle.read(&[read(&[], &["cart:b"]), by_id.clone()]).await, "order:a")?;
            ensure_refused(handle.read(&[by_id.clone().after(Position::new(1))]).await, "order:a")?;
            ensure_refused(handle.read(&[by_id.clone().up_to(Position::new(1))]).await, "order:a")?;
            let fold = Read { payload_only: true, ..by_id };
            // The remaining events cannot be folded: the refusal is the cause.
            let mut each = |records: Vec<Record>| match records.as_slice() {
                [] => Ok(()),
                _ => Err(Error::unusable("fold", "an event is missing")),
            };
            ensure_refused(handle.read_chunked(&fold, &mut each).await, "order:a")?;
            let both = Read::all(criteria_for(&["x"], &["cart:c"]).or(item(&[], &["cart:b", "order:a"])));
            ensure_refused(handle.read_chunked(&both, &mut each).await, "order:a")?;
            let open = handle.read_one(read(&["paid"], &["cart:b"])).await?;
            ensure_eq!(open.records.len(), 1, "events of an open id");
        }
    }
    Ok(())
}

async fn command_id_that_was_accepted_stays_accepted(log: Log) -> Outcome {
    let key = || command_key("c-1", "pay", &["order:a"]);
    let first = append([event("paid", &["order:a"])]).with_key(key()).with_journal(r#"{"order":"a"}"#);
    let receipt = log.expect_accepted(first.clone()).await?;
    archived(&log, &["order:a"]).await?;
    ensure_eq!(log.expect_duplicate(first).await?, receipt, "receipt of the repeated command");
    ensure_eq!(log.receipt(&key()).await?, Some(receipt), "receipt of the command id");
    ensure_sound(&log).await
}

async fn events_leave_when_all_their_ids_are_closed(log: Log) -> Outcome {
    let events = [
        event("placed", &["order:a"]),
        event("moved", &["order:a", "cart:b"]),
        event("placed", &["order:c"]),
        event("noted", &[]),
        event("moved", &["cart:b"]),
    ];
    let at = positions(&log.expect_accepted(append(events)).await?);
    let stay = |expected: Vec<Position>| {
        let log = &log;
        async move {
            for handle in log.handles(2).await? {
                ensure_eq!(positions_of(&handle.read_all().await?), expected, "positions that stay");
                let end = handle.settled().await?.position;
                let feed =
                    handle.feed_page(&annalist_core::criteria::Criteria::all(), Position::START, 10).await?;
                ensure_eq!(positions_of(&feed.records), expected, "positions in the feed");
                ensure_eq!(feed.up_to, end, "end of the feed");
                let all = annalist_core::criteria::Criteria::all();
                let count = handle.count(&all, Position::START, Position::END).await?;
                ensure_eq!(count, expected.len() as u64, "number of events");
                ensure_sound(&handle).await?;
            }
            Outcome::Ok(())
        }
    };
    let (_, left) = archived(&log, &["order:a"]).await?;
    ensure_eq!(positions_of(&left), [at[0]], "events that leave with the first id");
    stay(vec![at[1], at[2], at[3], at[4]]).await?;
    // Those of both ids leave with the second one.
    let (_, left) = archived(&log, &["cart:b"]).await?;
    ensure_eq!(positions_of(&left), [at[1], at[4]], "events that leave with the second id");
    stay(vec![at[2], at[3]]).await?;
    let types: Vec<String> = log.stored_types().await?.into_iter().map(|one| one.name).collect();
    ensure_eq!(types, ["noted", "placed"], "types of the events that stay");
    ensure_eq!(log.count_type("moved", None, 10).await?, 0, "number of events of a type");
    let prefix = log.prefix_at(seconds_since_1970(1_000_000)).await?;
    ensure_eq!(prefix.hidden, 0, "hidden events");
    Ok(())
}

async fn removed_events_leave_their_positions_and_ids(log: Log) -> Outcome {
    let events =
        [event("placed", &["order:a"]), event("placed", &["order:b"]), event("placed", &["order:a"])];
    let receipt = log.expect_accepted(append(events)).await?;
    archived(&log, &["order:a"]).await?;
    let later = log.expect_accepted(append([event("placed", &["order:c"])])).await?;
    ensure!(later.position() > receipt.position(), "the position {} is used again", later.position());
    for handle in log.handles(2).await? {
        for event in receipt.events.iter().chain(&later.events) {
            let EventRef { position, .. } = *event;
            ensure_eq!(handle.event_at(position).await?, Some(*event), "event at {position}");
        }
        ensure_eq!(
            handle.event_at(Position::new(later.position().get() + 9)).await?,
            None,
            "event after the end"
        );
    }
    Ok(())
}

async fn tombstones_are_listed_in_pages(log: Log) -> Outcome {
    let events =
        (0..25).map(|number| event("placed", if number % 3 == 0 { &["order:b"] } else { &["order:a"] }));
    let receipt = log.expect_accepted(append(events)).await?;
    let limit = PageLimit::records;
    ensure_eq!(
        log.tombstones(Position::START, limit(100)).await?,
        [],
        "tombstones before any event has left"
    );
    let (archive, records) = archived(&log, &["order:a"]).await?;
    let expected: Vec<EventRef> = receipt
        .events
        .iter()
        .enumerate()
        .filter(|(number, _)| number % 3 > 0)
        .map(|(_, event)| *event)
        .collect();
    for handle in log.handles(2).await? {
        for size in [1, 4, 100] {
            let mut listed: Vec<EventRef> = Vec::new();
            loop {
                let after = listed.last().map_or(Position::START, |last| last.position);
                let page = handle.tombstones(after, limit(size)).await?;
                if page.is_empty() {
                    break;
                }
                ensure!(page.len() <= size, "a page with limit {size} has {} tombstones", page.len());
                listed.extend(page);
            }
            ensure_eq!(listed, expected, "tombstones in pages of {size}");
        }
    }
    restore(&log, &archive, records).await?;
    ensure_eq!(log.tombstones(Position::START, limit(100)).await?, [], "tombstones of events that returned");
    Ok(())
}

async fn last_event_of_the_log_may_leave(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let at = positions(
        &log.expect_accepted(append([event("placed", &["order:b"]), event("placed", &["order:a"])])).await?,
    );
    let epochs: Vec<u64> = handles.iter().map(|handle| handle.epoch()).collect();
    for handle in &handles {
        handle.read_all().await?;
    }
    archived(&log, &["order:a"]).await?;
    for (handle, epoch) in handles.iter().zip(epochs) {
        let settled = handle.settled().await?.position;
        ensure!(settled >= at[1], "the log is settled up to {settled}, before the event that left");
        let later = handle.expect_accepted(append([event("placed", &["order:c"])])).await?;
        ensure!(later.position() > at[1], "the position {} is used again", later.position());
        handle.read_one(read(&[], &["order:b"]).after(at[0])).await?;
        ensure_eq!(handle.epoch(), epoch, "epoch after events have left");
    }
    ensure_sound(&log).await
}

async fn removal_of_other_events_writes_nothing(log: Log) -> Outcome {
    let events = [event("placed", &["order:a"]), event("placed", &["order:a"])];
    log.expect_accepted(append(events)).await?;
    let archive = closed(&log, &["order:a"]).await?;
    let records = leaving(&log, &archive).await?;
    for wrong in [&records[..1], &records[1..], &[]] {
        match log.archive(removal(&archive, wrong)).await {
            Err(Error::Unavailable { .. }) => {}
            other => return Err(Failure::new(format!("a removal of other events must fail, not {other:?}"))),
        }
    }
    ensure_eq!(log.read_all().await?.len(), 2, "number of events after refused removals");
    ensure_eq!(log.archives().await?, std::slice::from_ref(&archive), "archive after refused removals");
    log.archive(removal(&archive, &records)).await?;
    ensure_eq!(log.read_all().await?, [], "events after the removal");
    Ok(())
}

async fn condition_without_a_tag_sees_that_events_have_left(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    log.expect_accepted(append([event("other", &["order:b"])])).await?;
    let all = criteria_for(&["placed"], &[]);
    let mut markers = vec![Marker::START];
    for handle in &handles {
        markers.push(handle.read_one(Read::all(all.clone())).await?.marker);
    }
    log.expect_accepted(append([event("placed", &["order:a"])])).await?;
    archived(&log, &["order:a"]).await?;
    for handle in &handles {
        for marker in &markers {
            // The event that the reader has not seen is not in the log any more.
            let stale = append([event("x", &[])]).if_unchanged(all.clone(), *marker);
            handle.expect_conflict(stale).await?;
        }
        let marker = handle.read_one(Read::all(all.clone())).await?.marker;
        handle.expect_accepted(append([event("x", &[])]).if_unchanged(all.clone(), marker)).await?;
        // By the id of another event nothing was removed.
        let tagged = criteria_for(&["placed"], &["order:b"]);
        handle.expect_accepted(append([event("x", &[])]).if_unchanged(tagged, Marker::START)).await?;
    }
    Ok(())
}

fn knowing(append: Append, version: u64) -> Append {
    Append { successors: Some(KnownSuccessors { version, added: Vec::new() }), ..append }
}

async fn removal_changes_the_version_of_the_list(log: Log) -> Outcome {
    log.expect_accepted(append([event("placed", &["order:a"])])).await?;
    let before = log.successors().await?.version;
    let (archive, records) = archived(&log, &["order:a"]).await?;
    let after = log.successors().await?.version;
    ensure!(
        after > before && after == archive.version,
        "the version must grow from {before}, and is {after}"
    );
    let page = log.feed_page(&criteria_for(&["placed"], &[]), Position::START, 10).await?;
    ensure_eq!(page.successors, after, "version of a page");
    let stale = log.append_one(knowing(append([event("x", &[])]), before)).await?;
    ensure_eq!(stale, AppendOutcome::SuccessorsChanged { index: 0 }, "outcome of a stale append");
    log.expect_accepted(knowing(append([event("x", &[])]), after)).await?;
    restore(&log, &archive, records).await?;
    let opened = log.successors().await?.version;
    ensure!(opened > after, "the version must grow from {after}, and is {opened}");
    let stale = log.append_one(knowing(append([event("x", &[])]), after)).await?;
    ensure_eq!(stale, AppendOutcome::SuccessorsChanged { index: 0 }, "outcome of a stale append");
    Ok(())
}

async fn snapshots_of_closed_ids_are_removed(log: Log) -> Outcome {
    let at = positions(&log.expect_accepted(append([event("placed", &["order:a"])])).await?);
    let key = |text| SnapshotKey { aggregate: "Order", tag: Some(tag(text)), fingerprint: 7 };
    let snapshot = Snapshot { position: at[0], state: payload("{}") };
    for id in ["order:a", "order:b"] {
        log.save_snapshot(&key(id), &snapshot).await?;
    }
    let saves = log.snapshot(&key("order:b")).await?.is_some();
    archived(&log, &["order:a"]).await?;
    ensure_eq!(log.snapshot(&key("order:a")).await?, None, "snapshot of a closed id");
    ensure_eq!(log.snapshot(&key("order:b")).await?.is_some(), saves, "whether another snapshot is there");
    Ok(())
}
