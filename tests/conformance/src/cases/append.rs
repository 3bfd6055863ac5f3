//! What is appended is there, whole, in order, and as it was written.

use annalist_core::{
    criteria::Criteria,
    record::{Draft, Metadata, Position, Record},
    store::{Marker, Read, Receipt},
    time::Timestamp,
};

use crate::{failure::Outcome, given::*, log::Log};

cases!("append": [
    an_empty_log_is_empty,
    an_event_is_read_back_as_it_was_written,
    events_of_one_append_keep_their_order,
    receipts_say_where_the_events_stand,
    an_append_of_nothing_changes_nothing,
    an_append_of_nothing_still_checks_its_conditions,
    a_hundred_and_ten_thousand_events_in_one_append,
    every_handle_sees_what_is_acknowledged,
    recorded_times_need_not_grow,
    logs_share_nothing,
    every_handle_tells_the_same_log_id,
] durable [what_is_acknowledged_outlives_the_handle]);

async fn an_empty_log_is_empty(log: Log) -> Outcome {
    let batch = log.look(Read::all(Criteria::all())).await?;
    ensure_eq!(batch.records, [], "records of an empty log");
    let settled = log.settled().await?;
    ensure_eq!(settled.position, Position::START, "an empty log is settled up to its start");
    ensure_eq!(settled.gap, None, "nothing keeps an empty log from settling");
    let page = log.page(&Criteria::all(), Position::START, 10).await?;
    ensure_eq!((page.records, page.up_to), (vec![], Position::START), "the feed of an empty log");
    ensure_eq!(log.journal(0, 10).await?, [], "the journal of an empty log");
    ensure_eq!(
        log.position_at(Timestamp::MAX).await?,
        Position::START,
        "the position of an empty log at any time"
    );
    ensure_eq!(log.receipt(&key("c-1", "open", &[])).await?, None, "the receipt of an unknown command id");
    ensure_eq!(log.purge_command_ids(Timestamp::MAX).await?, 0, "command ids forgotten in an empty log");
    ensure_eq!(log.read(&[]).await?, [], "the answer to no reads");
    ensure!(!log.describe().is_empty(), "a store must say in its messages what and where it is");
    Ok(())
}

/// Metadata with all its parts.
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

