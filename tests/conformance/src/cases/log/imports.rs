//! Imports: an empty log becomes the same log as another one, at once or not at all.

use std::sync::Arc;

use annalist_core::{
    Error,
    criteria::Criteria,
    finding::VerifyCursor,
    record::{Draft, Metadata, Position, Record},
    store::{
        AcceptedCommand, Append, AppendOutcome, Entry, EventRef, ImportTransaction, KnownSuccessors, Marker,
        Outcome as JournalOutcome, PageLimit, Receipt, StoredType, Successor, Successors,
    },
};

use crate::{
    failure::{Outcome, panicked},
    support::{concurrency::yield_now, fixtures::*, handle::Handle, log::Log},
};

cases!("imports" needs [Import]: [
    import_changes_nothing_of_what_it_writes,
    appends_continue_after_an_import,
    markers_of_the_empty_log_detect_imported_events,
    import_is_found_by_a_feed_that_waits,
    later_command_ids_and_entries_replace_earlier_ones,
    append_that_knows_the_list_of_the_empty_log_is_refused,
    log_that_is_not_empty_is_refused,
    dropped_import_leaves_the_log_empty,
    import_is_visible_only_when_it_is_finished,
    appends_during_an_import_wait_or_are_refused,
    one_import_runs_at_a_time,
    command_ids_are_listed_in_pages,
] durable [import_survives_reopen]);

/// What another log had: events at these positions, successors of event names, command ids and journal entries.
struct Source {
    records: Vec<Record>,
    /// Sorted.
    successors: Vec<Successor>,
    commands: Vec<AcceptedCommand>,
    entries: Vec<Entry>,
}

