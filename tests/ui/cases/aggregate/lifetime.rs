use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Account::apply))]
struct Account<'a> {
    owner: &'a str,
}

impl Account<'_> {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
