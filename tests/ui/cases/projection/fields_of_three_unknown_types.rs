use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

enum Status {
    Open,
    Closed,
}

struct Money(i128);

struct Day {
    year: u16,
}

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    #[index]
    status: Status,
    balance: Money,
    closed: Option<Day>,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
