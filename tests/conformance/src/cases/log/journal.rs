//! The journal: commands with their outcome.

use annalist_core::{
    record::Metadata,
    store::{Append, Entry, Marker, Outcome as JournalOutcome, PageLimit},
    time::Timestamp,
};

use crate::{
    failure::Outcome,
    support::{concurrency::run_concurrently, fixtures::*, log::Log},
};

cases!("journal": [
    accepted_and_rejected_commands_are_journaled,
    appends_that_are_not_written_are_not_journaled,
    pages_of_the_journal_add_up,
    concurrent_entries_are_all_journaled,
    purge_removes_the_entries_before_a_time_and_nothing_else,
    numbers_of_purged_entries_are_not_used_again,
]);

fn metadata_of(actor: &'static str) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.command_id = Some(name("c-1"));
    metadata.command = Some(name("deposit"));
    metadata.actor = Some(name(actor));
    metadata
}

async fn accepted_and_rejected_commands_are_journaled(log: Log) -> Outcome {
    let body = r#"{"b": 1, "a": [1.50, "é\u0000'"] , "a":null}"#;
    let when = Timestamp::from_micros(1_769_860_800_000_001);
    let two = append([event("a", &["x:1"]), event("b", &[])]);
    let receipt = log
        .expect_accepted(
            Append { recorded_at: when, ..two }.with_journal(body).with_metadata(metadata_of("ann")),
        )
        .await?;
    log.expect_accepted(empty_append().with_journal("1").recorded_at(-7)).await?;
    log.expect_accepted(
        empty_append()
            .with_rejection("[]", "no 'money' left\n\u{1f}")
            .recorded_at(3)
            .with_metadata(metadata_of("bob")),
    )
    .await?;
    let mut entries = log.journal(0, PageLimit::records(10)).await?;
    ensure!(entries.iter().all(|entry| entry.number > 0), "entries must be numbered from 1: {entries:?}");
    ensure!(entries.is_sorted_by(|a, b| a.number < b.number), "numbers of entries must grow: {entries:?}");
    entries.iter_mut().for_each(|entry| entry.number = 0);
    let entry = |recorded_at, metadata, body, outcome| Entry {
        number: 0,
        recorded_at,
        metadata,
        body: payload(body),
        outcome,
    };
    let expected = [
        entry(when, metadata_of("ann"), body, JournalOutcome::Accepted(positions(&receipt))),
        entry(seconds_since_1970(-7), Metadata::default(), "1", JournalOutcome::Accepted(vec![])),
        entry(
            seconds_since_1970(3),
            metadata_of("bob"),
            "[]",
            JournalOutcome::Rejected("no 'money' left\n\u{1f}".to_owned()),
        ),
    ];
    ensure_eq!(entries, expected, "journal entries of three commands");
    Ok(())
}

async fn appends_that_are_not_written_are_not_journaled(log: Log) -> Outcome {
    let id = command_key("c-1", "open", &[]);
    log.expect_accepted(append([event("a", &["x:1"])]).with_key(id.clone())).await?;
    log.expect_duplicate(append([event("a", &["x:1"])]).with_key(id.clone()).with_journal("1")).await?;
    log.expect_conflict(
        append([event("a", &[])]).if_unchanged(criteria_for(&["a"], &[]), Marker::START).with_journal("2"),
    )
    .await?;
    log.expect_conflict(
        empty_append().if_unchanged(criteria_for(&["a"], &[]), Marker::START).with_rejection("3", "no"),
    )
    .await?;
    let reused = append([event("a", &[])]).with_key(command_key("c-1", "close", &[])).with_journal("4");
    ensure!(
        log.append_one(reused).await.is_err(),
        "the command id belongs to another command: `append` must fail"
    );
    ensure_eq!(
        log.journal(0, PageLimit::records(10)).await?,
        [],
        "journal entries of appends without an entry and of appends that were not written"
    );
    Ok(())
}

