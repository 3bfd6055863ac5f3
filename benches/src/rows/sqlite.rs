//! The deposits, on a SQLite file.

use std::sync::Arc;

use annalist::{App, Sqlite};

use super::deposits::{Load, PAST, ours, warm};
use crate::{
    Result,
    baseline::file::File,
    domain::Deposit,
    environment::directory,
    harness::{Pair, Size, side},
    task_pool::{pick, rate},
};

const ACCOUNTS: usize = 200;

pub(super) async fn prepare(size: Size, tasks: usize) -> Result<Pair> {
    let load = Load::new(size, ACCOUNTS, tasks);
    // The directory lives as long as the sides.
    let dir = Arc::new(directory()?);
    let app = App::builder(Sqlite::open(dir.path().join("ours.db")).await?).start().await?;
    let file = File::open(&dir.path().join("hand.db")).await?;
    let also = Arc::clone(&dir);
    Ok(Pair {
        ours: side((app, dir), move |(app, _)| ours(app, load)),
        baseline: side((file, also), move |(file, _)| hand_written(file, load)),
    })
}

async fn hand_written(file: File, load: Load) -> Result<f64> {
    let accounts = Arc::new(load.fresh_accounts());
    file.seed(&accounts, PAST).await?;
    let deposit = move |account| {
        let file = file.clone();
        async move { file.deposit(&Deposit { account, amount: 1 }).await }
    };
    warm(&accounts, &deposit).await?;
    rate(load.tasks, load.commands, move |job| deposit(accounts[pick(job, ACCOUNTS)])).await
}
