//! A caller that reads its own write: a command, then the row that it has changed.

use std::{sync::Arc, time::Instant};

use annalist::{App, Sqlite};

use super::deposits::{Load, ready};
use crate::{
    Result,
    domain::{AccountId, Balance, Deposit},
    environment::{Commits, Environment, directory},
    harness::{Pair, Size, quantile, side},
    task_pool::pick,
};

const ACCOUNTS: usize = 20;

pub(super) async fn on_postgres(environment: &Environment) -> Result<Pair> {
    let (store, _) = environment.log(Commits::Plain).await?;
    let app = App::builder(store).projection::<Balance>().start().await?;
    Ok(pair(app, environment.size(), ()))
}

pub(super) async fn on_sqlite(size: Size) -> Result<Pair> {
    let dir = directory()?;
    let store = Sqlite::open(dir.path().join("log.db")).await?;
    let app = App::builder(store).projection::<Balance>().start().await?;
    Ok(pair(app, size, dir))
}

/// Both sides do the same and differ in what they measure. The resource lives as long as the sides.
fn pair(app: App, size: Size, resource: impl Send + Sync + 'static) -> Pair {
    let load = Load { accounts: ACCOUNTS, tasks: 1, commands: size.of(40, 200, 1_000) };
    let shared = (app, Arc::new(resource));
    Pair {
        ours: side(shared.clone(), move |(app, _)| async move { Ok(in_a_task(app, load).await?.find) }),
        baseline: side(shared, move |(app, _)| async move { Ok(in_a_task(app, load).await?.execute) }),
    }
}

/// Half of the calls take so many microseconds or less.
struct Medians {
    execute: f64,
    find: f64,
}

/// Measures in a task of the runtime, like a handler of a server.
async fn in_a_task(app: App, load: Load) -> Result<Medians> {
    tokio::spawn(measure(app, load)).await?
}

/// Deposits one after the other, each followed by a look-up of its row. No other command runs, and the projection is idle while a
/// command does.
async fn measure(app: App, load: Load) -> Result<Medians> {
    let accounts = ready(&app, load).await?;
    app.wait_until_caught_up().await?;
    let (mut executes, mut finds) = (Vec::new(), Vec::new());
    for job in 0..load.commands {
        let account = accounts[pick(job, ACCOUNTS)];
        let start = Instant::now();
        let receipt = app.execute(Deposit { account, amount: 1 }).await?;
        executes.push(start.elapsed());
        let start = Instant::now();
        let row = app.find::<Balance>(&account).after(&receipt).await?;
        finds.push(start.elapsed());
        check(account, row.as_ref())?;
    }
    Ok(Medians { execute: median(&executes), find: median(&finds) })
}

fn check(account: AccountId, row: Option<&Balance>) -> Result<()> {
    match row {
        Some(row) if row.cents() > super::deposits::PAST as i64 => Ok(()),
        _ => Err(format!("the row of {account} lacks a deposit: {row:?}").into()),
    }
}

fn median(times: &[std::time::Duration]) -> f64 {
    let mut sorted: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e6).collect();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}
