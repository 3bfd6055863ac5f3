use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance<'a> {
    #[key]
    account: AccountId,
    owner: &'a str,
}

impl Balance<'_> {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
