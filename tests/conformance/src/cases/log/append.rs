//! Appended events are stored completely, in order and unchanged, and every handle sees them.

use annalist_core::store::{CommandKey, PageLimit};
use annalist_core::{
    criteria::Criteria,
    record::{Draft, Metadata, Position, Record},
    store::{Marker, Prefix, Read, Receipt},
    time::Timestamp,
};

use crate::{
    failure::Outcome,
    support::{fixtures::*, log::Log},
};

cases!("append": [
    empty_log_has_no_records_and_no_journal,
    event_is_read_back_as_written,
    events_keep_their_order,
    receipts_hold_positions_and_ids_of_the_events,
    append_without_events_changes_nothing,
    append_without_events_checks_its_conditions,
    ten_thousand_events_in_one_append,
    acknowledged_events_are_visible_to_every_handle,
    recorded_times_may_go_back,
    logs_are_independent,
    every_handle_has_the_same_log_id,
] durable [acknowledged_events_survive_reopen]);

async fn empty_log_has_no_records_and_no_journal(log: Log) -> Outcome {
    let batch = log.read_one(Read::all(Criteria::all())).await?;
    ensure_eq!(batch.records, [], "records of an empty log");
    let settled = log.settled().await?;
    ensure_eq!(settled.position, Position::START, "settled position of an empty log");
    ensure_eq!(settled.gap, None, "gap of an empty log");
    let page = log.feed_page(&Criteria::all(), Position::START, 10).await?;
    ensure_eq!((page.records, page.up_to), (vec![], Position::START), "feed page of an empty log");
    ensure_eq!(log.journal(0, PageLimit::records(10)).await?, [], "journal of an empty log");
    ensure_eq!(log.prefix_at(Timestamp::MAX).await?, Prefix::default(), "`prefix_at` in an empty log");
    ensure_eq!(
        log.receipt(&command_key("c-1", "open", &[])).await?,
        None,
        "receipt of an unknown command id"
    );
    ensure_eq!(
        log.purge_command_ids(Timestamp::MAX, CommandKey::ALL_IDS).await?,
        0,
        "number of command ids purged in an empty log"
    );
    ensure_eq!(log.read(&[]).await?, [], "batches returned for no reads");
    ensure!(!log.describe().is_empty(), "`describe` must name the store, but returned an empty text");
    Ok(())
}

