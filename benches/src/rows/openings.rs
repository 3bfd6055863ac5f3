//! New accounts.

use annalist::{App, Id};

use crate::{
    Result,
    baseline::bank::Bank,
    domain::{AccountId, Open},
    environment::{Commits, Environment},
    harness::{Pair, side},
    task_pool::rate,
};

pub(super) async fn prepare(environment: &Environment, tasks: usize) -> Result<Pair> {
    let commands = environment.size().of(400, 3_000, 10_000);
    let (store, _) = environment.log(Commits::Plain).await?;
    let app = App::builder(store).start().await?;
    let bank = Bank::open_on(environment, tasks, Commits::Plain).await?;
    Ok(Pair {
        ours: side(app, move |app| {
            rate(tasks, commands, move |_| {
                let app = app.clone();
                async move {
                    app.execute(open()).await?;
                    Ok(())
                }
            })
        }),
        baseline: side(bank, move |bank| {
            rate(tasks, commands, move |_| {
                let bank = bank.clone();
                async move { bank.open(&open()).await }
            })
        }),
    })
}

fn open() -> Open {
    Open { account: AccountId::new(), owner: "Ann Lee".to_owned() }
}
