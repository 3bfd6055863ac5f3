use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    #[allow(non_snake_case)]
    centsOwed: i64,
    größe: i64,
    _hidden: bool,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
