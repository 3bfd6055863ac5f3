use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection)]
#[projection(name = "balances", context, on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    cents: i64,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