impl Source {
    /// Between the events are positions without one.
    fn with_gaps() -> Self {
        let mut metadata = Metadata::default();
        metadata.actor = Some(name("ann \"é\"\n"));
        metadata.command_id = Some(name("c-1"));
        let drafts: [(u64, Draft); 6] = [
            (3, event_with("a", &["x:1", "y:é\"\\ \n"], r#"{"b": 1.50, "a": "é\u0000"}"#)),
            (4, event("b", &[])),
            (9, event("a", &["x:1"])),
            (10, event("c.d", &["x:2", "x:1"])),
            (11, event_with("a", &["x:"], "null")),
            (40, event("b", &["x:1"])),
        ];
        let records = drafts.into_iter().map(|(position, draft)| {
            let time = seconds_since_1970(7 - i64::try_from(position).unwrap());
            draft.record(Position::new(position), time, metadata.clone())
        });
        let records: Vec<Record> = records.collect();
        let events = |indices: &[usize]| {
            let event =
                |index: &usize| EventRef { position: records[*index].position, id: records[*index].id };
            Receipt { events: indices.iter().map(event).collect(), ..Receipt::default() }
        };
        let command = |id: &'static str, receipt| AcceptedCommand {
            key: command_key(id, "do'\"é", &["x:1"]),
            recorded_at: seconds_since_1970(-3),
            receipt,
        };
        let commands = vec![
            command("'\"\\", events(&[0, 1])),
            command("Z", events(&[])),
            command("a", events(&[5])),
            command("é", events(&[2, 3])),
        ];
        let entry = |number, outcome| Entry {
            number,
            recorded_at: seconds_since_1970(5),
            metadata: metadata.clone(),
            body: payload(r#"[ "\u0000" ]"#),
            outcome,
        };
        let entries = vec![
            entry(2, JournalOutcome::Accepted(positions(&events(&[0, 1])))),
            entry(3, JournalOutcome::Rejected("no\0 'é'\n".to_owned())),
            entry(7, JournalOutcome::Accepted(vec![])),
        ];
        let successors = vec![
            Successor::renamed("a'\"é", "a").unwrap().stored_at(Position::new(3)),
            Successor::made("old", "b").unwrap().stored_at(Position::new(4)),
            Successor::made("old", "c.d").unwrap().stored_at(Position::new(10)),
        ];
        Self { records, successors, commands, entries }
    }

    /// Writes everything, in several calls.
    async fn write_to(&self, import: &mut Box<dyn ImportTransaction>) -> Outcome {
        for records in self.records.chunks(2) {
            import.write_events(records.to_vec(), Vec::new()).await?;
        }
        for successors in self.successors.chunks(2) {
            import.write_successors(successors.to_vec()).await?;
        }
        for commands in self.commands.chunks(3) {
            import.write_command_ids(commands.to_vec()).await?;
        }
        for entries in self.entries.chunks(2) {
            import.write_journal(entries.to_vec()).await?;
        }
        Ok(())
    }

    async fn import_into(&self, handle: &Handle) -> Outcome {
        let mut import = handle.import().await?;
        self.write_to(&mut import).await?;
        Ok(import.finish().await?)
    }

    fn last(&self) -> Position {
        self.records.last().map_or(Position::START, |record| record.position)
    }
}

async fn is_empty(handle: &Handle) -> Outcome {
    ensure_eq!(handle.read_all().await?, [], "events of the log");
    ensure_eq!(handle.successors().await?, Successors::default(), "successors of the log");
    ensure_eq!(handle.command_ids("", PageLimit::CHUNK).await?, [], "command ids of the log");
    ensure_eq!(handle.journal(0, PageLimit::CHUNK).await?, [], "journal of the log");
    Ok(())
}

/// Checks that a log has what was imported.
async fn has_all(handle: &Handle, source: &Source) -> Outcome {
    ensure_eq!(handle.read_all().await?, source.records, "imported events");
    let last = source.last();
    handle.wait_until_settled(last).await?;
    let settled = handle.settled().await?;
    ensure_eq!((settled.position, settled.gap), (last, None), "settled position after the import");
    for limit in [1, 2, 100] {
        let paged = handle.feed_until(&Criteria::all(), Position::START, limit, last).await?;
        ensure_eq!(paged, source.records, "feed of imported events in pages of {limit}");
    }
    for criteria in [criteria_for(&["a"], &["x:1"]), criteria_for(&[], &["x:1"]), criteria_for(&["b"], &[])] {
        let expected: Vec<Record> =
            source.records.iter().filter(|one| criteria.matches(&one.name, &one.tags)).cloned().collect();
        let found = handle.feed_until(&criteria, Position::START, 2, last).await?;
        ensure_eq!(found, expected, "imported events that match {criteria:?}");
        let count = handle.count(&criteria, Position::START, last).await?;
        ensure_eq!(count, expected.len() as u64, "number of imported events that match {criteria:?}");
    }
    let stored = |name: &str, first, last| StoredType {
        name: name.to_owned(),
        first: Position::new(first),
        last: Position::new(last),
        later_versions: Vec::new(),
    };
    let types = [stored("a", 3, 11), stored("b", 4, 40), stored("c.d", 10, 10)];
    ensure_eq!(handle.stored_types().await?, types, "types of imported events");
    let list = handle.successors().await?;
    ensure_eq!(list.all(), source.successors, "imported successors");
    ensure!(list.version > 0, "the version of a list with successors must not be 0");
    ensure_eq!(handle.command_ids("", PageLimit::CHUNK).await?, source.commands, "imported command ids");
    for command in &source.commands {
        let receipt = handle.receipt(&command.key).await?;
        ensure_eq!(receipt.as_ref(), Some(&command.receipt), "receipt of {:?}", command.key.id());
    }
    ensure_eq!(handle.journal(0, PageLimit::CHUNK).await?, source.entries, "imported journal");
    let mut cursor = Some(VerifyCursor::default());
    while let Some(after) = cursor {
        let page = handle.verify(last, &after).await?;
        ensure_eq!(page.findings, [], "findings of the imported log, after {after:?}");
        cursor = page.next;
    }
    Ok(())
}

async fn import_changes_nothing_of_what_it_writes(log: Log) -> Outcome {
    let source = Source::with_gaps();
    let handles = log.handles(2).await?;
    source.import_into(&handles[1]).await?;
    for handle in handles {
        has_all(&handle, &source).await?;
    }
    Ok(())
}

async fn import_survives_reopen(log: Log) -> Outcome {
    let source = Source::with_gaps();
    source.import_into(&log).await?;
    let log = log.reopened().await?;
    has_all(&log, &source).await?;
    log.expect_accepted(append([event("a", &["x:1"])])).await.map(drop)
}

async fn appends_continue_after_an_import(log: Log) -> Outcome {
    let source = Source::with_gaps();
    let handles = log.handles(2).await?;
    source.import_into(&handles[0]).await?;
    let mut last = source.last();
    for handle in handles {
        let batch = handle.read_one(read(&["a"], &["x:1"])).await?;
        let request =
            append([event("a", &["x:1"])]).if_unchanged(criteria_for(&["a"], &["x:1"]), batch.marker);
        let receipt = handle.expect_accepted(request.with_journal("1")).await?;
        ensure!(receipt.position() > last, "{:?} must be after {last}", receipt.position());
        last = receipt.position();
        handle.wait_until_settled(last).await?;
        let seen = handle.feed_until(&Criteria::all(), source.last(), 10, last).await?;
        ensure_eq!(seen.last().map(|record| record.position), Some(last), "last event of the feed");
        let duplicate = append([event("a", &[])]).with_key(source.commands[0].key.clone());
        let receipt = handle.expect_duplicate(duplicate).await?;
        ensure_eq!(receipt, source.commands[0].receipt, "receipt of the imported command id");
    }
    let entries = log.journal(0, PageLimit::CHUNK).await?;
    ensure_eq!(entries.len(), source.entries.len() + 2, "number of journal entries");
    ensure!(entries.is_sorted_by(|one, next| one.number < next.number), "numbers must grow: {entries:?}");
    ensure_eq!(&entries[..3], &source.entries[..], "imported journal entries");
    Ok(())
}

async fn markers_of_the_empty_log_detect_imported_events(log: Log) -> Outcome {
    let source = Source::with_gaps();
    let handles = log.handles(2).await?;
    let criteria = criteria_for(&["a"], &["x:1"]);
    let marker = handles[0].read_one(read(&["a"], &["x:1"])).await?.marker;
    source.import_into(&handles[1]).await?;
    for handle in handles {
        for marker in [marker, Marker::START] {
            let request = append([event("a", &["x:1"])]).if_unchanged(criteria.clone(), marker);
            let (_, position) = handle.expect_conflict(request).await?;
            ensure_eq!(position.get(), 9, "newest imported event that matches");
        }
    }
    Ok(())
}

async fn import_is_found_by_a_feed_that_waits(log: Log) -> Outcome {
    let source = Source::with_gaps();
    let handles = log.handles(2).await?;
    let page = handles[0].feed_page(&Criteria::all(), Position::START, 10).await?;
    ensure_eq!(page.up_to, Position::START, "end of the feed of an empty log");
    source.import_into(&handles[1]).await?;
    let found = handles[0].feed_until(&Criteria::all(), page.up_to, 10, source.last()).await?;
    ensure_eq!(found, source.records, "imported events in the feed");
    Ok(())
}

async fn append_that_knows_the_list_of_the_empty_log_is_refused(log: Log) -> Outcome {
    let source = Source::with_gaps();
    let handles = log.handles(2).await?;
    let empty = handles[0].successors().await?.version;
    source.import_into(&handles[1]).await?;
    for handle in handles {
        let known = |version| Some(KnownSuccessors { version, added: Vec::new() });
        let request = |version| Append { successors: known(version), ..append([event("a", &["x:1"])]) };
        let outcome = handle.append_one(request(empty)).await?;
        ensure_eq!(outcome, AppendOutcome::SuccessorsChanged { index: 0 }, "outcome with the earlier list");
        let page = handle.feed_page(&Criteria::all(), Position::START, 10).await?;
        let version = handle.successors().await?.version;
        ensure_eq!(page.successors, version, "version of the list of a page");
        handle.expect_accepted(request(version)).await?;
    }
    Ok(())
}

/// Of an earlier call, and of the same one: each part of an export has the commands without events again.
async fn later_command_ids_and_entries_replace_earlier_ones(log: Log) -> Outcome {
    let mut source = Source::with_gaps();
    let mut import = log.import().await?;
    source.write_to(&mut import).await?;
    let (command, entry) = (source.commands[0].clone(), source.entries[1].clone());
    let successor = source.successors[1].clone();
    source.successors[1] = successor.clone().stored_at(source.last());
    import.write_successors(vec![successor, source.successors[1].clone()]).await?;
    source.commands[0].receipt.events.pop();
    source.entries[1].outcome = JournalOutcome::Accepted(vec![source.last()]);
    import.write_command_ids(vec![command, source.commands[0].clone()]).await?;
    import.write_journal(vec![entry, source.entries[1].clone()]).await?;
    import.finish().await?;
    has_all(&log, &source).await
}

async fn log_that_is_not_empty_is_refused(log: Log) -> Outcome {
    let contents = [
        append([event("a", &[])]),
        empty_append().with_key(command_key("c-1", "do", &[])),
        empty_append().with_rejection("{}", "no"),
    ];
    for content in contents {
        let log = log.another_log().await?;
        log.expect_accepted(content).await?;
        let refused = log.import().await;
        ensure!(
            matches!(refused, Err(Error::Unusable { .. })),
            "`import` into a log that is not empty must return `Unusable`"
        );
        // The refused import has locked out no append.
        log.expect_accepted(append([event("a", &[])])).await?;
    }
    let source = Source::with_gaps();
    source.import_into(&log).await?;
    ensure!(matches!(log.import().await, Err(Error::Unusable { .. })), "a second import must be refused");
    has_all(&log, &source).await
}

async fn dropped_import_leaves_the_log_empty(log: Log) -> Outcome {
    let source = Source::with_gaps();
    drop(log.import().await?);
    let mut import = log.import().await?;
    source.write_to(&mut import).await?;
    drop(import);
    for handle in log.handles(2).await? {
        is_empty(&handle).await?;
    }
    // The next import is not in the way of the first one.
    source.import_into(&log).await?;
    has_all(&log, &source).await?;

    let log = log.another_log().await?;
    let mut import = log.import().await?;
    source.write_to(&mut import).await?;
    drop(import);
    let receipt = log.expect_accepted(append([event("a", &["x:1"])])).await?;
    log.wait_until_settled(receipt.position()).await?;
    ensure_eq!(positions_of(&log.read_all().await?), positions(&receipt), "the only event of the log");
    Ok(())
}

async fn import_is_visible_only_when_it_is_finished(log: Log) -> Outcome {
    let source = Source::with_gaps();
    let handles = log.handles(2).await?;
    let mut import = log.import().await?;
    source.write_to(&mut import).await?;
    for handle in &handles {
        is_empty(handle).await?;
        ensure_eq!(handle.settled().await?.position, Position::START, "settled position during the import");
    }
    import.finish().await?;
    has_all(&handles[1], &source).await
}

async fn appends_during_an_import_wait_or_are_refused(log: Log) -> Outcome {
    let source = Source::with_gaps();
    let handles = log.handles(2).await?;
    let mut import = log.import().await?;
    let mut appends = Vec::new();
    for handle in &handles {
        for conditional in [true, false] {
            let handle = handle.clone();
            appends.push(tokio::spawn(async move {
                let mut request: Append = append([event("late", &["x:1"])]);
                if conditional {
                    request = request.if_unchanged(criteria_for(&["a"], &["x:1"]), Marker::START);
                }
                (conditional, handle.append_one(request).await)
            }));
        }
    }
    for _ in 0..10 {
        yield_now().await;
    }
    source.write_to(&mut import).await?;
    import.finish().await?;
    let mut accepted = Vec::new();
    for append in appends {
        match append.await.map_err(panicked)? {
            (false, Ok(AppendOutcome::Appended(receipt))) => accepted.push(receipt.position()),
            (true, Ok(AppendOutcome::Conflict { .. })) => {}
            (_, Err(error)) if error.is_unavailable() => {}
            other => {
                ensure!(
                    false,
                    "an append during an import must see all of it, or be refused, but: {other:?}"
                );
            }
        }
    }
    ensure!(accepted.iter().all(|position| *position > source.last()), "appends are after it: {accepted:?}");
    let all = log.read_all().await?;
    ensure_eq!(&all[..source.records.len()], &source.records[..], "imported events");
    ensure_eq!(all.len(), source.records.len() + accepted.len(), "number of all events");
    Ok(())
}

async fn one_import_runs_at_a_time(log: Log) -> Outcome {
    let source = Arc::new(Source::with_gaps());
    let mut import = log.import().await?;
    source.write_to(&mut import).await?;
    let other = log.open_handle().await?;
    let second = tokio::spawn(async move { other.import().await.map(drop) });
    for _ in 0..10 {
        yield_now().await;
    }
    import.finish().await?;
    let second = second.await.map_err(panicked)?;
    ensure!(second.is_err(), "an import that began during another one must be refused");
    has_all(&log, &source).await
}

async fn command_ids_are_listed_in_pages(log: Log) -> Outcome {
    let mut ids: Vec<String> = (0..25).map(|number| format!("c-{number}")).collect();
    for (number, id) in ids.iter().enumerate() {
        let events = (0..number % 3).map(|_| event("a", &[]));
        log.expect_accepted(append(events).with_key(command_key(id.clone(), "do", &["x:1"]))).await?;
    }
    ids.sort_unstable();
    let mut listed = Vec::new();
    loop {
        let after = listed.last().map_or("", |command: &AcceptedCommand| command.key.id()).to_owned();
        let page = log.command_ids(&after, PageLimit::records(10)).await?;
        if page.is_empty() {
            break;
        }
        ensure!(page.len() <= 10, "a page with limit 10 has {} command ids", page.len());
        listed.extend(page);
    }
    let found: Vec<&str> = listed.iter().map(|command| command.key.id()).collect();
    ensure_eq!(found, ids, "ids in the order of their bytes");
    for command in &listed {
        let receipt = log.receipt(&command.key).await?;
        ensure_eq!(receipt.as_ref(), Some(&command.receipt), "receipt of {:?}", command.key.id());
    }
    let limit = PageLimit { bytes: listed[0].size() + listed[1].size(), ..PageLimit::CHUNK };
    let page = log.command_ids("", limit).await?;
    ensure_eq!(page, listed[..2], "command ids with a limit of bytes");
    ensure_eq!(log.command_ids("", PageLimit::records(0)).await?, [], "command ids with limit 0");
    Ok(())
}
