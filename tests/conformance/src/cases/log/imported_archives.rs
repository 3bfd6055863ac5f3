//! Imports of logs with archives and retags: the ids are closed as in the other log, and its tombstones and added tags are known.

use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    store::{
        Append, AppendOutcome, Archive, ArchiveState, EventRef, ImportTransaction, KnownSuccessors, Marker,
        PageLimit, Rewrite, RewriteState, RewriteStep, RewriteTarget,
    },
};

use super::archives::{archived, close, ensure_refused, ensure_sound, restore};
use crate::{
    Failure,
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log},
};

cases!("imported_archives" needs [Import]: [
    archives_and_tombstones_are_as_in_the_other_log,
    ids_are_closed_as_in_the_other_log,
    events_return_to_an_imported_log,
    appends_continue_after_imported_tombstones,
    condition_without_a_tag_sees_imported_tombstones,
    retag_continues_on_an_imported_log,
    later_archives_and_retags_replace_earlier_ones,
    log_with_an_archive_or_a_retag_is_refused,
    dropped_import_leaves_all_ids_open,
] durable [imported_archives_survive_reopen]);

/// A log with an archive in each state, and the events of the complete one.
struct Source {
    log: Log,
    /// In the order of their numbers: opened, complete, closing.
    archives: Vec<Archive>,
    removed: Vec<Record>,
    end: Position,
}

impl Source {
    async fn new(target: &Log) -> Outcome<Self> {
        let log = target.another_log().await?;
        let ids = ["order:b", "order:a", "order:b", "order:d", "order:c"];
        log.expect_accepted(append(ids.map(|id| event("placed", &[id])))).await?;
        log.expect_accepted(append([event("moved", &["order:b", "order:d"]), event("noted", &[])])).await?;
        let last = log.expect_accepted(append([event("placed", &["order:b"])])).await?;
        let (opened, records) = archived(&log, &["order:a"]).await?;
        restore(&log, &opened, records).await?;
        let (_, removed) = archived(&log, &["order:b"]).await?;
        log.archive(close(&["order:c"])).await?;
        log.wait_until_settled(last.position()).await?;
        let archives = log.archives().await?;
        let states: Vec<ArchiveState> = archives.iter().map(|archive| archive.state).collect();
        ensure_eq!(states, [ArchiveState::Opened, ArchiveState::Complete, ArchiveState::Closing], "states");
        Ok(Self { log, archives, removed, end: last.position() })
    }

    fn tombstones(&self) -> Vec<EventRef> {
        let removed = self.removed.iter();
        removed.map(|record| EventRef { position: record.position, id: record.id }).collect()
    }

    /// Writes events and tombstones in two calls, and the archives in two.
    async fn write_to(&self, import: &mut Box<dyn ImportTransaction>) -> Outcome {
        let (records, tombstones) = (self.log.read_all().await?, self.tombstones());
        let middle = records[records.len() / 2].position;
        let halves = |is_first: bool| {
            let records = records.iter().filter(move |record| (record.position <= middle) == is_first);
            let tombstones = tombstones.iter().filter(move |event| (event.position <= middle) == is_first);
            (records.cloned().collect(), tombstones.copied().collect())
        };
        import.write_archives(self.archives[..1].to_vec()).await?;
        import.write_archives(self.archives[1..].to_vec()).await?;
        for (records, tombstones) in [halves(true), halves(false)] {
            import.write_events(records, tombstones).await?;
        }
        Ok(())
    }

    async fn import_into(&self, handle: &Handle) -> Outcome {
        let mut import = handle.import().await?;
        self.write_to(&mut import).await?;
        Ok(import.finish().await?)
    }

    /// Checks that a log has the archives and the events of this one.
    async fn ensure_same(&self, handle: &Handle) -> Outcome {
        ensure_eq!(handle.archives().await?, self.archives, "imported archives");
        let limit = PageLimit::records(100);
        ensure_eq!(handle.tombstones(Position::START, limit).await?, self.tombstones(), "tombstones");
        handle.wait_until_settled(self.end).await?;
        ensure_eq!(handle.read_all().await?, self.log.read_all().await?, "imported events");
        for number in 1..=self.end.get() + 1 {
            let position = Position::new(number);
            let expected = self.log.event_at(position).await?;
            ensure_eq!(handle.event_at(position).await?, expected, "event at position {position}");
        }
        let version = self.archives.iter().map(|archive| archive.version).max().unwrap_or_default();
        let list = handle.successors().await?.version;
        ensure!(list >= version, "the list has the version {list}, and an archive has {version}");
        ensure_sound(handle).await
    }
}

async fn archives_and_tombstones_are_as_in_the_other_log(log: Log) -> Outcome {
    let source = Source::new(&log).await?;
    source.import_into(&log).await?;
    for handle in log.handles(2).await? {
        source.ensure_same(&handle).await?;
    }
    Ok(())
}

