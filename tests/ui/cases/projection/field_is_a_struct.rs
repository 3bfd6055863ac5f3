use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Default, Serialize, Deserialize)]
struct Address {
    street: String,
}

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    address: Address,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
