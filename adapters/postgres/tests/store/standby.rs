//! A standby waits at a gap until the primary has closed it.

use std::sync::Arc;

use annalist_cluster::Cluster;
use annalist_core::{
    BoxError,
    criteria::Criteria,
    error::Error,
    feed::{Feed, LogWatcher},
    record::Position,
    store::{EventStore, PageLimit},
};
use annalist_postgres::Postgres;
use sqlx::{Connection, PgConnection};
use tokio::{task::spawn_blocking, time::timeout};

use crate::{
    events::{accept, fed, log, noted},
    support::{DEFAULT_TIMEOUT, run, until},
};

#[tokio::main]
pub(crate) async fn standby_follows_and_waits_at_gaps() -> Result<(), BoxError> {
    let (primary, replica) = spawn_blocking(|| {
        let primary = Cluster::start()?;
        let replica = primary.standby()?;
        Ok::<_, annalist_cluster::Error>((primary, replica))
    })
    .await??;
    let store = Postgres::connect(&primary.url()).await?;
    for value in 0..50 {
        accept(&store, noted(value % 7)).await;
    }
    let last = log(&store).await.last().map_or(Position::START, |last| last.position);
    until("the log has reached the standby", || async {
        run(&replica.url(), "SELECT id FROM annalist.log").await.is_ok()
    })
    .await;
    let standby = Postgres::connect(&replica.url()).await?;
    assert_eq!(standby.log_id(), store.log_id());
    let follower = tokio::spawn(follow(standby.clone(), 52));
    until("the standby shows everything", || async { log(&standby).await.len() == 50 }).await;
    assert_eq!(fed(&standby).await, log(&store).await);

    // A writer is assigned a position and keeps its transaction open while later events are committed.
    let mut writer = PgConnection::connect(&primary.url()).await?;
    let gap = open_gap(&mut writer).await?;
    accept(&store, noted("later")).await;
    until("the event after the gap is on the standby", || async { log(&standby).await.len() == 51 }).await;
    until("the standby reports the gap", || async {
        let page = standby.feed(&Criteria::all(), last, PageLimit::records(10)).await.unwrap();
        assert!(page.records.is_empty() && page.up_to < gap, "{page:?}");
        page.gap.is_some_and(|found| found.position == gap && !found.reason.is_empty())
    })
    .await;

    // An append is refused with advice.
    let refused = standby.append_one(noted("here")).await.unwrap_err();
    assert!(matches!(refused, Error::Unusable { .. }), "{refused:?}");
    assert!(refused.to_string().contains("primary"), "{refused}");

    // The writer gives up; the primary closes the gap, and the standby continues without having closed anything.
    sqlx::raw_sql("ROLLBACK").execute(&mut writer).await?;
    accept(&store, noted("after")).await;
    until("the standby continues", || async { fed(&standby).await.len() == 52 }).await;
    assert_eq!(fed(&standby).await, log(&store).await);
    timeout(DEFAULT_TIMEOUT, follower).await??;
    Ok(())
}

/// Follows the log until it has seen so many events. There are no notifications: a standby cannot listen.
async fn follow(standby: Postgres, events: usize) {
    let mut feed = Feed::new(LogWatcher::new(Arc::new(standby)), Criteria::all());
    let mut seen = 0;
    while seen < events {
        seen += feed.next().await.unwrap().records.len();
    }
}

/// Inserts an event without the store, and leaves the transaction open.
async fn open_gap(writer: &mut PgConnection) -> Result<Position, BoxError> {
    sqlx::raw_sql("BEGIN").execute(&mut *writer).await?;
    let drawn: i64 =
        sqlx::query_scalar("SELECT nextval(pg_get_serial_sequence('annalist.events', 'position'))")
            .fetch_one(&mut *writer)
            .await?;
    sqlx::query(
        "INSERT INTO annalist.events (position, id, type, version, recorded_at, tags, data, metadata) \
         OVERRIDING SYSTEM VALUE VALUES ($1, gen_random_uuid(), 'noted', 1, now(), '{}', '{}', '{}')",
    )
    .bind(drawn)
    .execute(&mut *writer)
    .await?;
    Ok(Position::new(u64::try_from(drawn)?))
}
