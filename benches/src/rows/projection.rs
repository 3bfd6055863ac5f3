//! A read model made from all events of a log.

use std::{sync::Arc, time::Instant};

use annalist::{App, Id, Postgres};

use crate::{
    Result,
    domain::{AccountId, Balance},
    hand::{self, balances::Balances},
    harness::{Pair, side},
    place::{Commits, Place},
};

const ACCOUNTS: usize = 1_000;
/// What a page of the baseline holds.
const PAGE: usize = 1_000;

/// How many events the baseline folds in a transaction.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Batches {
    OfOne,
    OfPages,
}

pub(super) async fn prepare(place: &Place, batches: Batches) -> Result<Pair> {
    let events = place.size().of(1_000, 100_000, 100_000);
    let accounts: Vec<AccountId> = (0..ACCOUNTS).map(|_| AccountId::new()).collect();
    let (log, schema) = place.log(Commits::Plain).await?;
    hand::fill(place, &schema, events, &accounts).await?;
    let manual = hand::schema(place).await?;
    hand::fill(place, &manual, events, &accounts).await?;
    let manual = Balances::open_on(place, &manual).await?;
    // Its rate is the same for each event: a part of them tells it.
    let (of_these, batch) = match batches {
        Batches::OfOne => (place.size().of(100, 2_000, 10_000), 1),
        Batches::OfPages => (events, PAGE),
    };
    let url = place.url(Commits::Plain);
    let names = Arc::new(place.fresh_name("rows"));
    Ok(Pair {
        ours: side((log, url, names), move |(log, url, names)| async move {
            let schema = format!("{names}_{:08x}", fastrand::u32(..));
            let rows = Postgres::options().schema(schema).connect(&url).await?;
            project(log, rows, events).await
        }),
        baseline: side(manual, move |manual| async move {
            manual.forget().await?;
            let start = Instant::now();
            let done = manual.run(of_these, batch).await?;
            Ok(done as f64 / start.elapsed().as_secs_f64())
        }),
    })
}

/// From the start of the app until its rows are where the log is. The rows have a place of their own, which is new.
async fn project(log: Postgres, rows: Postgres, events: usize) -> Result<f64> {
    let start = Instant::now();
    let app = App::builder(log).projection_in::<Balance>(rows.clone()).start().await?;
    app.wait_until_caught_up().await?;
    let rate = events as f64 / start.elapsed().as_secs_f64();
    let seen: i64 = app.list::<Balance>().limit(ACCOUNTS).await?.rows.iter().map(Balance::cents).sum();
    app.shut_down().await;
    rows.close().await;
    if seen == events as i64 { Ok(rate) } else { Err(format!("{seen} instead of {events}").into()) }
}
