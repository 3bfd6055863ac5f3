use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

struct Frozen;

#[derive(Projection)]
#[projection(name = "balances", on(Frozen => Balance::freeze))]
struct Balance {
    #[key]
    account: AccountId,
    cents: i64,
}

impl Balance {
    fn freeze(&mut self, _: &Frozen) {}
}

fn main() {}