/// Metadata with every field set.
fn full_metadata() -> Metadata {
    let mut metadata = Metadata::default();
    metadata.command_id = Some(name("c-1"));
    metadata.command = Some(name("open"));
    metadata.correlation = Some(name("corr-1"));
    metadata.causation = Some(name("cause-1"));
    metadata.actor = Some(name("ann@example.com"));
    metadata.trace = Some(name("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    metadata.hops = 3;
    metadata
}

async fn event_is_read_back_as_written(log: Log) -> Outcome {
    let draft =
        Draft::new("account.opened", 7, tags(&["owner:ann", "account:1"]), payload(r#"{"z":1, "a":[]}"#))?;
    let when = Timestamp::from_micros(1_769_860_800_000_001);
    let request = annalist_core::store::Append { recorded_at: when, ..append([draft.clone()]) }
        .with_metadata(full_metadata());
    let receipt = log.expect_accepted(request).await?;
    let expected = draft.record(receipt.position(), when, full_metadata());
    ensure_eq!(log.read_all().await?, vec![expected.clone()], "event returned by a read");
    log.wait_until_settled(receipt.position()).await?;
    let page = log.feed_page(&Criteria::all(), Position::START, 10).await?;
    ensure_eq!(page.records, [expected], "event returned by the feed");

    let minimal = event("account.closed", &[]);
    let receipt = log.expect_accepted(append([minimal.clone()])).await?;
    let expected = minimal.record(receipt.position(), Timestamp::EPOCH, Metadata::default());
    ensure_eq!(
        log.read_one(read(&["account.closed"], &[])).await?.records,
        [expected],
        "event without tags and metadata"
    );
    Ok(())
}

async fn events_keep_their_order(log: Log) -> Outcome {
    let mut written = Vec::new();
    for round in 0..5 {
        // Names and tags in an order that no sorting would produce.
        let events = [("zoo", "b:2"), ("ant", "b:2"), ("zoo", "a:1"), ("ant", "z:9"), ("moth", "a:1")];
        let events = events.map(|(name, tag)| event_with(name, &[tag], &round.to_string()));
        written.extend(events.iter().map(Draft::id));
        log.expect_accepted(append(events)).await?;
    }
    let records = log.read_all().await?;
    let ids: Vec<_> = records.iter().map(|record| record.id).collect();
    ensure_eq!(ids, written, "ids of the events of several appends, in log order");
    ensure!(
        records[0].position > Position::START,
        "the first event must be after the start, but is at {}",
        records[0].position
    );
    ensure!(
        records.is_sorted_by(|a, b| a.position < b.position),
        "positions must grow, but are {:?}",
        positions_of(&records)
    );
    Ok(())
}

async fn receipts_hold_positions_and_ids_of_the_events(log: Log) -> Outcome {
    let first =
        log.expect_accepted(append([event("a", &["x:1"]), event("b", &[]), event("a", &["x:1"])])).await?;
    let second = log.expect_accepted(append([event("c", &[])])).await?;
    let records = log.read_all().await?;
    let event_refs =
        |receipt: &Receipt| receipt.events.iter().map(|at| (at.position, at.id)).collect::<Vec<_>>();
    let found: Vec<_> = records.iter().map(|record| (record.position, record.id)).collect();
    ensure_eq!(
        [event_refs(&first), event_refs(&second)].concat(),
        found,
        "positions and ids in the receipts, compared with the log"
    );
    ensure_eq!(second.position(), records[3].position, "position of a receipt: that of its last event");
    Ok(())
}

async fn append_without_events_changes_nothing(log: Log) -> Outcome {
    let before = log.expect_accepted(append([event("a", &[])])).await?.position();
    log.wait_until_settled(before).await?;
    let receipt = log.expect_accepted(empty_append()).await?;
    ensure_eq!(receipt, Receipt::default(), "receipt of an append without events");
    ensure_eq!(log.read_all().await?.len(), 1, "number of events after an append without events");
    ensure_eq!(
        log.journal(0, PageLimit::records(10)).await?,
        [],
        "journal after an append without a journal entry"
    );
    let next = log.expect_accepted(append([event("a", &[])])).await?.position();
    log.wait_until_settled(next).await
}

async fn append_without_events_checks_its_conditions(log: Log) -> Outcome {
    let conflicting_position = log.expect_accepted(append([event("a", &["x:1"])])).await?.position();
    let refused =
        log.expect_conflict(empty_append().if_unchanged(criteria_for(&[], &["x:1"]), Marker::START)).await?;
    ensure_eq!(
        refused,
        (0, conflicting_position),
        "failed condition and conflicting position of an append without events"
    );
    log.expect_accepted(empty_append().if_unchanged(criteria_for(&[], &["x:2"]), Marker::START)).await?;
    Ok(())
}

async fn ten_thousand_events_in_one_append(log: Log) -> Outcome {
    let mut written = Vec::new();
    for count in [100, 10_000] {
        let one = |n: usize| event_with("counted", &[&format!("tenth:{}", n % 10), "all:1"], &n.to_string());
        let events: Vec<Draft> = (0..count).map(one).collect();
        written.extend(events.iter().map(Draft::id));
        let receipt = log.expect_accepted(append(events)).await?;
        ensure_eq!(receipt.events.len(), count, "number of events in the receipt");
    }
    let ids = |records: &[Record]| records.iter().map(|record| record.id).collect::<Vec<_>>();
    let records = log.read_all().await?;
    ensure!(
        ids(&records) == written,
        "read {} events instead of the {} that were appended, or in another order",
        records.len(),
        written.len()
    );
    let end = records[records.len() - 1].position;
    let fed = log.feed_until(&criteria_for(&["counted"], &["tenth:3"]), Position::START, 1_000, end).await?;
    let third: Vec<_> = records.into_iter().filter(|record| record.tags.contains(&tag("tenth:3"))).collect();
    ensure!(fed == third, "the feed of one tenth returned {} events instead of {}", fed.len(), third.len());
    Ok(())
}

async fn acknowledged_events_are_visible_to_every_handle(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    for round in 0..12 {
        let writer = &handles[round % 3];
        let reader = &handles[(round + 1 + round / 3 % 2) % 3];
        let receipt = writer.expect_accepted(append([event("a", &["x:1"])])).await?;
        let seen = reader.read_one(read(&[], &["x:1"])).await?.records;
        ensure_eq!(
            seen.len(),
            round + 1,
            "number of events that another handle reads right after the append"
        );
        ensure_eq!(
            seen[round].position,
            receipt.position(),
            "position of the newest event that another handle reads"
        );
        reader.wait_until_settled(receipt.position()).await?;
    }
    Ok(())
}

async fn recorded_times_may_go_back(log: Log) -> Outcome {
    let times = [
        Timestamp::MAX,
        Timestamp::EPOCH,
        Timestamp::MIN,
        Timestamp::from_micros(-1),
        Timestamp::from_micros(1),
    ];
    for recorded_at in times {
        let request = append([event("a", &[])]);
        log.expect_accepted(annalist_core::store::Append { recorded_at, ..request }).await?;
    }
    let found: Vec<_> = log.read_all().await?.iter().map(|record| record.recorded_at).collect();
    ensure_eq!(found, times, "recorded times");
    Ok(())
}

async fn logs_are_independent(log: Log) -> Outcome {
    let other = log.another_log().await?;
    ensure!(
        log.log_id() != other.log_id(),
        "two logs must have different ids, but both have {}",
        log.log_id()
    );
    let command =
        || append([event("a", &["x:1"])]).with_key(command_key("c-1", "open", &[])).with_journal("1");
    log.expect_accepted(command()).await?;
    ensure_eq!(other.read_all().await?, [], "events of an unrelated log");
    ensure_eq!(other.journal(0, PageLimit::records(10)).await?, [], "journal entries of an unrelated log");
    let request = command().if_unchanged(criteria_for(&[], &["x:1"]), Marker::START);
    other.expect_accepted(request).await?;
    ensure_eq!(log.read_all().await?.len(), 1, "number of events after an append to an unrelated log");
    Ok(())
}

async fn every_handle_has_the_same_log_id(log: Log) -> Outcome {
    let id = log.log_id();
    log.expect_accepted(append([event("a", &[])])).await?;
    for handle in log.handles(3).await? {
        ensure_eq!(handle.log_id(), id, "log id of another handle");
    }
    Ok(())
}

async fn acknowledged_events_survive_reopen(log: Log) -> Outcome {
    let id = log.log_id();
    let request = append([event("a", &["x:1"]), event_with("b", &["x:1", "y:2"], r#"{"n": 1}"#)]);
    let receipt = log
        .expect_accepted(
            request
                .with_key(command_key("c-1", "open", &["x:1"]))
                .with_journal("{}")
                .with_metadata(full_metadata()),
        )
        .await?;
    let marker = log.read_one(read(&[], &["y:2"])).await?.marker;
    let (records, entries) = (log.read_all().await?, log.journal(0, PageLimit::records(10)).await?);

    let log = log.reopened().await?;
    ensure_eq!(log.log_id(), id, "log id after the log was reopened");
    ensure_eq!(log.read_all().await?, records, "events after the log was reopened");
    ensure_eq!(
        log.journal(0, PageLimit::records(10)).await?,
        entries,
        "journal entries after the log was reopened"
    );
    ensure_eq!(
        log.receipt(&command_key("c-1", "open", &["x:1"])).await?,
        Some(receipt.clone()),
        "receipt after the log was reopened"
    );
    let fed = log.feed_until(&Criteria::all(), Position::START, 1, receipt.position()).await?;
    ensure_eq!(fed, records, "feed after the log was reopened");
    let next = log
        .expect_accepted(append([event("b", &["y:2"])]).if_unchanged(criteria_for(&[], &["y:2"]), marker))
        .await?;
    ensure!(
        next.position() > receipt.position(),
        "the next position after the log was reopened must be greater than the last one before"
    );
    log.expect_conflict(append([event("b", &["y:2"])]).if_unchanged(criteria_for(&[], &["y:2"]), marker))
        .await?;
    Ok(())
}
