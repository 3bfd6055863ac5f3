//! Pages from memory, of events that the process has itself appended.

use std::sync::Arc;

use annalist_core::{
    criteria::Criteria,
    record::{Draft, Metadata, Name, Position},
    store::{Append, EventStore, FeedPage, KnownSuccessors, PageLimit, Receipt},
    time::Timestamp,
};
use annalist_postgres::Postgres;

use crate::{
    events::{accept, event, fed, noted, tag},
    lost_events::lose_events_after,
    support::TestDatabase,
};

/// An append on behalf of a command, which knows the list of successors.
fn checked(events: impl IntoIterator<Item = Draft>) -> Append {
    let mut metadata = Metadata::default();
    metadata.actor = Some(Name::new("actor", "ann").unwrap());
    Append {
        events: events.into_iter().collect(),
        metadata: Arc::new(metadata),
        recorded_at: Timestamp::from_micros(1_769_860_800_123_457),
        successors: Some(KnownSuccessors { version: 0, added: vec![] }),
        ..Append::default()
    }
}

async fn note(store: &Postgres) -> Receipt {
    accept(store, checked([event("noted", [tag(2), tag(1)])])).await
}

async fn recent(store: &Postgres, after: u64) -> Option<FeedPage> {
    let limit = PageLimit::records(1000);
    store.recent_page(&Criteria::all(), Position::new(after), limit).await.unwrap()
}

/// The positions of the events in memory after a position.
async fn positions(store: &Postgres, after: u64) -> Option<Vec<u64>> {
    let page = recent(store, after).await?;
    Some(page.records.iter().map(|record| record.position.get()).collect())
}

/// A process with a follower, which has handled all events until now.
async fn with_follower(db: &TestDatabase) -> Postgres {
    let store = db.open().await;
    let settled = store.settled().await.unwrap().position.get();
    assert_eq!(recent(&store, settled).await, None);
    store
}

pub(crate) async fn own_events_are_read_from_memory(db: TestDatabase) {
    let store = with_follower(&db).await;
    for _ in 0..3 {
        note(&store).await;
    }
    let page = recent(&store, 0).await.unwrap();
    assert_eq!(page.records, fed(&store).await);
    assert_eq!((page.up_to, page.is_full), (Position::new(3), false));
    assert_eq!(positions(&store, 2).await, Some(vec![3]));
    assert_eq!(positions(&store, 3).await, None);
    // Without a follower no event is in memory.
    let other = db.open().await;
    note(&other).await;
    assert_eq!(positions(&other, 3).await, None);
}

pub(crate) async fn events_of_other_processes_are_not_skipped(db: TestDatabase) {
    let (here, there) = (with_follower(&db).await, db.open().await);
    note(&here).await;
    note(&there).await;
    note(&here).await;
    assert_eq!(positions(&here, 0).await, Some(vec![1]));
    assert_eq!(positions(&here, 1).await, None);
    // The third event is settled once the second one was read, here or by the search for gaps after the append.
    assert_eq!(fed(&here).await.len(), 3);
    assert_eq!(positions(&here, 2).await, Some(vec![3]));
}

/// A list of successors that the process does not know may concern events that are appended without regard to it.
pub(crate) async fn events_appended_without_a_list_of_successors_are_not_in_memory(db: TestDatabase) {
    let store = with_follower(&db).await;
    accept(&store, noted(1)).await;
    assert_eq!(positions(&store, 0).await, None);
    note(&store).await;
    assert_eq!(positions(&store, 0).await, None);
    assert_eq!(positions(&store, 1).await, Some(vec![2]));
}

pub(crate) async fn lost_events_are_not_in_memory(db: TestDatabase) {
    let store = with_follower(&db).await;
    for _ in 0..3 {
        note(&store).await;
    }
    lose_events_after(&db, 1).await;
    // The loss is noticed by the first call that reaches the database.
    assert_eq!(store.settled().await.unwrap().position.get(), 1);
    assert_eq!(positions(&store, 1).await, None);
    note(&store).await;
    assert_eq!(recent(&store, 1).await.unwrap().records, fed(&store).await[1..]);
}
