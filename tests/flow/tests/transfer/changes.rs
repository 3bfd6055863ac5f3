//! Changes of the stored events of a log: archives in all states, and retags.

use std::collections::HashSet;

use annalist::{
    Criteria, EventStore, Position, Record, Tag, Timestamp,
    operate::ArchiveState,
    raw::store::{
        Archive, ArchiveStep, PageLimit, RemovedEvents, RestoreStep, RewriteState, RewriteStep, RewriteTarget,
    },
};
use fastrand::Rng;

async fn records(store: &dyn EventStore) -> Vec<Record> {
    store.feed(&Criteria::all(), Position::START, PageLimit::records(10_000)).await.unwrap().records
}

async fn closed(store: &dyn EventStore) -> HashSet<Tag> {
    let archives = store.archives().await.unwrap();
    archives.into_iter().filter(Archive::is_closed).flat_map(|archive| archive.ids).collect()
}

/// Closes ids.
pub(crate) async fn close(store: &dyn EventStore, ids: Vec<Tag>) -> Archive {
    let (file, actor) = ("an archive '\"\\é.jsonl".to_owned(), Some("ann \"é\"".to_owned()));
    store.archive(ArchiveStep::Close { ids, file, actor, at: Timestamp::from_micros(7) }).await.unwrap()
}

/// Removes the events of closed ids. Returns them, too.
pub(crate) async fn remove(store: &dyn EventStore, archive: &Archive) -> (Archive, Vec<Record>) {
    let closed = closed(store).await;
    let mut leaving = records(store).await;
    leaving.retain(|record| {
        record.tags.iter().any(|tag| archive.ids.contains(tag))
            && record.tags.iter().all(|tag| closed.contains(tag))
    });
    let position = |record: Option<&Record>| record.map(|record| record.position).unwrap_or_default();
    let removed = RemovedEvents {
        events: leaving.len() as u64,
        first: position(leaving.first()),
        last: position(leaving.last()),
        checksum: "0f".repeat(32),
        shared_with: (1..archive.number).collect(),
        at: Timestamp::from_micros(8),
    };
    let step = ArchiveStep::Remove { number: archive.number, file: archive.file.clone(), removed };
    (store.archive(step).await.unwrap(), leaving)
}

/// Archives some ids, opens some of them again, leaves one archive incomplete, and begins retags.
pub(crate) async fn change(store: &dyn EventStore, random: &mut Rng) {
    let all = records(store).await;
    let mut ids: Vec<Tag> = all.iter().flat_map(|record| record.tags.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    random.shuffle(&mut ids);
    for _ in 0..random.usize(..4) {
        let some: Vec<Tag> = ids.split_off(ids.len() - random.usize(..=ids.len().min(6)));
        if some.is_empty() {
            continue;
        }
        let archive = close(store, some).await;
        if random.u8(..4) == 0 {
            break;
        }
        let (archive, left) = remove(store, &archive).await;
        if random.u8(..3) == 0 {
            open(store, &archive, left).await;
        }
    }
    for kind in ["branch", "till"].into_iter().take(random.usize(..3)) {
        add_tags(store, &all[random.usize(..all.len())].name, kind, random).await;
    }
}

async fn open(store: &dyn EventStore, archive: &Archive, records: Vec<Record>) {
    let at = Timestamp::from_micros(9);
    let step = RestoreStep { number: archive.number, events: Box::new(records), at };
    let opened = store.restore(step).await.unwrap();
    assert_eq!(opened.state, ArchiveState::Opened);
}

/// Adds tags to some events with a name, and possibly completes the retag.
pub(crate) async fn add_tags(store: &dyn EventStore, name: &str, kind: &str, random: &mut Rng) {
    let begin = RewriteStep {
        name: name.to_owned(),
        target: RewriteTarget::Tags { kind: kind.to_owned() },
        found: None,
        state: RewriteState::Running,
        up_to: Position::START,
        events: 0,
        tags: Vec::new(),
        payloads: Vec::new(),
        actor: random.bool().then(|| "ann '\"\\é".to_owned()),
        at: Timestamp::from_micros(5),
    };
    let mut retag = store.rewrite(begin.clone()).await.unwrap();
    let mut events = records(store).await;
    events.retain(|record| record.name == name);
    let end = store.settled().await.unwrap().position;
    let is_all = random.bool();
    let count = if is_all { events.len() } else { random.usize(..=events.len()) };
    let some = &events[..count];
    let tag = |record: &Record| Tag::new(kind, record.position).unwrap();
    let up_to = if is_all { end } else { some.last().map_or(Position::START, |record| record.position) };
    let states = [RewriteState::Running, RewriteState::Closing, RewriteState::Complete];
    for state in &states[..if is_all { 3 } else { random.usize(1..3) }] {
        let tags = if *state == RewriteState::Running { some } else { &[] };
        let step = RewriteStep {
            found: Some((retag.state, retag.up_to)),
            state: *state,
            up_to,
            events: tags.len() as u64,
            tags: tags.iter().map(|record| (record.position, vec![tag(record)])).collect(),
            ..begin.clone()
        };
        retag = store.rewrite(step).await.unwrap();
    }
}
