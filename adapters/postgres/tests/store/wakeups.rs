//! What processes tell each other of their appends. A handle with connections of its own stands for a process.

use std::{sync::Arc, time::Duration};

use annalist_core::{
    criteria::Criteria,
    feed::{Feed, LogWatcher},
    record::Position,
    store::{EventStore, Wakeups},
};
use annalist_postgres::Postgres;
use sqlx::postgres::PgListener;
use tokio::time::{Instant, timeout};

use crate::{
    events::{accept, fed, noted},
    given::{DEFAULT_TIMEOUT, Place, until},
};

const CHANNEL: &str = "annalist_appended";

/// The next hint. Nobody looks at the log here, so it comes from the channel or not at all.
async fn hinted(wakeups: &mut Wakeups) {
    timeout(DEFAULT_TIMEOUT, wakeups.next()).await.unwrap();
}

/// What a process hears, from when it has begun to listen.
async fn listening(store: &Postgres) -> Wakeups {
    let mut wakeups = store.wakeups();
    hinted(&mut wakeups).await;
    wakeups
}

/// Somebody who listens beside us.
async fn witness(place: &Place) -> PgListener {
    let mut witness = PgListener::connect(&place.url).await.unwrap();
    witness.listen(CHANNEL).await.unwrap();
    witness
}

/// The sessions that listen.
const LISTENERS: &str = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";

async fn listeners(place: &Place) -> i64 {
    place.number(&format!("SELECT count(*) {LISTENERS}")).await
}

async fn cut(place: &Place) {
    place.number(&format!("SELECT count(pg_terminate_backend(pid)) {LISTENERS}")).await;
}

pub(crate) async fn another_process_is_told(place: Place) {
    let (here, there) = (place.open().await, place.open().await);
    let mut wakeups = listening(&there).await;
    for value in 0..5 {
        accept(&here, noted(value)).await;
        hinted(&mut wakeups).await;
    }
    // A second one that follows shares the connection.
    let mut others = there.wakeups();
    accept(&here, noted(5)).await;
    hinted(&mut others).await;
    hinted(&mut wakeups).await;
    assert_eq!(listeners(&place).await, 1);
}

pub(crate) async fn nobody_is_told_of_nothing(place: Place) {
    let (here, there) = (place.open().await, place.open().await);
    let (mut wakeups, mut witness) = (listening(&there).await, witness(&place).await);
    // Neither its own appends nor those that write no event make a process look.
    accept(&here, annalist_core::store::Append::default()).await;
    accept(&there, noted(1)).await;
    witness.recv().await.unwrap();
    place.run(&format!("NOTIFY {CHANNEL}, 'by hand'")).await;
    assert_eq!(witness.recv().await.unwrap().payload(), "by hand");
    hinted(&mut wakeups).await;
    // The one by hand was behind all others in the channel.
    assert!(timeout(Duration::ZERO, wakeups.next()).await.is_err());
}

pub(crate) async fn many_appends_are_told_of_at_once(place: Place) {
    let (store, mut witness) = (place.open().await, witness(&place).await);
    let began = Instant::now();
    for value in 0..300 {
        accept(&store, noted(value)).await;
    }
    // One at least comes behind the last append, and before each but the first there was a pause.
    let mut pauses = 0;
    loop {
        witness.recv().await.unwrap();
        let passed = began.elapsed();
        assert!(Duration::from_millis(10) * pauses <= passed, "told {pauses} times and once in {passed:?}");
        if fed(&store).await.len() == 300 {
            break;
        }
        pauses += 1;
    }
}

pub(crate) async fn who_is_cut_off_listens_again(place: Place) {
    let (here, there) = (place.open().await, place.open().await);
    let mut wakeups = listening(&there).await;
    for value in 0..3 {
        cut(&place).await;
        // Something may have been missed: the first hint says so.
        hinted(&mut wakeups).await;
        accept(&here, noted(value)).await;
        hinted(&mut wakeups).await;
    }
}

pub(crate) async fn the_connection_lasts_as_long_as_somebody_follows(place: Place) {
    let store = place.open().await;
    accept(&store, noted(1)).await;
    assert_eq!(listeners(&place).await, 0, "nobody follows yet");
    let wakeups = listening(&store).await;
    let others = wakeups.clone();
    drop(wakeups);
    assert_eq!(listeners(&place).await, 1);
    drop(others);
    until("nobody listens any more", || async { listeners(&place).await == 0 }).await;
    let _hints = listening(&store).await;
    store.close().await;
    until("nobody listens any more", || async { listeners(&place).await == 0 }).await;
}

/// A feed of another process gets everything, whatever becomes of the hints.
async fn follows(here: &Postgres, there: Postgres) {
    let there: Arc<dyn EventStore> = Arc::new(there);
    let mut feed = Feed::new(LogWatcher::new(there), Criteria::all());
    for value in 0..20 {
        let receipt = accept(here, noted(value)).await;
        while feed.position() < receipt.position() {
            timeout(DEFAULT_TIMEOUT, feed.next()).await.unwrap().unwrap();
        }
    }
}

pub(crate) async fn feeds_go_on_without_hints(place: Place) {
    let silent = || Postgres::options().listen_notify(false).connect(&place.url);
    follows(&silent().await.unwrap(), silent().await.unwrap()).await;
    assert_eq!(listeners(&place).await, 0);
    // One of them does not speak.
    follows(&silent().await.unwrap(), place.open().await).await;
    // One of them does not get its connection.
    let (role, url) = place.role().await;
    place
        .run(&format!(
            "GRANT USAGE ON SCHEMA annalist TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA annalist TO {role};
             ALTER ROLE {role} CONNECTION LIMIT 1"
        ))
        .await;
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
    let one = Postgres::options().with_pool(pool).await.unwrap();
    let mut wakeups = one.wakeups();
    follows(&place.open().await, one).await;
    assert!(timeout(Duration::ZERO, wakeups.next()).await.is_err(), "it could not listen");
}

pub(crate) async fn hints_need_no_rights(place: Place) {
    let store = place.open().await;
    let (role, url) = place.role().await;
    place
        .run(&format!(
            "GRANT USAGE ON SCHEMA annalist TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA annalist TO {role};
             ALTER ROLE {role} SET default_transaction_read_only TO on"
        ))
        .await;
    let reader = Postgres::connect(&url).await.unwrap();
    let mut wakeups = listening(&reader).await;
    let receipt = accept(&store, noted(1)).await;
    hinted(&mut wakeups).await;
    let page = reader.feed(&Criteria::all(), Position::START, 10).await.unwrap();
    assert_eq!(page.up_to, receipt.position());
}
