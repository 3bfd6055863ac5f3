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
    async fn apply(&mut self, _: &AccountEvent) {
        self.cents += 1;
    }
}

fn main() {}
