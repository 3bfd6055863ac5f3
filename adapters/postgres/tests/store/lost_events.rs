//! A log that loses events without a new connection: an older copy is restored into its tables.

use annalist_cluster::{PoolMode, Pooler};
use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::Position,
    store::{Append, EventStore, Marker, PageLimit, Read},
};
use annalist_postgres::Postgres;

use crate::{
    events::{accept, fed, log, noted, provided, tagged},
    support::{TestDatabase, server},
};

/// Removes the events after a position, as if they had never been appended.
pub(crate) async fn lose_events_after(db: &TestDatabase, position: u64) {
    db.run(&format!(
        "BEGIN; DELETE FROM annalist.event_tags WHERE position > {position}; DELETE FROM annalist.events WHERE position > {position};
         UPDATE annalist.log SET high_water = least(high_water, {position});
         SELECT setval('annalist.events_position_seq', {position}); COMMIT"
    ))
    .await;
}

async fn marker_of(store: &Postgres, value: u32) -> Marker {
    store.read(&[Read::all(tagged(value))]).await.unwrap()[0].marker
}

async fn settled(store: &Postgres) -> u64 {
    store.settled().await.unwrap().position.get()
}

fn is_refused<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("has gone back"), "{error:?}");
}

/// What each call does that finds out first, before and after other events have taken the positions.
async fn check(db: &TestDatabase, store: &Postgres) {
    let other = db.open().await;
    let mut epoch = store.epoch();
    accept(store, noted(0)).await;
    for is_filled in [false, true] {
        for first in ["append", "read", "settled"] {
            let before = settled(store).await;
            for _ in 0..3 {
                accept(store, noted(7)).await;
            }
            let marker = marker_of(store, 7).await;
            assert_eq!(settled(store).await, before + 3);
            lose_events_after(db, before).await;
            if is_filled {
                for _ in 0..3 {
                    accept(&other, noted(7)).await;
                }
            }
            let based_on_it = || Append { conditions: provided(tagged(7), marker), ..noted(7) };
            match first {
                "append" => is_refused(store.append_one(based_on_it()).await),
                "read" => match store.read(&[Read::all(tagged(7)).after(Position::new(before + 3))]).await {
                    // The task that closes gaps was first: the read is of the new epoch, and does not continue the earlier one.
                    Ok(batches) => assert!(!marker.is_of_epoch(batches[0].marker.epoch())),
                    refused => is_refused(refused),
                },
                _ => assert_eq!(settled(store).await, if is_filled { before + 3 } else { before }),
            }
            epoch += 1;
            assert_eq!(store.epoch(), epoch, "{first}");
            // The marker does not hold in any later call either.
            is_refused(store.append_one(based_on_it()).await);
            assert_eq!(store.epoch(), epoch);
            assert_eq!(fed(store).await, log(&other).await);
            let marker = marker_of(store, 7).await;
            accept(store, Append { conditions: provided(tagged(7), marker), ..noted(7) }).await;
            assert_eq!(fed(store).await, log(&other).await);
        }
    }
}

pub(crate) async fn calls_notice_that_the_log_has_lost_events(db: TestDatabase) {
    check(&db, &db.open().await).await;
    check(&db, &db.open_with("").await).await;
}

pub(crate) async fn calls_behind_a_pooler_notice_it_too(db: TestDatabase) {
    let pooler = Pooler::start(&server().unwrap(), PoolMode::Transaction, 4, &[]).unwrap();
    check(&db, &Postgres::connect(&pooler.url_of(&db.database)).await.unwrap()).await;
}

/// A process that closes after the loss must not save its high-water mark: the next one would skip the events below it.
pub(crate) async fn mark_beyond_the_log_is_not_saved(db: TestDatabase) {
    let store = db.open().await;
    for value in 0..30 {
        accept(&store, noted(value)).await;
    }
    assert_eq!(settled(&store).await, 30);
    lose_events_after(&db, 10).await;
    store.close().await;

    let store = db.open().await;
    assert_eq!(settled(&store).await, 10);
    for value in 0..5 {
        accept(&store, noted(value)).await;
    }
    let page = store.feed(&Criteria::all(), Position::new(10), PageLimit::records(100)).await.unwrap();
    assert_eq!(page.records.len(), 5);
}
