use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection, Clone, PartialEq)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    #[index]
    owner: String,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

#[derive(Query)]
#[query(from = Balance)]
struct FindRows {
    #[one_of]
    owner: String,
}

fn main() {}
