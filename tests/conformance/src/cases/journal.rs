//! The journal: commands as they were asked, and what became of them.

use annalist_core::{
    record::Metadata,
    store::{Append, Entry, Marker, Outcome as Fate},
    time::Timestamp,
};

use crate::{
    failure::Outcome,
    given::*,
    log::{Log, together},
};

cases!("journal": [
    accepted_and_rejected_commands_are_kept,
    only_what_is_written_is_journaled,
    pages_of_the_journal,
    concurrent_entries_are_all_there,
]);

fn asked_by(actor: &'static str) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.command_id = Some(name("c-1"));
    metadata.command = Some(name("deposit"));
    metadata.actor = Some(name(actor));
    metadata
}

async fn accepted_and_rejected_commands_are_kept(log: Log) -> Outcome {
    let odd = r#"{"b": 1, "a": [1.50, "é\u0000'"] , "a":null}"#;
    let when = Timestamp::from_micros(1_769_860_800_000_001);
    let two = append([event("a", &["x:1"]), event("b", &[])]);
    let receipt =
        log.accepted(Append { recorded_at: when, ..two }.journaled(odd).with(asked_by("ann"))).await?;
    log.accepted(nothing().journaled("1").at(-7)).await?;
    log.accepted(nothing().rejected("[]", "no 'money' left\n\u{1f}").at(3).with(asked_by("bob"))).await?;
    let mut entries = log.journal(0, 10).await?;
    ensure!(entries.iter().all(|entry| entry.number > 0), "entries are numbered from 1: {entries:?}");
    ensure!(entries.is_sorted_by(|a, b| a.number < b.number), "numbers must grow: {entries:?}");
    entries.iter_mut().for_each(|entry| entry.number = 0);
    let entry = |recorded_at, metadata, body, outcome| Entry {
        number: 0,
        recorded_at,
        metadata,
        body: payload(body),
        outcome,
    };
    let wanted = [
        entry(when, asked_by("ann"), odd, Fate::Accepted(positions(&receipt))),
        entry(seconds_since_1970(-7), Metadata::default(), "1", Fate::Accepted(vec![])),
        entry(
            seconds_since_1970(3),
            asked_by("bob"),
            "[]",
            Fate::Rejected("no 'money' left\n\u{1f}".to_owned()),
        ),
    ];
    ensure_eq!(entries, wanted, "the entries of three commands");
    Ok(())
}

async fn only_what_is_written_is_journaled(log: Log) -> Outcome {
    let id = key("c-1", "open", &[]);
    log.accepted(append([event("a", &["x:1"])]).keyed(id.clone())).await?;
    log.known(append([event("a", &["x:1"])]).keyed(id.clone()).journaled("1")).await?;
    log.conflict(append([event("a", &[])]).under(of(&["a"], &[]), Marker::START).journaled("2")).await?;
    log.conflict(nothing().under(of(&["a"], &[]), Marker::START).rejected("3", "no")).await?;
    let reused = append([event("a", &[])]).keyed(key("c-1", "close", &[])).journaled("4");
    ensure!(log.append_one(reused).await.is_err(), "the command id belongs to another command");
    ensure_eq!(log.journal(0, 10).await?, [], "entries of appends that brought none or were not written");
    Ok(())
}

async fn pages_of_the_journal(log: Log) -> Outcome {
    for n in 0..20 {
        let sent = if n % 3 == 0 {
            nothing().rejected(&n.to_string(), "no")
        } else {
            append([event("a", &[])]).journaled(&n.to_string())
        };
        log.accepted(sent).await?;
    }
    let all = log.journal(0, usize::MAX).await?;
    let bodies: Vec<String> = all.iter().map(|entry| entry.body.to_string()).collect();
    ensure_eq!(bodies, (0..20).map(|n| n.to_string()).collect::<Vec<_>>(), "bodies, oldest first");
    ensure_eq!(log.journal(0, 0).await?, [], "a page of no entries");
    for (handle, limit) in log.handles(3).await?.iter().zip([1, 7, 1_000]) {
        let mut paged: Vec<Entry> = vec![];
        loop {
            let page = handle.journal(paged.last().map_or(0, |entry| entry.number), limit).await?;
            if page.is_empty() {
                break;
            }
            ensure!(page.len() <= limit, "a page of at most {limit} has {} entries", page.len());
            paged.extend(page);
        }
        ensure_eq!(paged, all, "the journal in pages of {limit}");
    }
    ensure_eq!(log.journal(all[19].number, 10).await?, [], "entries behind the last");
    ensure_eq!(log.journal(u64::MAX, 10).await?, [], "entries behind the highest number");
    Ok(())
}

async fn concurrent_entries_are_all_there(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let tasks = (0..8).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for n in 0..5 {
                let body = (task * 5 + n).to_string();
                let sent = if n == 2 {
                    nothing().rejected(&body, "no")
                } else {
                    append([event("a", &[])]).journaled(&body)
                };
                handle.accepted(sent).await?;
            }
            Ok(())
        }
    });
    together(tasks).await?;
    let entries = log.journal(0, 100).await?;
    ensure!(entries.is_sorted_by(|a, b| a.number < b.number), "numbers must grow: {entries:?}");
    let mut bodies: Vec<usize> =
        entries.iter().filter_map(|entry| entry.body.as_str().parse().ok()).collect();
    bodies.sort_unstable();
    ensure_eq!(bodies, (0..40).collect::<Vec<_>>(), "entries of forty concurrent commands");
    let events: Vec<_> = places(&log.everything().await?);
    let mut told: Vec<_> = entries
        .iter()
        .flat_map(|entry| if let Fate::Accepted(at) = &entry.outcome { at.clone() } else { vec![] })
        .collect();
    told.sort_unstable();
    ensure_eq!(told, events, "positions that the journal tells");
    Ok(())
}