async fn pages_of_the_journal_add_up(log: Log) -> Outcome {
    for n in 0..20 {
        let request = if n % 3 == 0 {
            empty_append().with_rejection(&n.to_string(), "no")
        } else {
            append([event("a", &[])]).with_journal(&n.to_string())
        };
        log.expect_accepted(request).await?;
    }
    let all = log.journal(0, PageLimit::records(usize::MAX)).await?;
    let bodies: Vec<String> = all.iter().map(|entry| entry.body.to_string()).collect();
    ensure_eq!(
        bodies,
        (0..20).map(|n| n.to_string()).collect::<Vec<_>>(),
        "bodies of the entries, oldest first"
    );
    ensure_eq!(log.journal(0, PageLimit::records(0)).await?, [], "journal page with limit 0");
    for (handle, limit) in log.handles(3).await?.iter().zip([1, 7, 1_000]) {
        let mut paged: Vec<Entry> = vec![];
        loop {
            let page = handle
                .journal(paged.last().map_or(0, |entry| entry.number), PageLimit::records(limit))
                .await?;
            if page.is_empty() {
                break;
            }
            ensure!(
                page.len() <= limit,
                "a journal page with limit {limit} must not have more entries, but has {}",
                page.len()
            );
            paged.extend(page);
        }
        ensure_eq!(paged, all, "journal entries in pages of {limit}");
    }
    ensure_eq!(
        log.journal(all[19].number, PageLimit::records(10)).await?,
        [],
        "journal entries after the last one"
    );
    ensure_eq!(
        log.journal(u64::MAX, PageLimit::records(10)).await?,
        [],
        "journal entries after the maximum number"
    );
    Ok(())
}

async fn concurrent_entries_are_all_journaled(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let tasks = (0..8).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for n in 0..5 {
                let body = (task * 5 + n).to_string();
                let request = if n == 2 {
                    empty_append().with_rejection(&body, "no")
                } else {
                    append([event("a", &[])]).with_journal(&body)
                };
                handle.expect_accepted(request).await?;
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    let entries = log.journal(0, PageLimit::records(100)).await?;
    ensure!(entries.is_sorted_by(|a, b| a.number < b.number), "numbers of entries must grow: {entries:?}");
    let mut bodies: Vec<usize> =
        entries.iter().filter_map(|entry| entry.body.as_str().parse().ok()).collect();
    bodies.sort_unstable();
    ensure_eq!(bodies, (0..40).collect::<Vec<_>>(), "bodies of the entries of forty concurrent commands");
    let events: Vec<_> = positions_of(&log.read_all().await?);
    let mut journaled: Vec<_> = entries
        .iter()
        .flat_map(|entry| if let JournalOutcome::Accepted(at) = &entry.outcome { at.clone() } else { vec![] })
        .collect();
    journaled.sort_unstable();
    ensure_eq!(journaled, events, "positions in the journal, compared with the log");
    Ok(())
}

async fn purge_removes_the_entries_before_a_time_and_nothing_else(log: Log) -> Outcome {
    let id = |n: i64| command_key(format!("c-{n}"), "open", &[]);
    for n in [3, 1, 2, 4] {
        let request = append([event("a", &["x:1"])]).with_key(id(n));
        log.expect_accepted(request.with_journal(&n.to_string()).recorded_at(n)).await?;
    }
    let (events, journal) = (log.read_all().await?, log.journal(0, PageLimit::records(10)).await?);
    ensure_eq!(log.purge_journal(seconds_since_1970(1)).await?, 0, "entries that were purged before 1 s");
    ensure_eq!(log.purge_journal(seconds_since_1970(3)).await?, 2, "entries that were purged before 3 s");
    let expected: Vec<Entry> =
        journal.into_iter().filter(|entry| entry.recorded_at >= seconds_since_1970(3)).collect();
    for handle in log.handles(2).await? {
        ensure_eq!(handle.journal(0, PageLimit::records(10)).await?, expected, "journal after a purge");
        ensure_eq!(handle.read_all().await?, events, "events after a purge");
        ensure!(handle.receipt(&id(1)).await?.is_some(), "the command id of a purged entry must stay");
    }
    ensure_eq!(log.purge_journal(Timestamp::MAX).await?, 2, "entries that were purged at last");
    ensure_eq!(log.journal(0, PageLimit::records(10)).await?, [], "journal after everything was purged");
    Ok(())
}

async fn numbers_of_purged_entries_are_not_used_again(log: Log) -> Outcome {
    for n in 0..3 {
        log.expect_accepted(empty_append().with_journal(&n.to_string())).await?;
    }
    let last = log.journal(0, PageLimit::records(10)).await?.last().map_or(0, |entry| entry.number);
    log.purge_journal(Timestamp::MAX).await?;
    log.expect_accepted(empty_append().with_journal("3")).await?;
    let entries = log.journal(last, PageLimit::records(10)).await?;
    ensure_eq!(entries.len(), 1, "entries after the last one that was purged");
    Ok(())
}
