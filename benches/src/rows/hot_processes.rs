//! Deposits on one hot account from several processes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use annalist::{App, Id};

use crate::{
    Result,
    baseline::{self, bank::Bank},
    domain::{AccountId, Deposit},
    environment::{Commits, Environment},
    harness::{Pair, side},
    task_pool::rate,
    worker::Worker,
};

const PROCESSES: usize = 8;
const TASKS: usize = 4;

/// Each run has a new log with a new account. A command that fails on our side fails the row: with default settings all must
/// succeed, however many conflicts there are. The baseline tries again until it succeeds.
pub(super) async fn prepare(environment: &Environment) -> Result<Pair> {
    let commands = environment.size().of(10, 50, 200);
    let url = environment.url(Commits::Plain);
    let (_, schema) = environment.log(Commits::Plain).await?;
    let hand_written = baseline::schema_with_streams(environment).await?;
    Ok(Pair {
        ours: side((url.clone(), schema), move |(url, schema)| run("hot", url, schema, commands)),
        baseline: side((url, hand_written), move |(url, schema)| run("hot-by-hand", url, schema, commands)),
    })
}

/// Commands a second of all processes, from the start of the first to the end of the last.
async fn run(work: &str, url: String, schema: String, commands: usize) -> Result<f64> {
    let account = AccountId::new().to_string();
    let (tasks, each) = (TASKS.to_string(), commands.to_string());
    let mut workers = Vec::new();
    for _ in 0..PROCESSES {
        workers.push(Worker::start(&[work, &url, &schema, &account, &tasks, &each]).await?);
    }
    let start = Instant::now();
    let results = Worker::run_all(workers).await?;
    let rate = (PROCESSES * commands) as f64 / start.elapsed().as_secs_f64();
    match results.iter().find(|result| *result != NO_ERRORS) {
        Some(errors) => Err(format!("one process of {PROCESSES}: {errors}").into()),
        None => Ok(rate),
    }
}

/// The result of a process without failed commands.
const NO_ERRORS: &str = "0 failed";

/// Executes deposits on an account, and returns how many of them failed and the first error.
pub(crate) async fn deposit(app: App, account: AccountId, tasks: usize, commands: usize) -> Result<String> {
    let failed = Arc::new(AtomicUsize::new(0));
    let first = Arc::new(std::sync::OnceLock::new());
    let (counter, error) = (Arc::clone(&failed), Arc::clone(&first));
    rate(tasks, commands, move |_| {
        let (app, counter, error) = (app.clone(), Arc::clone(&counter), Arc::clone(&error));
        async move {
            if let Err(failure) = app.execute(Deposit { account, amount: 1 }).await {
                counter.fetch_add(1, Ordering::Relaxed);
                error.get_or_init(|| failure.to_string());
            }
            Ok(())
        }
    })
    .await?;
    Ok(match (failed.load(Ordering::Relaxed), first.get()) {
        (0, _) | (_, None) => NO_ERRORS.to_owned(),
        (failed, Some(error)) => format!("{failed} failed, the first with: {error}"),
    })
}

/// The same by hand.
pub(crate) async fn deposit_by_hand(
    bank: Bank,
    account: AccountId,
    tasks: usize,
    commands: usize,
) -> Result<String> {
    rate(tasks, commands, move |_| {
        let bank = bank.clone();
        async move { bank.deposit(&Deposit { account, amount: 1 }).await }
    })
    .await?;
    Ok(NO_ERRORS.to_owned())
}
