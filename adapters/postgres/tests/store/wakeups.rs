//! Notifications between processes. A store with a pool of its own represents a process.

use std::{sync::Arc, time::Duration};

use annalist_core::{
    criteria::Criteria,
    feed::{Feed, LogWatcher},
    record::Position,
    store::{EventStore, PageLimit, Wakeups},
};
use annalist_postgres::Postgres;
use sqlx::postgres::PgListener;
use tokio::time::{Instant, timeout};

use crate::{
    events::{accept, fed, noted},
    support::{DEFAULT_TIMEOUT, TestDatabase, until},
};

const CHANNEL: &str = "annalist_appended";

/// Waits for the next wake-up. It must come from the channel, because these tests do not poll the log.
pub(crate) async fn next_wakeup(wakeups: &mut Wakeups) {
    timeout(DEFAULT_TIMEOUT, wakeups.next()).await.unwrap();
}

/// The wake-ups of a process that has begun to listen.
pub(crate) async fn listen(store: &Postgres) -> Wakeups {
    let mut wakeups = store.wakeups();
    next_wakeup(&mut wakeups).await;
    wakeups
}

/// A second listener, which sees all notifications.
async fn listener(db: &TestDatabase) -> PgListener {
    let mut listener = PgListener::connect(&db.url).await.unwrap();
    listener.listen(CHANNEL).await.unwrap();
    listener
}

/// The sessions that are listening.
const LISTENERS: &str = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";

async fn listeners(db: &TestDatabase) -> i64 {
    db.number(&format!("SELECT count(*) {LISTENERS}")).await
}

async fn cut(db: &TestDatabase) {
    db.number(&format!("SELECT count(pg_terminate_backend(pid)) {LISTENERS}")).await;
}

pub(crate) async fn other_process_is_notified_of_an_append(db: TestDatabase) {
    let (here, there) = (db.open().await, db.open().await);
    let mut wakeups = listen(&there).await;
    for value in 0..5 {
        accept(&here, noted(value)).await;
        next_wakeup(&mut wakeups).await;
    }
    // A second follower shares the connection.
    let mut others = there.wakeups();
    accept(&here, noted(5)).await;
    next_wakeup(&mut others).await;
    next_wakeup(&mut wakeups).await;
    assert_eq!(listeners(&db).await, 1);
}

pub(crate) async fn no_notification_without_a_foreign_event(db: TestDatabase) {
    let (here, there) = (db.open().await, db.open().await);
    let (mut wakeups, mut listener) = (listen(&there).await, listener(&db).await);
    // Neither its own appends nor appends without events wake a process.
    accept(&here, annalist_core::store::Append::default()).await;
    accept(&there, noted(1)).await;
    listener.recv().await.unwrap();
    db.run(&format!("NOTIFY {CHANNEL}, 'by hand'")).await;
    assert_eq!(listener.recv().await.unwrap().payload(), "by hand");
    next_wakeup(&mut wakeups).await;
    // The manual notification was the last in the channel.
    assert!(timeout(Duration::ZERO, wakeups.next()).await.is_err());
}

pub(crate) async fn many_appends_share_a_notification(db: TestDatabase) {
    let (store, mut listener) = (db.open().await, listener(&db).await);
    let began = Instant::now();
    for value in 0..300 {
        accept(&store, noted(value)).await;
    }
    // At least one notification follows the last append, and a pause precedes each but the first.
    let mut pauses = 0;
    loop {
        listener.recv().await.unwrap();
        let passed = began.elapsed();
        assert!(Duration::from_millis(10) * pauses <= passed, "{pauses} notifications and one in {passed:?}");
        if fed(&store).await.len() == 300 {
            break;
        }
        pauses += 1;
    }
}

pub(crate) async fn listener_reconnects_after_a_lost_connection(db: TestDatabase) {
    let (here, there) = (db.open().await, db.open().await);
    let mut wakeups = listen(&there).await;
    for value in 0..3 {
        cut(&db).await;
        // Notifications may have been missed, so there is a wake-up after reconnecting.
        next_wakeup(&mut wakeups).await;
        accept(&here, noted(value)).await;
        next_wakeup(&mut wakeups).await;
    }
}

pub(crate) async fn listen_connection_lasts_while_wakeups_are_in_use(db: TestDatabase) {
    let store = db.open().await;
    accept(&store, noted(1)).await;
    assert_eq!(listeners(&db).await, 0, "no follower yet");
    let wakeups = listen(&store).await;
    let others = wakeups.clone();
    drop(wakeups);
    assert_eq!(listeners(&db).await, 1);
    drop(others);
    until("no session is listening", || async { listeners(&db).await == 0 }).await;
    let _wakeups = listen(&store).await;
    store.close().await;
    until("no session is listening", || async { listeners(&db).await == 0 }).await;
}

/// Asserts that a feed of another process returns every event, with or without notifications.
async fn assert_follows(here: &Postgres, there: Postgres) {
    let there: Arc<dyn EventStore> = Arc::new(there);
    let mut feed = Feed::new(LogWatcher::new(there), Criteria::all());
    for value in 0..20 {
        let receipt = accept(here, noted(value)).await;
        while feed.position() < receipt.position() {
            timeout(DEFAULT_TIMEOUT, feed.next()).await.unwrap().unwrap();
        }
    }
}

pub(crate) async fn feeds_continue_without_notifications(db: TestDatabase) {
    let silent = || Postgres::options().listen_notify(false).connect(&db.url);
    assert_follows(&silent().await.unwrap(), silent().await.unwrap()).await;
    assert_eq!(listeners(&db).await, 0);
    // One process does not notify.
    assert_follows(&silent().await.unwrap(), db.open().await).await;
    // One process cannot open its listening connection.
    let (role, url) = db.role().await;
    db.run(&format!(
        "GRANT USAGE ON SCHEMA annalist TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA annalist TO {role};
             ALTER ROLE {role} CONNECTION LIMIT 1"
    ))
    .await;
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
    let one = Postgres::options().with_pool(pool).await.unwrap();
    let mut wakeups = one.wakeups();
    assert_follows(&db.open().await, one).await;
    assert!(timeout(Duration::ZERO, wakeups.next()).await.is_err(), "it could not listen");
}

pub(crate) async fn notifications_need_no_privileges(db: TestDatabase) {
    let store = db.open().await;
    let (role, url) = db.role().await;
    db.run(&format!(
        "GRANT USAGE ON SCHEMA annalist TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA annalist TO {role};
             ALTER ROLE {role} SET default_transaction_read_only TO on"
    ))
    .await;
    let reader = Postgres::connect(&url).await.unwrap();
    let mut wakeups = listen(&reader).await;
    let receipt = accept(&store, noted(1)).await;
    next_wakeup(&mut wakeups).await;
    let page = reader.feed(&Criteria::all(), Position::START, PageLimit::records(10)).await.unwrap();
    assert_eq!(page.up_to, receipt.position());
}
