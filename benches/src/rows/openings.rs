//! Accounts that did not exist before.

use annalist::{App, Id};

use crate::{
    Result,
    crowd::rate,
    domain::{AccountId, Open},
    hand::bank::Bank,
    harness::{Pair, side},
    place::{Commits, Place},
};

pub(super) async fn prepare(place: &Place, tasks: usize) -> Result<Pair> {
    let commands = place.size().of(400, 3_000, 10_000);
    let (store, _) = place.log(Commits::Plain).await?;
    let app = App::builder(store).start().await?;
    let bank = Bank::open_on(place, tasks, Commits::Plain).await?;
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
