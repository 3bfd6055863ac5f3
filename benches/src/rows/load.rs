//! An aggregate with a long history.

use std::time::Instant;

use annalist::{App, Id};

use crate::{
    Result,
    baseline::bank::Bank,
    domain::{Account, AccountId, Fill},
    environment::{Commits, Environment},
    harness::{Pair, side},
};

/// In one append.
const PART: usize = 100;

pub(super) async fn prepare(environment: &Environment) -> Result<Pair> {
    let (events, times) = environment.size().of((1_000, 1), (10_000, 5), (10_000, 20));
    let account = AccountId::new();
    let (store, _) = environment.log(Commits::Plain).await?;
    let app = App::builder(store).start().await?;
    for _ in 0..events / PART {
        app.execute(Fill { account, events: PART }).await?;
    }
    let bank = Bank::open_on(environment, 1, Commits::Plain).await?;
    bank.seed(&[account], events).await?;
    Ok(Pair {
        ours: side(app, move |app| async move {
            let start = Instant::now();
            for _ in 0..times {
                check(app.load::<Account>(&account).await?.balance, events)?;
            }
            Ok((times * events) as f64 / start.elapsed().as_secs_f64())
        }),
        baseline: side(bank, move |bank| async move {
            let start = Instant::now();
            for _ in 0..times {
                check(bank.load(account).await?.0.balance, events)?;
            }
            Ok((times * events) as f64 / start.elapsed().as_secs_f64())
        }),
    })
}

fn check(balance: i64, events: usize) -> Result<()> {
    if balance == events as i64 { Ok(()) } else { Err(format!("{balance} instead of {events}").into()) }
}
