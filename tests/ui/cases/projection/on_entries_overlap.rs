use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId, Frozen};

#[derive(Event)]
enum AllEvents {
    Account(AccountEvent),
    Frozen(Frozen),
}

#[derive(Projection)]
#[projection(name = "balances", on(AllEvents => Balance::all, Frozen => Balance::frozen))]
struct Balance {
    #[key]
    account: AccountId,
    cents: i64,
}

impl Balance {
    fn all(&mut self, _: &AllEvents) {}
    fn frozen(&mut self, _: &Frozen) {}
}

fn main() {}
