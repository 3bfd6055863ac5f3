use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Account::apply))]
struct Account {
    #[id]
    id: AccountId,
    parent: AccountId,
}

impl Account {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
