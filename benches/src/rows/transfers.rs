//! Transfers: one decision over two accounts.

use std::sync::Arc;

use annalist::{App, Id};

use crate::{
    Result,
    baseline::transfers::Transfers,
    domain::{AccountId, Fill, Transfer},
    environment::{Commits, Environment},
    harness::{Pair, side},
    task_pool::rate,
};

const ACCOUNTS: usize = 1_000;
/// Deposits on each account before the first transfer.
const PAST: usize = 50;

pub(super) async fn prepare(environment: &Environment, tasks: usize) -> Result<Pair> {
    let commands = environment.size().of(400, 2_000, 5_000);
    let accounts: Arc<Vec<AccountId>> = Arc::new((0..ACCOUNTS).map(|_| AccountId::new()).collect());
    let (store, _) = environment.log(Commits::Plain).await?;
    let app = App::builder(store).start().await?;
    for &account in &*accounts {
        app.execute(Fill { account, events: PAST }).await?;
    }
    let hand_written = Transfers::open_on(environment, tasks, ACCOUNTS * PAST, &accounts).await?;
    let also = Arc::clone(&accounts);
    Ok(Pair {
        ours: side(app, move |app| {
            let accounts = Arc::clone(&accounts);
            rate(tasks, commands, move |job| {
                let (app, command) = (app.clone(), command(&accounts, job));
                async move {
                    app.execute(command).await?;
                    Ok(())
                }
            })
        }),
        baseline: side(hand_written, move |hand_written| {
            let accounts = Arc::clone(&also);
            rate(tasks, commands, move |job| {
                let (hand_written, command) = (hand_written.clone(), command(&accounts, job));
                async move { hand_written.transfer(&command).await }
            })
        }),
    })
}

/// A transfer of 0 between two accounts that depend only on the job, so that it is never rejected.
fn command(accounts: &[AccountId], job: usize) -> Transfer {
    let mut random = fastrand::Rng::with_seed(job as u64);
    let from = random.usize(..accounts.len());
    let to = (from + random.usize(1..accounts.len())) % accounts.len();
    Transfer { from: accounts[from], to: accounts[to], amount: 0 }
}
