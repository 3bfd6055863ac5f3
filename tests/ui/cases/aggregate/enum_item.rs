use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Account::apply))]
enum Account {
    Open,
    Closed,
}

impl Account {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
