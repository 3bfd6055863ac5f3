use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection, Clone, PartialEq)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    #[index]
    owner: String,
    #[index]
    closed: Option<i64>,
    cents: i64,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

#[derive(Query)]
#[query(from = Balance, order = cents)]
struct FindRows {
    #[equal]
    owner: String,
}

fn main() {}