async fn imported_archives_survive_reopen(log: Log) -> Outcome {
    let source = Source::new(&log).await?;
    source.import_into(&log).await?;
    let log = log.reopened().await?;
    source.ensure_same(&log).await?;
    ensure_refused(log.append_one(append([event("x", &["order:b"])])).await, "order:b")
}

async fn ids_are_closed_as_in_the_other_log(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let source = Source::new(&log).await?;
    source.import_into(&handles[1]).await?;
    for handle in &handles {
        for id in ["order:b", "order:c"] {
            ensure_refused(handle.append_one(append([event("x", &[id])])).await, id)?;
            let reading = append([event("x", &[])]).if_unchanged(criteria_for(&[], &[id]), Marker::START);
            ensure_refused(handle.append_one(reading).await, id)?;
            ensure_refused(handle.read(&[read(&[], &[id])]).await, id)?;
        }
        for id in ["order:a", "order:d"] {
            let marker = handle.read_one(read(&[], &[id])).await?.marker;
            let open = append([event("x", &[id])]).if_unchanged(criteria_for(&[], &[id]), marker);
            handle.expect_accepted(open).await?;
        }
        // What a program knows of the empty log.
        let known = Some(KnownSuccessors { version: 0, added: Vec::new() });
        let stale = Append { successors: known, ..append([event("x", &[])]) };
        let outcome = handle.append_one(stale).await?;
        ensure_eq!(outcome, AppendOutcome::SuccessorsChanged { index: 0 }, "outcome with the earlier list");
    }
    ensure_sound(&log).await
}

async fn events_return_to_an_imported_log(log: Log) -> Outcome {
    let source = Source::new(&log).await?;
    source.import_into(&log).await?;
    restore(&log, &source.archives[2], Vec::new()).await?;
    restore(&log, &source.archives[1], source.removed.clone()).await?;
    let mut expected = source.log.read_all().await?;
    expected.extend(source.removed.iter().cloned());
    expected.sort_by_key(|record| record.position);
    ensure_eq!(log.read_all().await?, expected, "events after they have returned");
    let tombstones = log.tombstones(Position::START, PageLimit::CHUNK).await?;
    ensure_eq!(tombstones, [], "tombstones after all events have returned");
    log.expect_accepted(append([event("x", &["order:b", "order:c"])])).await?;
    let (next, _) = archived(&log, &["order:c"]).await?;
    ensure_eq!(next.number, 4, "number of the next archive");
    ensure_sound(&log).await
}

async fn appends_continue_after_imported_tombstones(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    for handle in &handles {
        handle.read_all().await?;
    }
    let source = Source::new(&log).await?;
    source.import_into(&handles[1]).await?;
    let mut last = source.end;
    for handle in &handles {
        let settled = handle.settled().await?.position;
        ensure!(settled >= last, "the log is settled up to {settled}, before its last tombstone at {last}");
        let later = handle.expect_accepted(append([event("x", &["order:d"])])).await?;
        ensure!(later.position() > last, "the position {} is used again", later.position());
        last = later.position();
        handle.wait_until_settled(last).await?;
        let seen = handle.feed_until(&Criteria::all(), source.end, 10, last).await?;
        ensure_eq!(seen.last().map(|record| record.position), Some(last), "last event of the feed");
    }
    ensure_sound(&log).await
}

async fn condition_without_a_tag_sees_imported_tombstones(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let all = || criteria_for(&["placed"], &[]);
    let marker = handles[0].read_one(read(&["placed"], &[])).await?.marker;
    let source = Source::new(&log).await?;
    source.import_into(&handles[1]).await?;
    for handle in &handles {
        handle.expect_conflict(append([event("x", &[])]).if_unchanged(all(), marker)).await?;
        // No event of this type is in the log, and one may have left it.
        let lost = append([event("x", &[])]).if_unchanged(criteria_for(&["lost"], &[]), marker);
        handle.expect_conflict(lost).await?;
        let marker = handle.read_one(read(&["placed"], &[])).await?.marker;
        handle.expect_accepted(append([event("x", &[])]).if_unchanged(all(), marker)).await?;
    }
    Ok(())
}

fn step(found: &Rewrite, state: RewriteState, up_to: Position) -> RewriteStep {
    RewriteStep {
        name: found.name.clone(),
        target: found.target.clone(),
        found: Some((found.state, found.up_to)),
        state,
        up_to,
        events: 0,
        tags: Vec::new(),
        payloads: Vec::new(),
        actor: None,
        at: seconds_since_1970(9),
    }
}

