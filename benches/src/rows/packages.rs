//! Larger appends: more events, or larger ones.

use std::sync::Arc;

use annalist::{App, Id};

use crate::{
    Result,
    baseline::bank::Bank,
    domain::{AccountId, Fill, Open},
    environment::{Commits, Environment},
    harness::{Pair, side},
    task_pool::rate,
};

const TASKS: usize = 32;

/// Appends of a number of events, each to a new account, in events a second.
pub(crate) async fn of_events(environment: &Environment, events: usize) -> Result<Pair> {
    let commands = environment.size().of(50, 500, 2_000);
    let (app, bank) = both(environment).await?;
    let fill = move || Fill { account: AccountId::new(), events };
    Ok(Pair {
        ours: side(app, move |app| async move {
            let job = move |_| {
                let app = app.clone();
                async move { app.execute(fill()).await.map(drop).map_err(Into::into) }
            };
            Ok(events as f64 * rate(TASKS, commands, job).await?)
        }),
        baseline: side(bank, move |bank| async move {
            let job = move |_| {
                let bank = bank.clone();
                async move { bank.fill(&fill()).await }
            };
            Ok(events as f64 * rate(TASKS, commands, job).await?)
        }),
    })
}

/// Appends of one event with a payload of a number of bytes, each to a new account, in commands a second.
pub(crate) async fn of_bytes(environment: &Environment, bytes: usize) -> Result<Pair> {
    let commands = environment.size().of(20, 500, 2_000);
    let (app, bank) = both(environment).await?;
    let owner: Arc<str> = "x".repeat(bytes).into();
    let open = move || Open { account: AccountId::new(), owner: owner.to_string() };
    let also = open.clone();
    Ok(Pair {
        ours: side((app, open), move |(app, open)| {
            rate(TASKS, commands, move |_| {
                let (app, command) = (app.clone(), open());
                async move { app.execute(command).await.map(drop).map_err(Into::into) }
            })
        }),
        baseline: side((bank, also), move |(bank, open)| {
            rate(TASKS, commands, move |_| {
                let (bank, command) = (bank.clone(), open());
                async move { bank.open(&command).await }
            })
        }),
    })
}

async fn both(environment: &Environment) -> Result<(App, Bank)> {
    let (store, _) = environment.log(Commits::Plain).await?;
    Ok((App::builder(store).start().await?, Bank::open_on(environment, TASKS, Commits::Plain).await?))
}
