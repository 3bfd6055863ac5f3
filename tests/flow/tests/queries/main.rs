//! Questions: by key and by index, page by page, after a receipt, over several read models, and watched.
#![allow(clippy::unwrap_used)] // in the helpers too

mod asked;
mod gated;
mod watched;

use annalist::{
    App, Memory, Receipt, Sqlite,
    app::Builder,
    find::{Cursor, Rows},
    manual::ReadModels,
    prelude::*,
};
use annalist_flow_tests::{
    domain::{AccountId, account, deposit},
    read_model::{Balance, Believed},
};

/// One row.
#[derive(Query, Serialize, Deserialize, Clone, Debug)]
#[query(from = Balance)]
struct BalanceOf {
    #[key]
    account: AccountId,
}

/// A page of accounts by name.
#[derive(Query, Serialize, Deserialize, Clone, Debug, Default)]
#[query(from = Balance, limit = 3)]
struct Accounts {
    #[at_least(cents)]
    from: Option<i64>,
    #[cursor]
    cursor: Option<Cursor>,
}

/// The richest accounts.
#[derive(Query, Serialize, Deserialize, Clone, Debug, Default)]
#[query(from = Balance, order = cents, descending, limit = 3)]
struct Richest {
    #[cursor]
    cursor: Option<Cursor>,
}

/// What two read models say of an account: its cents, and how many events were believed.
#[derive(Clone, Debug)]
struct Both {
    account: AccountId,
}

impl Query for Both {
    type Answer = (Option<i64>, Option<i64>);

    async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
        let balance = models.find::<Balance>(&self.account).await?;
        let believed = models.find::<Believed>(&self.account).await?;
        Ok((balance.map(|row| row.cents), believed.map(|row| row.events)))
    }
}

fn balance_of(name: &str) -> BalanceOf {
    BalanceOf { account: account(name) }
}

fn both(name: &str) -> Both {
    Both { account: account(name) }
}

async fn pay(app: &App, name: &str, amount: u64) -> Receipt {
    app.execute(deposit(name, amount)).await.unwrap()
}

fn names(page: &Rows<Balance>) -> Vec<String> {
    page.rows.iter().map(|row| row.account.to_string()).collect()
}

/// Rows beside the events, in memory and in a file.
async fn on_each_store(test: impl AsyncFn(Builder)) {
    test(App::builder(Memory::new())).await;
    let folder = tempfile::tempdir().unwrap();
    test(App::builder(Sqlite::open(folder.path().join("log.db")).await.unwrap())).await;
}
