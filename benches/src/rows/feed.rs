//! A long log, read from its start to its end.

use std::{sync::Arc, time::Instant};

use annalist::{App, Criteria, Id};

use crate::{
    Result,
    baseline::{self, pages},
    domain::AccountId,
    environment::{Commits, Environment},
    harness::{Pair, side},
};

const ACCOUNTS: usize = 1_000;
const PAGE: usize = 1_000;

pub(super) async fn prepare(environment: &Environment) -> Result<Pair> {
    let events = environment.size().of(5_000, 200_000, 1_000_000);
    let accounts: Vec<AccountId> = (0..ACCOUNTS).map(|_| AccountId::new()).collect();
    let (store, schema) = environment.log(Commits::Plain).await?;
    baseline::fill(environment, &schema, events, &accounts).await?;
    let hand_written = baseline::schema(environment).await?;
    baseline::fill(environment, &hand_written, events, &accounts).await?;
    let pool = environment.pool(1, &hand_written, Commits::Plain).await?;
    let app = App::builder(store).start().await?;
    Ok(Pair {
        ours: side(app, move |app| async move {
            let start = Instant::now();
            let done = drain(&app, events).await?;
            Ok(done as f64 / start.elapsed().as_secs_f64())
        }),
        baseline: side(Arc::new(pool), move |pool| async move {
            let start = Instant::now();
            let done = pages::read(&pool, PAGE).await?;
            check(done, events)?;
            Ok(done as f64 / start.elapsed().as_secs_f64())
        }),
    })
}

async fn drain(app: &App, events: usize) -> Result<usize> {
    let mut feed = app.feed(Criteria::all()).pages_of(PAGE);
    let mut done = 0;
    while done < events {
        let page = feed.next().await?;
        done += page.records.len();
    }
    check(done, events)?;
    Ok(done)
}

fn check(done: usize, events: usize) -> Result<()> {
    if done == events { Ok(()) } else { Err(format!("{done} events instead of {events}").into()) }
}
