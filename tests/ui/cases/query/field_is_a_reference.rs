use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    #[index]
    owner: String,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

#[derive(Query)]
#[query(from = Balance)]
struct Question {
    #[equal]
    owner: Option<&'static str>,
}

fn main() {}