fn begin(name: &str, kind: &str) -> RewriteStep {
    RewriteStep {
        name: name.to_owned(),
        target: RewriteTarget::Tags { kind: kind.to_owned() },
        found: None,
        state: RewriteState::Running,
        up_to: Position::START,
        events: 0,
        tags: Vec::new(),
        payloads: Vec::new(),
        actor: Some("ann \"é\"\n".to_owned()),
        at: seconds_since_1970(7),
    }
}

async fn retag_continues_on_an_imported_log(log: Log) -> Outcome {
    let source = log.another_log().await?;
    let at = positions(&source.expect_accepted(append([event("paid", &[]), event("paid", &[])])).await?);
    source.wait_until_settled(at[1]).await?;
    let begun = source.rewrite(begin("paid", "order")).await?;
    let tags = vec![(at[0], vec![tag("order:a")])];
    source.rewrite(RewriteStep { events: 1, tags, ..step(&begun, RewriteState::Running, at[0]) }).await?;
    let other = source.rewrite(begin("paid", "cart")).await?;
    let closing = source.rewrite(step(&other, RewriteState::Closing, at[1])).await?;
    source.rewrite(step(&closing, RewriteState::Complete, at[1])).await?;
    let retags = source.successors().await?.rewrites().to_vec();

    let mut import = log.import().await?;
    import.write_retags(retags.clone()).await?;
    import.write_events(source.read_all().await?, Vec::new()).await?;
    import.finish().await?;
    for handle in log.handles(2).await? {
        let list = handle.successors().await?;
        ensure_eq!(list.rewrites(), retags, "imported retags");
        let newest = retags.iter().map(|retag| retag.version).max().unwrap_or_default();
        ensure!(list.version >= newest, "the list has the version {}, and a retag {newest}", list.version);
    }
    let found = log.successors().await?.retag("paid", "order").cloned();
    let Some(found) = found else { return Err(Failure::new("the retag of orders is missing".to_owned())) };
    let tags = vec![(at[1], vec![tag("order:b")])];
    let next =
        log.rewrite(RewriteStep { events: 1, tags, ..step(&found, RewriteState::Running, at[1]) }).await?;
    ensure_eq!((next.events, next.changed), (2, 2), "events of the retag, and those that got tags");
    let found = log.read_one(read(&["paid"], &["order:b"])).await?.records;
    ensure_eq!(positions_of(&found), [at[1]], "events with a tag that was added after the import");
    ensure_sound(&log).await
}

async fn later_archives_and_retags_replace_earlier_ones(log: Log) -> Outcome {
    let source = Source::new(&log).await?;
    let retag = source.log.rewrite(begin("placed", "order")).await?;
    let mut import = log.import().await?;
    import.write_retags(vec![retag.clone()]).await?;
    // Of a part that was written when other ids were closed.
    let earlier = Archive { ids: tags(&["order:d", "order:x"]), ..source.archives[2].clone() };
    let open = Archive { state: ArchiveState::Closing, ..source.archives[0].clone() };
    import.write_archives(vec![open, earlier]).await?;
    source.write_to(&mut import).await?;
    let retag = Rewrite { up_to: source.end, events: 7, ..retag };
    import.write_retags(vec![retag.clone()]).await?;
    import.finish().await?;
    source.ensure_same(&log).await?;
    ensure_eq!(log.successors().await?.rewrites(), [retag], "retag that was written last");
    log.expect_accepted(append([event("x", &["order:a", "order:d", "order:x"])])).await?;
    ensure_refused(log.append_one(append([event("x", &["order:c"])])).await, "order:c")
}

async fn log_with_an_archive_or_a_retag_is_refused(log: Log) -> Outcome {
    let other = log.another_log().await?;
    log.archive(close(&["order:a"])).await?;
    other.rewrite(begin("paid", "order")).await?;
    for log in [log, other] {
        let refused = log.import().await;
        ensure!(
            matches!(refused, Err(Error::Unusable { .. })),
            "`import` into a log with an archive or a retag must return `Unusable`"
        );
    }
    Ok(())
}

async fn dropped_import_leaves_all_ids_open(log: Log) -> Outcome {
    let source = Source::new(&log).await?;
    let retag = source.log.rewrite(begin("placed", "order")).await?;
    let mut import = log.import().await?;
    source.write_to(&mut import).await?;
    import.write_retags(vec![retag]).await?;
    drop(import);
    ensure_eq!(log.archives().await?, [], "archives after a dropped import");
    let tombstones = log.tombstones(Position::START, PageLimit::CHUNK).await?;
    ensure_eq!(tombstones, [], "tombstones after a dropped import");
    ensure_eq!(log.successors().await?.rewrites().len(), 0, "number of retags after a dropped import");
    log.expect_accepted(append([event("x", &["order:b"])])).await?;
    ensure_sound(&log).await
}
