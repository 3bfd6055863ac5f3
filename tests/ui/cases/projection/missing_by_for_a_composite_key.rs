use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId, Frozen};

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply, Frozen => Balance::freeze))]
struct Balance {
    #[key]
    account: AccountId,
    #[key]
    owner: String,
    cents: i64,
}

impl Balance {
    fn freeze(&mut self, _: &Frozen) {}
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
