use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Default)]
struct Items;

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    #[json]
    items: Items,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
