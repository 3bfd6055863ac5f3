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
#[query(frm = Balance, order = 1, limit = 0, descending)]
struct FindRows {
    #[key]
    account: Option<AccountId>,
    #[equal]
    owner: String,
    closed: i64,
    #[limit]
    #[cursor]
    limit: usize,
}

fn main() {}
