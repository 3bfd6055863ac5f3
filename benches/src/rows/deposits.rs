//! Deposits on accounts that exist and were just used.

use std::sync::Arc;

use annalist::{App, Id};

use crate::{
    Result,
    baseline::bank::Bank,
    domain::{AccountId, Deposit, Fill},
    environment::{Commits, Environment},
    harness::{Pair, Size, side},
    task_pool::{pick, rate},
};

/// The number of events of an account before the first measured deposit.
pub(crate) const PAST: usize = 10;

/// The number of deposits of a run.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) accounts: usize,
    pub(crate) tasks: usize,
    pub(crate) commands: usize,
}

impl Load {
    /// Each account gets the same number of deposits for every number of tasks; a single hot account gets more.
    pub(crate) fn new(size: Size, accounts: usize, tasks: usize) -> Self {
        let commands = if accounts == 1 { size.of(40, 400, 1_000) } else { size.of(400, 3_000, 10_000) };
        Self { accounts, tasks, commands }
    }

    /// New accounts for each run, so that all runs start with the same history.
    pub(super) fn fresh_accounts(self) -> Vec<AccountId> {
        (0..self.accounts).map(|_| AccountId::new()).collect()
    }
}

pub(crate) async fn prepare(
    environment: &Environment,
    accounts: usize,
    tasks: usize,
    commits: Commits,
) -> Result<Pair> {
    let load = Load::new(environment.size(), accounts, tasks);
    let (store, _) = environment.log(commits).await?;
    let app = App::builder(store).start().await?;
    let bank = Bank::open_on(environment, tasks, commits).await?;
    Ok(pair(app, bank, load))
}

pub(crate) fn pair(app: App, bank: Bank, load: Load) -> Pair {
    Pair {
        ours: side((app, load), |(app, load)| ours(app, load)),
        baseline: side((bank, load), |(bank, load)| hand_written(bank, load)),
    }
}

pub(super) async fn ours(app: App, load: Load) -> Result<f64> {
    let accounts = ready(&app, load).await?;
    run(app, load, accounts).await
}

/// Accounts with a history, each used once.
pub(crate) async fn ready(app: &App, load: Load) -> Result<Vec<AccountId>> {
    let accounts = load.fresh_accounts();
    for &account in &accounts {
        app.execute(Fill { account, events: PAST }).await?;
    }
    warm(&accounts, |account| deposit(app.clone(), account)).await?;
    Ok(accounts)
}

pub(crate) async fn run(app: App, load: Load, accounts: Vec<AccountId>) -> Result<f64> {
    let job = move |job| deposit(app.clone(), accounts[pick(job, load.accounts)]);
    rate(load.tasks, load.commands, job).await
}

async fn hand_written(bank: Bank, load: Load) -> Result<f64> {
    let accounts = Arc::new(load.fresh_accounts());
    bank.seed(&accounts, PAST).await?;
    let deposit = move |account| {
        let bank = bank.clone();
        async move { bank.deposit(&Deposit { account, amount: 1 }).await }
    };
    warm(&accounts, &deposit).await?;
    rate(load.tasks, load.commands, move |job| deposit(accounts[pick(job, load.accounts)])).await
}

/// Uses each account once, unmeasured.
pub(super) async fn warm<F: Future<Output = Result<()>>>(
    accounts: &[AccountId],
    use_it: impl Fn(AccountId) -> F,
) -> Result<()> {
    for &account in accounts {
        use_it(account).await?;
    }
    Ok(())
}

async fn deposit(app: App, account: AccountId) -> Result<()> {
    app.execute(Deposit { account, amount: 1 }).await?;
    Ok(())
}
