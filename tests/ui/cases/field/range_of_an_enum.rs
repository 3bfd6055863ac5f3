use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Field, Clone, Default, PartialEq, PartialOrd)]
enum Status {
    #[default]
    Open,
    Closed,
}

#[derive(Projection, Clone, PartialEq)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    #[index]
    status: Status,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

#[derive(Query)]
#[query(from = Balance)]
struct FindRows {
    #[at_least]
    status: Status,
}

fn main() {}
