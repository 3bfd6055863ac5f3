use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Account::apply))]
struct Account {
    #[id]
    id: u64,
}

impl Account {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