async fn an_event_is_read_back_as_it_was_written(log: Log) -> Outcome {
    let draft =
        Draft::new("account.opened", 7, tags(&["owner:ann", "account:1"]), payload(r#"{"z":1, "a":[]}"#))?;
    let when = Timestamp::from_micros(1_769_860_800_000_001);
    let sent =
        annalist_core::store::Append { recorded_at: when, ..append([draft.clone()]) }.with(full_metadata());
    let receipt = log.accepted(sent).await?;
    let wanted = draft.record(receipt.position(), when, full_metadata());
    ensure_eq!(log.everything().await?, vec![wanted.clone()], "the event that a read gives");
    log.settle(receipt.position()).await?;
    let page = log.page(&Criteria::all(), Position::START, 10).await?;
    ensure_eq!(page.records, [wanted], "the event that the feed gives");

    let payload_only = event("account.closed", &[]);
    let receipt = log.accepted(append([payload_only.clone()])).await?;
    let wanted = payload_only.record(receipt.position(), Timestamp::EPOCH, Metadata::default());
    ensure_eq!(
        log.look(read(&["account.closed"], &[])).await?.records,
        [wanted],
        "an event without tags and metadata"
    );
    Ok(())
}

async fn events_of_one_append_keep_their_order(log: Log) -> Outcome {
    let mut written = Vec::new();
    for round in 0..5 {
        // Names and tags that would come in another order if something else decided.
        let events = [("zoo", "b:2"), ("ant", "b:2"), ("zoo", "a:1"), ("ant", "z:9"), ("moth", "a:1")];
        let events = events.map(|(name, tag)| event_with(name, &[tag], &round.to_string()));
        written.extend(events.iter().map(Draft::id));
        log.accepted(append(events)).await?;
    }
    let records = log.everything().await?;
    let ids: Vec<_> = records.iter().map(|record| record.id).collect();
    ensure_eq!(ids, written, "the order of events over several appends");
    ensure!(records[0].position > Position::START, "the first event stands at {}", records[0].position);
    ensure!(
        records.is_sorted_by(|a, b| a.position < b.position),
        "positions must grow: {:?}",
        places(&records)
    );
    Ok(())
}

async fn receipts_say_where_the_events_stand(log: Log) -> Outcome {
    let first = log.accepted(append([event("a", &["x:1"]), event("b", &[]), event("a", &["x:1"])])).await?;
    let second = log.accepted(append([event("c", &[])])).await?;
    let records = log.everything().await?;
    let stand = |receipt: &Receipt| receipt.events.iter().map(|at| (at.position, at.id)).collect::<Vec<_>>();
    let found: Vec<_> = records.iter().map(|record| (record.position, record.id)).collect();
    ensure_eq!(
        [stand(&first), stand(&second)].concat(),
        found,
        "positions and ids in receipts and in the log"
    );
    ensure_eq!(second.position(), records[3].position, "the position of a receipt");
    Ok(())
}

async fn an_append_of_nothing_changes_nothing(log: Log) -> Outcome {
    let before = log.accepted(append([event("a", &[])])).await?.position();
    log.settle(before).await?;
    let receipt = log.accepted(nothing()).await?;
    ensure_eq!(receipt, Receipt::default(), "the receipt of an append of nothing");
    ensure_eq!(log.everything().await?.len(), 1, "events after an append of nothing");
    ensure_eq!(log.journal(0, 10).await?, [], "the journal after an append that brings no entry");
    let next = log.accepted(append([event("a", &[])])).await?.position();
    log.settle(next).await
}

async fn an_append_of_nothing_still_checks_its_conditions(log: Log) -> Outcome {
    let conflicting_position = log.accepted(append([event("a", &["x:1"])])).await?.position();
    let refused = log.conflict(nothing().under(of(&[], &["x:1"]), Marker::START)).await?;
    ensure_eq!(refused, (0, conflicting_position), "what an append of nothing met");
    log.accepted(nothing().under(of(&[], &["x:2"]), Marker::START)).await?;
    Ok(())
}

async fn a_hundred_and_ten_thousand_events_in_one_append(log: Log) -> Outcome {
    let mut written = Vec::new();
    for count in [100, 10_000] {
        let one = |n: usize| event_with("counted", &[&format!("tenth:{}", n % 10), "all:1"], &n.to_string());
        let events: Vec<Draft> = (0..count).map(one).collect();
        written.extend(events.iter().map(Draft::id));
        let receipt = log.accepted(append(events)).await?;
        ensure_eq!(receipt.events.len(), count, "events in the receipt");
    }
    let ids = |records: &[Record]| records.iter().map(|record| record.id).collect::<Vec<_>>();
    let records = log.everything().await?;
    ensure!(ids(&records) == written, "{} of {} events, or in another order", records.len(), written.len());
    let end = records[records.len() - 1].position;
    let fed = log.drain(&of(&["counted"], &["tenth:3"]), Position::START, 1_000, end).await?;
    let third: Vec<_> = records.into_iter().filter(|record| record.tags.contains(&tag("tenth:3"))).collect();
    ensure!(fed == third, "a feed of one tenth gives {} events instead of {}", fed.len(), third.len());
    Ok(())
}

async fn every_handle_sees_what_is_acknowledged(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    for round in 0..12 {
        let writer = &handles[round % 3];
        let reader = &handles[(round + 1 + round / 3 % 2) % 3];
        let receipt = writer.accepted(append([event("a", &["x:1"])])).await?;
        let seen = reader.look(read(&[], &["x:1"])).await?.records;
        ensure_eq!(seen.len(), round + 1, "events that another handle reads at once");
        ensure_eq!(seen[round].position, receipt.position(), "the newest event that another handle reads");
        reader.settle(receipt.position()).await?;
    }
    Ok(())
}

async fn recorded_times_need_not_grow(log: Log) -> Outcome {
    let times = [
        Timestamp::MAX,
        Timestamp::EPOCH,
        Timestamp::MIN,
        Timestamp::from_micros(-1),
        Timestamp::from_micros(1),
    ];
    for recorded_at in times {
        let sent = append([event("a", &[])]);
        log.accepted(annalist_core::store::Append { recorded_at, ..sent }).await?;
    }
    let found: Vec<_> = log.everything().await?.iter().map(|record| record.recorded_at).collect();
    ensure_eq!(found, times, "recorded times, to the microsecond");
    Ok(())
}

async fn logs_share_nothing(log: Log) -> Outcome {
    let other = log.another().await?;
    ensure!(log.log_id() != other.log_id(), "two logs have the same id, {}", log.log_id());
    let command = || append([event("a", &["x:1"])]).keyed(key("c-1", "open", &[])).journaled("1");
    log.accepted(command()).await?;
    ensure_eq!(other.everything().await?, [], "events of another log");
    ensure_eq!(other.journal(0, 10).await?, [], "journal entries of another log");
    let sent = command().under(of(&[], &["x:1"]), Marker::START);
    other.accepted(sent).await?;
    ensure_eq!(log.everything().await?.len(), 1, "events after an append to another log");
    Ok(())
}

async fn every_handle_tells_the_same_log_id(log: Log) -> Outcome {
    let id = log.log_id();
    log.accepted(append([event("a", &[])])).await?;
    for handle in log.handles(3).await? {
        ensure_eq!(handle.log_id(), id, "the log id of another handle");
    }
    Ok(())
}

async fn what_is_acknowledged_outlives_the_handle(log: Log) -> Outcome {
    let id = log.log_id();
    let sent = append([event("a", &["x:1"]), event_with("b", &["x:1", "y:2"], r#"{"n": 1}"#)]);
    let receipt =
        log.accepted(sent.keyed(key("c-1", "open", &["x:1"])).journaled("{}").with(full_metadata())).await?;
    let marker = log.look(read(&[], &["y:2"])).await?.marker;
    let (records, entries) = (log.everything().await?, log.journal(0, 10).await?);

    let log = log.restarted().await?;
    ensure_eq!(log.log_id(), id, "the log id after a restart");
    ensure_eq!(log.everything().await?, records, "events after a restart");
    ensure_eq!(log.journal(0, 10).await?, entries, "journal entries after a restart");
    ensure_eq!(
        log.receipt(&key("c-1", "open", &["x:1"])).await?,
        Some(receipt.clone()),
        "a receipt after a restart"
    );
    let fed = log.drain(&Criteria::all(), Position::START, 1, receipt.position()).await?;
    ensure_eq!(fed, records, "the feed after a restart");
    let next = log.accepted(append([event("b", &["y:2"])]).under(of(&[], &["y:2"]), marker)).await?;
    ensure!(next.position() > receipt.position(), "positions after a restart go on behind the old ones");
    log.conflict(append([event("b", &["y:2"])]).under(of(&[], &["y:2"]), marker)).await?;
    Ok(())
}
