//! Queries: by key and by index, in pages, after a receipt, over several read models, and watched.
#![allow(clippy::unwrap_used)] // in the helpers too

mod ask;
mod columns;
mod gated_rows;
mod watch;

use annalist::{
    App, Memory, Receipt, Sqlite,
    app::Builder,
    prelude::*,
    query::{Cursor, Page, ReadModels},
};
use annalist_flow_tests::{
    domain::{AccountId, account, deposit},
    read_model::{Balance, EventCount},
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

/// The cents and the number of events of an account, from two read models.
#[derive(Clone, Debug)]
struct BalanceAndCount {
    account: AccountId,
}

impl Query for BalanceAndCount {
    type Answer = (Option<i64>, Option<i64>);

    async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
        let balance = models.find::<Balance>(&self.account).await?;
        let counted = models.find::<EventCount>(&self.account).await?;
        Ok((balance.map(|row| row.cents), counted.map(|row| row.events)))
    }
}

fn balance_of(name: &str) -> BalanceOf {
    BalanceOf { account: account(name) }
}

fn balance_and_count(name: &str) -> BalanceAndCount {
    BalanceAndCount { account: account(name) }
}

async fn pay(app: &App, name: &str, amount: u64) -> Receipt {
    app.execute(deposit(name, amount)).await.unwrap()
}

fn names(page: &Page<Balance>) -> Vec<String> {
    page.rows.iter().map(|row| row.account.to_string()).collect()
}

/// Runs a test with events and rows in one store, in memory and in a file.
async fn on_each_store(test: impl AsyncFn(Builder)) {
    test(App::builder(Memory::new())).await;
    let folder = tempfile::tempdir().unwrap();
    test(App::builder(Sqlite::open(folder.path().join("log.db")).await.unwrap())).await;
}
