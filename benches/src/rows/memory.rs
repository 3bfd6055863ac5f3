//! One task on the store in memory.

use std::{future::Future, time::Instant};

use annalist::{App, Id, Memory};

use super::deposits::warm;
use crate::{
    Result,
    baseline::map::Map,
    domain::{Account, AccountId, Deposit, Fill, Open},
    harness::{Pair, Size, side},
};

/// The number of events of each account that is in the log before.
const PAST: usize = 10;
/// The number of commands of one run, on one log or on several.
const COMMANDS: usize = 5_000;
/// A log grows by at most one part in so many while commands are measured on it.
const GROWTH: usize = 10;

/// Opens new accounts on a log with a number of events.
pub(super) fn new_aggregates(size: Size, events: usize) -> Pair {
    let events = if size == Size::Smoke { 100 } else { events };
    let commands = (events / GROWTH).min(COMMANDS);
    Pair {
        ours: side((), move |()| async move {
            on_fresh_logs(COMMANDS / commands, || async {
                let (app, _) = app_with(events / PAST).await?;
                // The first commands of a type read; later ones expect no history.
                warm(&new_accounts(PAST), |account| open(&app, account)).await?;
                time_each(&new_accounts(commands), |account| open(&app, account)).await
            })
            .await
        }),
        baseline: side((), move |()| async move {
            on_fresh_logs(COMMANDS / commands, || async {
                let (map, _) = map_with(events / PAST)?;
                time_each(&new_accounts(commands), |account| open_in(&map, account)).await
            })
            .await
        }),
    }
}

/// Deposits on accounts that exist and were just used, in turn.
pub(super) fn known_aggregates(size: Size) -> Pair {
    let accounts = size.of(10, 1_000, 1_000);
    let rounds = COMMANDS / 1_000;
    Pair {
        ours: side((), move |()| async move {
            let (app, _) = app_with(0).await?;
            let accounts = new_accounts(accounts);
            warm(&accounts, |account| open(&app, account)).await?;
            warm(&accounts, |account| deposit(&app, account)).await?;
            time_each(&accounts.repeat(rounds), |account| deposit(&app, account)).await
        }),
        baseline: side((), move |()| async move {
            let (map, _) = map_with(0)?;
            let accounts = new_accounts(accounts);
            warm(&accounts, |account| open_in(&map, account)).await?;
            warm(&accounts, |account| deposit_in(&map, account)).await?;
            time_each(&accounts.repeat(rounds), |account| deposit_in(&map, account)).await
        }),
    }
}

/// Loads aggregates of a log with a number of events.
pub(super) async fn loads(size: Size, events: usize) -> Result<Pair> {
    let accounts = if size == Size::Smoke { 10 } else { events / PAST };
    let loads = COMMANDS.min(accounts);
    let ((app, ours), (map, also)) = (app_with(accounts).await?, map_with(accounts)?);
    Ok(Pair {
        ours: side((app, ours), move |(app, accounts)| async move {
            time_each(&accounts[..loads], |account| load(&app, account)).await
        }),
        baseline: side((map, also), move |(map, accounts)| async move {
            time_each(&accounts[..loads], |account| load_from(&map, account)).await
        }),
    })
}

/// An app on a new log of accounts with a past.
async fn app_with(accounts: usize) -> Result<(App, Vec<AccountId>)> {
    let app = App::builder(Memory::new()).start().await?;
    let accounts = new_accounts(accounts);
    for &account in &accounts {
        app.execute(Fill { account, events: PAST }).await?;
    }
    Ok((app, accounts))
}

/// The same accounts of the baseline.
fn map_with(accounts: usize) -> Result<(Map, Vec<AccountId>)> {
    let (map, accounts) = (Map::default(), new_accounts(accounts));
    map.seed(&accounts, PAST)?;
    Ok((map, accounts))
}

fn new_accounts(count: usize) -> Vec<AccountId> {
    (0..count).map(|_| AccountId::new()).collect()
}

async fn open(app: &App, account: AccountId) -> Result<()> {
    app.execute(Open { account, owner: "Ann Lee".to_owned() }).await?;
    Ok(())
}

async fn open_in(map: &Map, account: AccountId) -> Result<()> {
    let command = Open { account, owner: "Ann Lee".to_owned() };
    map.execute(account, |state| state.open(&command))
}

async fn deposit(app: &App, account: AccountId) -> Result<()> {
    app.execute(Deposit { account, amount: 1 }).await?;
    Ok(())
}

async fn deposit_in(map: &Map, account: AccountId) -> Result<()> {
    let command = Deposit { account, amount: 1 };
    map.execute(account, |state| state.deposit(&command))
}

async fn load(app: &App, account: AccountId) -> Result<()> {
    check(app.load::<Account>(&account).await?.balance)
}

async fn load_from(map: &Map, account: AccountId) -> Result<()> {
    check(map.load(account)?.0.balance)
}

fn check(balance: i64) -> Result<()> {
    if balance == PAST as i64 { Ok(()) } else { Err(format!("{balance} instead of {PAST}").into()) }
}

/// The mean of the figures of several logs.
async fn on_fresh_logs<F: Future<Output = Result<f64>>>(logs: usize, measure: impl Fn() -> F) -> Result<f64> {
    let mut sum = 0.0;
    for _ in 0..logs {
        sum += measure().await?;
    }
    Ok(sum / logs as f64)
}

/// Uses each account once, one after the other, and returns the microseconds of one use.
async fn time_each<F: Future<Output = Result<()>>>(
    accounts: &[AccountId],
    use_it: impl Fn(AccountId) -> F,
) -> Result<f64> {
    let start = Instant::now();
    for &account in accounts {
        use_it(account).await?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / accounts.len() as f64)
}
