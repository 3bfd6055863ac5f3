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

/// The number of accounts of [`Between::AnyTwo`].
const ACCOUNTS: usize = 1_000;
/// Deposits on each account before the first transfer.
const PAST: usize = 50;

/// The accounts between which money is transferred, in both directions.
#[derive(Clone, Copy, Debug)]
pub(super) enum Between {
    /// Any two of many accounts.
    AnyTwo,
    /// The two accounts of one of several pairs.
    Pairs(usize),
}

impl Between {
    fn accounts(self) -> usize {
        match self {
            Self::AnyTwo => ACCOUNTS,
            Self::Pairs(pairs) => 2 * pairs,
        }
    }

    /// Two accounts, by their indexes.
    fn two(self, random: &mut fastrand::Rng) -> (usize, usize) {
        let from = random.usize(..self.accounts());
        match self {
            Self::AnyTwo => (from, (from + random.usize(1..ACCOUNTS)) % ACCOUNTS),
            Self::Pairs(_) => (from, from ^ 1),
        }
    }
}

pub(super) async fn prepare(environment: &Environment, between: Between, tasks: usize) -> Result<Pair> {
    let commands = environment.size().of(400, 2_000, 5_000);
    let accounts: Arc<Vec<AccountId>> = Arc::new((0..between.accounts()).map(|_| AccountId::new()).collect());
    let (store, _) = environment.log(Commits::Plain).await?;
    let app = App::builder(store).start().await?;
    for &account in &*accounts {
        app.execute(Fill { account, events: PAST }).await?;
    }
    let hand_written = Transfers::open_on(environment, tasks, PAST, &accounts).await?;
    let hand_written = match between {
        Between::AnyTwo => hand_written,
        Between::Pairs(_) => hand_written.with_locks(),
    };
    let also = Arc::clone(&accounts);
    Ok(Pair {
        ours: side(app, move |app| {
            let accounts = Arc::clone(&accounts);
            rate(tasks, commands, move |job| {
                let (app, command) = (app.clone(), command(&accounts, between, job));
                async move {
                    app.execute(command).await?;
                    Ok(())
                }
            })
        }),
        baseline: side(hand_written, move |hand_written| {
            let accounts = Arc::clone(&also);
            rate(tasks, commands, move |job| {
                let (hand_written, command) = (hand_written.clone(), command(&accounts, between, job));
                async move { hand_written.transfer(&command).await }
            })
        }),
    })
}

/// A transfer of 0 between two accounts that depend only on the job, so that it is never rejected.
fn command(accounts: &[AccountId], between: Between, job: usize) -> Transfer {
    let (from, to) = between.two(&mut fastrand::Rng::with_seed(job as u64));
    Transfer { from: accounts[from], to: accounts[to], amount: 0 }
}
