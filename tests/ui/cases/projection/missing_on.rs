use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

#[derive(Projection)]
#[projection(name = "balances")]
struct Balance {
    #[key]
    account: AccountId,
    cents: i64,
}

fn main() {}
