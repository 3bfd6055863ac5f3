//! A read model built from all events of a log.

use std::{sync::Arc, time::Instant};

use annalist::{App, Id, Postgres};

use crate::{
    Result,
    baseline::{self, balances::Balances},
    domain::{AccountId, Balance},
    environment::{Commits, Environment},
    harness::{Pair, side},
};

const ACCOUNTS: usize = 1_000;
/// The page size of the baseline.
const PAGE: usize = 1_000;

/// The number of events in a transaction of the baseline.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Batches {
    OfOne,
    OfPages,
}

pub(super) async fn prepare(environment: &Environment, batches: Batches) -> Result<Pair> {
    let events = environment.size().of(1_000, 100_000, 100_000);
    let accounts: Vec<AccountId> = (0..ACCOUNTS).map(|_| AccountId::new()).collect();
    let (log, schema) = environment.log(Commits::Plain).await?;
    baseline::fill(environment, &schema, events, &accounts).await?;
    let hand_written = baseline::schema(environment).await?;
    baseline::fill(environment, &hand_written, events, &accounts).await?;
    let hand_written = Balances::open_on(environment, &hand_written).await?;
    // Its rate is constant, so it is measured on a part of the events.
    let (of_these, batch) = match batches {
        Batches::OfOne => (environment.size().of(100, 2_000, 10_000), 1),
        Batches::OfPages => (events, PAGE),
    };
    let url = environment.url(Commits::Plain);
    let names = Arc::new(environment.fresh_name("rows"));
    Ok(Pair {
        ours: side((log, url, names), move |(log, url, names)| async move {
            let schema = format!("{names}_{:08x}", fastrand::u32(..));
            let rows = Postgres::options().schema(schema).connect(&url).await?;
            project(log, rows, events).await
        }),
        baseline: side(hand_written, move |hand_written| async move {
            hand_written.forget().await?;
            let start = Instant::now();
            let done = hand_written.run(of_these, batch).await?;
            Ok(done as f64 / start.elapsed().as_secs_f64())
        }),
    })
}

/// Measures from the start of the app until its rows have caught up, in a new schema.
async fn project(log: Postgres, rows: Postgres, events: usize) -> Result<f64> {
    let start = Instant::now();
    let app = App::builder(log).rows(rows.clone()).projection::<Balance>().start().await?;
    app.wait_until_caught_up().await?;
    let rate = events as f64 / start.elapsed().as_secs_f64();
    let seen: i64 = app.list::<Balance>().limit(ACCOUNTS).await?.rows.iter().map(Balance::cents).sum();
    app.shut_down().await;
    rows.close().await;
    if seen == events as i64 { Ok(rate) } else { Err(format!("{seen} instead of {events}").into()) }
}
