use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    owner: &'static str,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
