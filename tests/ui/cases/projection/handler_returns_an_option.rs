use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    cents: i64,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) -> Option<Change> {
        None
    }
}

fn main() {}
