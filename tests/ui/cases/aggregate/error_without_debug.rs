use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

struct AccountError;

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Account::apply), error = AccountError)]
struct Account {
    events: u64,
}

impl Account {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
