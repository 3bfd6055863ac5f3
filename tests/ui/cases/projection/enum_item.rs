use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
enum Balance {
    Open { account: AccountId },
    Closed,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
