use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Account::apply))]
struct Account {
    id: AccountId,
    open: bool,
}

impl Account {
    fn apply(&mut self, _: &AccountEvent) {
        self.open = true;
    }
}

fn main() {}
