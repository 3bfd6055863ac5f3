//! Queries of a process while another one replaces the build that they read, and deletes it.
#![allow(clippy::expect_used, reason = "a check fails by panicking")]

use std::sync::Arc;

use annalist::{App, Error, EventStore, raw::rows::SharedRows, store::RowQuery};
use tokio::task::JoinHandle;

use crate::{
    domain::{account, deposit},
    faulty_rows::{FaultPoint, FaultyRows, RowFault},
    read_model::Balance,
    test_log::wait_until,
};

/// A process with the read model, and its rows for holding calls.
async fn process(store: Arc<dyn EventStore>) -> (App, Arc<FaultyRows>) {
    let rows: SharedRows = store.row_store().expect("a row store");
    let rows = Arc::new(FaultyRows::new(rows));
    let builder = App::builder(store).rows(Arc::clone(&rows)).projection::<Balance>();
    (builder.start().await.expect("an app"), rows)
}

/// Replaces the live build by the one with this number, and deletes it.
async fn replace_build(app: &App, number: u32) {
    app.rebuild("balances").await.expect("a rebuild");
    wait_until(app, "balances", |status| status.reads.is_some_and(|table| table.build == number)).await;
    assert_eq!(app.discard_old_builds("balances").await.expect("the older builds"), 1);
}

/// Starts a query, whose answer is 7 in each build.
type StartQuery = fn(App) -> JoinHandle<Result<i64, Error>>;

/// Each kind of query is held on its way to the rows of the build that the process knows, until another process has deleted
/// that build.
pub async fn check_held_queries(open: impl AsyncFn() -> Arc<dyn EventStore>) {
    let ((app, _), (other, rows)) = (process(open().await).await, process(open().await).await);
    let receipt = app.execute(deposit("ann", 7)).await.expect("a deposit");
    other.find::<Balance>(&account("ann")).after(&receipt).await.expect("a row");
    app.find::<Balance>(&account("ann")).after(&receipt).await.expect("a row");

    let queries: [StartQuery; 4] = [
        |app| {
            let find = app.find::<Balance>(&account("ann")).into_future();
            tokio::spawn(async move { Ok(find.await?.map_or(0, |row| row.cents)) })
        },
        |app| {
            let list = app.list::<Balance>().into_future();
            tokio::spawn(async move { Ok(list.await?.rows.iter().map(|row| row.cents).sum()) })
        },
        |app| tokio::spawn(async move { Ok(app.list::<Balance>().count().await?.cast_signed() + 6) }),
        |app| tokio::spawn(async move { Ok(app.list::<Balance>().sum("cents").await? as i64) }),
    ];
    for (query, number) in queries.into_iter().zip(1..) {
        let known = other.statuses()[0].1.reads.expect("a build to read");
        assert_eq!(known.build, number - 1, "the build that the other process knows");
        rows.plan(FaultPoint::Reads, RowFault::Held);
        let query = query(other.clone());
        rows.until_injected().await;
        replace_build(&app, number).await;
        let all = RowQuery { table: &known, filters: Vec::new(), sort: None, after: None, limit: 1 };
        let control = app.store().row_store().expect("a row store").find(&all).await;
        assert!(
            matches!(control, Err(Error::Unusable { .. })),
            "the error that the query gets first: {control:?}"
        );
        rows.end_faults();
        let answer = query.await.expect("no panic").expect("an answer of the new build");
        assert_eq!(answer, 7, "query {number}");
        wait_until(&other, "balances", |status| status.reads.is_some_and(|table| table.build == number))
            .await;
    }
}

/// The runner of the other process finds that its build is deleted when it writes the next event to it, and the query waits for that
/// event.
pub async fn check_waiting_queries(open: impl AsyncFn() -> Arc<dyn EventStore>) {
    let ((app, _), (other, _)) = (process(open().await).await, process(open().await).await);
    for number in 1..=3 {
        replace_build(&app, number).await;
        let receipt = app.execute(deposit("ann", 7)).await.expect("a deposit");
        let row = other.find::<Balance>(&account("ann")).after(&receipt).await.expect("an answer");
        assert_eq!(row.map(|row| row.cents), Some(7 * i64::from(number)));
    }
}

/// A query fails with the error of the store, and does not wait for another build, if its build is stored.
pub async fn check_other_errors(open: impl AsyncFn() -> Arc<dyn EventStore>) {
    let (app, rows) = process(open().await).await;
    app.wait_until_caught_up().await.expect("caught up");
    rows.plan(FaultPoint::Reads, RowFault::Fails);
    let error = app.find::<Balance>(&account("ann")).await.expect_err("the injected error");
    assert!(error.is_unavailable(), "{error:?}");
}
