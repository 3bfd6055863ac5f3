//! Larger appends: more events, or larger ones.

use std::sync::Arc;

use annalist::{App, Id};

use super::{Line, of_pairs};
use crate::{
    Result,
    baseline::bank::Bank,
    domain::{AccountId, Fill, Open},
    environment::{Commits, Environment},
    harness::{Pair, side},
    task_pool::rate,
};

const TASKS: usize = 32;

pub(super) async fn draw_by_events(environment: &Environment) -> Result<Vec<Line>> {
    let commands = environment.size().of(50, 500, 2_000);
    of_pairs(vec![1, 3, 10, 30, 100], async |events| {
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
                    async move { bank.seed(&[fill().account], events).await }
                };
                Ok(events as f64 * rate(TASKS, commands, job).await?)
            }),
        })
    })
    .await
}

pub(super) async fn draw_by_bytes(environment: &Environment) -> Result<Vec<Line>> {
    let commands = environment.size().of(20, 500, 2_000);
    of_pairs(vec![100, 1_000, 10_000, 100_000], async |bytes| {
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
    })
    .await
}

async fn both(environment: &Environment) -> Result<(App, Bank)> {
    let (store, _) = environment.log(Commits::Plain).await?;
    Ok((App::builder(store).start().await?, Bank::open_on(environment, TASKS, Commits::Plain).await?))
}
