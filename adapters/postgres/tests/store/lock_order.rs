//! The order of locks on a table of rows, its view and its checkpoint. Two transactions that take them in different orders can each wait for
//! the other, and the server ends one of them.

use annalist_core::{
    rows::{CommitOutcome, InTransaction, InlineOutcome, RowChange, RowStore, Table, Transactional, Value},
    store::EventStore,
};
use annalist_postgres::Postgres;
use sqlx::{AssertSqlSafe, Executor};
use tokio::task::JoinHandle;

use crate::{
    builds::{Mine, STOCK, built, change, row},
    inline::Tally,
    support::{TestDatabase, until},
};

/// Runs `call` while another session has the table. It waits for that session, and has not locked the checkpoint meanwhile.
async fn waits_without_the_checkpoint<T: 'static>(
    db: &TestDatabase,
    table: &Table,
    call: impl FnOnce() -> JoinHandle<T>,
) -> T {
    let lock = format!("BEGIN; LOCK TABLE annalist_rows.{}", table.name());
    waits_without(db, &lock, "SELECT FROM annalist.builds FOR UPDATE NOWAIT", call).await
}

/// Runs `call` while another session has done `blocking`. It waits for that session, and `free` succeeds meanwhile.
async fn waits_without<T: 'static>(
    db: &TestDatabase,
    blocking: &str,
    free: &str,
    call: impl FnOnce() -> JoinHandle<T>,
) -> T {
    let mut other = db.connection().await;
    other.execute(AssertSqlSafe(blocking)).await.unwrap();
    let called = call();
    until("the call waits", || db.waiting(1)).await;
    let mut third = db.connection().await;
    let free = third.execute(AssertSqlSafe(free)).await;
    other.execute("ROLLBACK").await.unwrap();
    free.expect("the call must not lock this before it has what it waits for");
    called.await.unwrap()
}

fn deleting(item: i64, change: RowChange) -> RowChange {
    RowChange { deletes: vec![vec![Value::Int(item)]], ..change }
}

fn commits(store: &Postgres, change: RowChange) -> JoinHandle<CommitOutcome> {
    let store = store.clone();
    tokio::spawn(async move { store.commit(change).await.unwrap() })
}

pub(crate) async fn changes_lock_the_table_before_the_checkpoint(db: TestDatabase) {
    let store = db.open().await;
    built(&store, &STOCK, vec![row(1, 10)]).await;
    let small = change(&STOCK, 1, 2, vec![row(1, 9)]);
    let upserting_too = deleting(1, change(&STOCK, 2, 3, vec![row(2, 9)]));
    let only_deleting = deleting(2, change(&STOCK, 3, 4, vec![]));
    for change in [small, upserting_too, only_deleting] {
        let done = waits_without_the_checkpoint(&db, &STOCK, || commits(&store, change)).await;
        assert_eq!(done, CommitOutcome::Done);
    }
    // Sessions of a pooler run small changes in a transaction too.
    let shared = Postgres::options().transaction_pooling(true).connect(&db.url).await.unwrap();
    let small = change(&STOCK, 4, 5, vec![row(1, 9)]);
    assert_eq!(
        waits_without_the_checkpoint(&db, &STOCK, || commits(&shared, small)).await,
        CommitOutcome::Done
    );

    let done = waits_without_the_checkpoint(&db, &STOCK, || {
        let store = store.clone();
        let work = Mine { sql: "SELECT 1".to_owned(), fails: false };
        tokio::spawn(async move { commit_with(&store, change(&STOCK, 5, 6, vec![row(1, 8)]), &work).await })
    });
    assert_eq!(done.await, CommitOutcome::Done);
}

async fn commit_with(
    store: &Postgres,
    change: RowChange,
    work: &dyn InTransaction<Postgres>,
) -> CommitOutcome {
    store.commit_with(change, work).await.unwrap().unwrap()
}

pub(crate) async fn transition_to_inline_locks_the_table_before_the_checkpoint(db: TestDatabase) {
    let store = db.open().await;
    store.define(&Tally::TABLE, "", store.log_id()).await.unwrap();
    let done = waits_without_the_checkpoint(&db, &Tally::TABLE, || {
        let store = store.clone();
        tokio::spawn(async move { store.make_inline(Tally::inline()).await.unwrap() })
    });
    assert_eq!(done.await, InlineOutcome::Done);
}

pub(crate) async fn discard_locks_the_view_the_table_and_the_checkpoint_in_this_order(db: TestDatabase) {
    let store = db.open().await;
    let discards = || {
        let store = store.clone();
        tokio::spawn(async move { store.discard(&STOCK).await.unwrap() })
    };
    built(&store, &STOCK, vec![row(1, 10)]).await;
    assert!(waits_without_the_checkpoint(&db, &STOCK, discards).await);

    built(&store, &STOCK.built(1), vec![row(1, 10)]).await;
    // This locks the view alone. A query of the view locks the table after it.
    let blocking = "BEGIN; COMMENT ON VIEW annalist_rows.stock IS ''";
    let free = "BEGIN; LOCK TABLE annalist_rows.stock_v1_1 IN ACCESS SHARE MODE NOWAIT; ROLLBACK";
    let discards = || {
        let store = store.clone();
        tokio::spawn(async move { store.discard(&STOCK.built(1)).await.unwrap() })
    };
    assert!(waits_without(&db, blocking, free, discards).await);
}

pub(crate) async fn change_of_a_build_that_is_discarded_meanwhile_is_refused(db: TestDatabase) {
    let store = db.open().await;
    built(&store, &STOCK, vec![row(1, 10)]).await;
    assert!(store.discard(&STOCK).await.unwrap());
    let large = deleting(1, change(&STOCK, 1, 2, vec![]));
    for change in [change(&STOCK, 1, 2, vec![row(1, 9)]), large] {
        let error = store.commit(change).await.unwrap_err();
        assert!(error.to_string().contains("never defined"), "{error}");
    }
    // The connections are usable afterwards.
    built(&store, &STOCK.built(2), vec![row(1, 10)]).await;
}
