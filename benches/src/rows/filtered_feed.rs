//! Pages of a feed that is filtered by a type with few or no events, in a long log.

use std::time::Instant;

use annalist::{App, Id, Item};
use sqlx::PgPool;

use crate::{
    Result,
    baseline::{self, pages},
    domain::AccountId,
    environment::{Commits, Environment},
    harness::{Pair, side},
};

const ACCOUNTS: usize = 1_000;
const PAGE: usize = 100;
/// The number of events when stale statistics were collected.
const BEFORE: usize = 1_000;
/// The number of events of the rare type, all at the end of the log.
const RARE_EVENTS: usize = 20;
/// The types whose pages are read, and how many events they have.
const TYPES: [(&str, usize); 2] = [("account.opened", RARE_EVENTS), ("account.closed", 0)];

/// What the server knows about the tables. It does not collect statistics by itself.
#[derive(Clone, Copy)]
pub(super) enum Statistics {
    /// None were ever collected.
    Absent,
    /// Collected when the log was short and had no event of the rare type.
    Stale,
    /// Collected at the end.
    Fresh,
}

/// The figure is the time of a page of the type that takes longer.
pub(super) async fn prepare(environment: &Environment, statistics: Statistics) -> Result<Pair> {
    let events = environment.size().of(5_000, 200_000, 1_000_000);
    let pages = environment.size().of(2, 50, 200);
    let (store, schema) = environment.log(Commits::Plain).await?;
    fill(environment, &schema, events, statistics).await?;
    let hand_written = baseline::schema(environment).await?;
    fill(environment, &hand_written, events, statistics).await?;
    let pool = environment.pool(1, &hand_written, Commits::Plain).await?;
    let app = App::builder(store).start().await?;
    Ok(Pair {
        ours: side(app, move |app| slowest(pages, move |name| page(app.clone(), name))),
        baseline: side(pool, move |pool| slowest(pages, move |name| page_by_hand(pool.clone(), name))),
    })
}

async fn page(app: App, name: &'static str) -> Result<usize> {
    let mut feed = app.feed(Item::any().types([name]).into()).pages_of(PAGE);
    Ok(feed.poll().await?.records.len())
}

async fn page_by_hand(pool: PgPool, name: &'static str) -> Result<usize> {
    pages::first_of_type(&pool, name, PAGE).await
}

async fn fill(environment: &Environment, schema: &str, events: usize, statistics: Statistics) -> Result<()> {
    let accounts: Vec<AccountId> = (0..ACCOUNTS).map(|_| AccountId::new()).collect();
    for table in ["events", "event_tags"] {
        environment.run(&format!("ALTER TABLE {schema}.{table} SET (autovacuum_enabled = false)")).await?;
    }
    baseline::insert(environment, schema, BEFORE, &accounts).await?;
    if matches!(statistics, Statistics::Stale) {
        environment.run(&format!("ANALYZE {schema}.events, {schema}.event_tags")).await?;
    }
    baseline::insert(environment, schema, events - BEFORE, &accounts).await?;
    let rare = format!(
        "INSERT INTO {schema}.events (id, type, version, recorded_at, tags, data, metadata)
         SELECT gen_random_uuid(), '{}', 1, now(), '{{}}', '{{}}', '{{}}' FROM generate_series(1, {RARE_EVENTS})",
        TYPES[0].0
    );
    environment.run(&rare).await?;
    if matches!(statistics, Statistics::Fresh) {
        environment.run(&format!("ANALYZE {schema}.events, {schema}.event_tags")).await?;
    }
    Ok(())
}

/// The larger of the times of a page of each type, in milliseconds. `read` returns the number of events of a page.
async fn slowest<F: Future<Output = Result<usize>>>(
    pages: usize,
    read: impl Fn(&'static str) -> F,
) -> Result<f64> {
    let mut slowest = 0.0_f64;
    for (name, expected) in TYPES {
        let start = Instant::now();
        for _ in 0..pages {
            check(read(name).await?, expected)?;
        }
        slowest = slowest.max(start.elapsed().as_secs_f64() * 1_000.0 / pages as f64);
    }
    Ok(slowest)
}

fn check(found: usize, expected: usize) -> Result<()> {
    if found == expected { Ok(()) } else { Err(format!("{found} events instead of {expected}").into()) }
}
