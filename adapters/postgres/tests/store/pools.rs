//! Pools of the user whose connections are in use elsewhere.

use std::time::Duration;

use annalist_core::{
    Error,
    criteria::Criteria,
    record::Position,
    rows::{CommitOutcome, InlineOutcome, RowQuery, RowStore, Transactional},
    store::{AppendOutcome, EventStore, PageLimit, Read},
    time::Timestamp,
};
use annalist_postgres::{PgPool, Postgres};
use futures_util::future::join_all;
use sqlx::{Transaction, postgres::PgPoolOptions};

use crate::{
    builds::{Mine, STOCK, built, change, row},
    events::{accept, command, log, noted},
    inline::{Tally, folding},
    snapshots,
    support::TestDatabase,
};

/// How long the store waits. The pool itself would wait for 30 seconds.
const LIMIT: Duration = Duration::from_millis(150);

async fn pool_of(db: &TestDatabase, connections: u32) -> (PgPool, Postgres) {
    let pool = PgPoolOptions::new().max_connections(connections).connect(&db.url).await.unwrap();
    let store = Postgres::options().timeout(LIMIT).with_pool(pool.clone()).await.unwrap();
    (pool, store)
}

/// Transactions that use all connections of a pool.
async fn exhaust(pool: &PgPool, connections: u32) -> Vec<Transaction<'static, sqlx::Postgres>> {
    let mut transactions = Vec::new();
    for _ in 0..connections {
        transactions.push(pool.begin().await.unwrap());
    }
    transactions
}

/// SQL of the user in a transaction of the store.
fn nothing() -> Mine {
    Mine { sql: "SELECT 1".to_owned(), fails: false }
}

fn explained<T: std::fmt::Debug>(call: &str, result: Result<T, Error>) {
    let error = result.map_err(|error| (error.is_unavailable(), error.to_string()));
    let Err((true, message)) = error else { panic!("{call}: {error:?}") };
    for part in ["within 150ms", "all 5 are in use", "transactions of the caller", "a pool of its own"] {
        assert!(message.contains(part), "{call}: {message}");
    }
}

pub(crate) async fn exhausted_pool_of_the_user_is_explained(db: TestDatabase) {
    let (pool, store) = pool_of(&db, 5).await;
    built(&store, &STOCK, vec![row(1, 10)]).await;
    let transactions = exhaust(&pool, 5).await;
    let key = command("c");
    let all = Criteria::all();
    let start = Position::START;
    let query = RowQuery { table: &STOCK, filters: vec![], sort: None, after: None, limit: 1 };
    // More callers than are executed at once: the others wait in the queues.
    for result in join_all((0..20).map(|value| store.append_one(noted(value)))).await {
        explained("append", result);
    }
    for result in join_all((0..20).map(|_| async { store.read(&[Read::all(Criteria::all())]).await })).await {
        explained("read", result.map(drop));
    }
    explained("read_chunked", store.read_chunked(&Read::all(all.clone()), &mut |_| Ok(())).await);
    explained("receipt", store.receipt(&key).await);
    explained("feed", store.feed(&all, start, PageLimit::records(1)).await.map(drop));
    explained("settled", store.settled().await);
    explained("prefix_at", store.prefix_at(Timestamp::EPOCH).await);
    explained("journal", store.journal(0, PageLimit::records(1)).await.map(drop));
    explained("count", store.count(&all, start, Position::END).await);
    explained("snapshot", store.snapshot(&snapshots::of(1)).await);
    explained("save_snapshot", store.save_snapshot(&snapshots::of(1), &snapshots::at(1)).await);
    explained("purge_command_ids", store.purge_command_ids(Timestamp::EPOCH, "".."z").await);
    explained("builds", store.builds("stock").await.map(drop));
    explained("define", store.define(&STOCK, "", store.log_id()).await);
    explained("rows", store.rows(&STOCK, &[row(1, 1)[..1].to_vec()]).await);
    explained("replace_claim", store.replace_claim(&STOCK, None, None).await);
    explained("find", store.find(&query).await);
    explained("commit", store.commit(change(&STOCK, 1, 2, vec![row(2, 1)])).await);
    explained("commit of a checkpoint", store.commit(change(&STOCK, 1, 2, vec![])).await);
    explained("commit_with", store.commit_with(change(&STOCK, 1, 2, vec![]), &nothing()).await);
    explained("report", store.report(&STOCK, None).await);
    explained("parked", store.parked(&STOCK).await.map(drop));
    explained("promote", store.promote(&STOCK, false).await);
    explained("discard", store.discard(&STOCK).await);
    explained("make_async", store.make_async(&STOCK).await);
    explained("open", Postgres::options().timeout(LIMIT).with_pool(pool.clone()).await);
    drop(transactions);
    assert!(log(&store).await.is_empty(), "what was given up is not written later");
    accept(&store, noted(1)).await;
}

/// No call waits for a second connection while it holds one.
pub(crate) async fn calls_on_a_pool_of_one_connection_need_no_second_one(db: TestDatabase) {
    let (_, store) = pool_of(&db, 1).await;
    built(&store, &STOCK, vec![row(1, 10)]).await;
    let stale = Ok(CommitOutcome::Stale(Position::new(1)));
    assert_eq!(store.commit(change(&STOCK, 7, 8, vec![row(1, 1)])).await.map_err(drop), stale);
    assert_eq!(store.commit(change(&STOCK, 7, 8, vec![])).await.map_err(drop), stale);
    let done = store.commit_with(change(&STOCK, 7, 8, vec![]), &nothing()).await.unwrap();
    assert_eq!(done.map_err(drop), stale);
    assert_eq!(store.make_inline(Tally::inline()).await.map_err(drop), Err(()), "it is not defined yet");
    store.define(&Tally::TABLE, "", store.log_id()).await.unwrap();
    assert_eq!(store.make_inline(Tally::inline()).await.unwrap(), InlineOutcome::Done);
    let builds = vec![(&Tally::TABLE).into()];
    let refused = store.append_one(noted(1)).await.unwrap();
    assert_eq!(refused, AppendOutcome::InlineRequired { index: 0, builds });
    accept(&store, folding(noted(1))).await;
}

/// The only connection of the pool was opened in a runtime that has ended. An append on it would end with an unknown outcome.
pub(crate) async fn append_uses_no_connection_of_an_ended_runtime(db: TestDatabase) {
    let url = db.url.clone();
    let opened = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
            let pool = pool.connect(&url).await.unwrap();
            let store = Postgres::options().with_pool(pool.clone()).await.unwrap();
            while pool.num_idle() == 0 {
                tokio::task::yield_now().await;
            }
            store
        })
    });
    let store = opened.join().unwrap();
    accept(&store, noted(1)).await;
    assert_eq!(log(&store).await.len(), 1);
}
