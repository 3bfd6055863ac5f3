use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection)]
#[projection(name = "turnover", on(AccountEvent => Turnover::apply by turnover_of))]
struct Turnover {
    #[key]
    account: AccountId,
    #[key]
    currency: String,
    #[key]
    country: String,
}

fn turnover_of(_: &AccountEvent) -> Option<(AccountId, String, String)> {
    None
}

impl Turnover {
    fn apply(&mut self, _: &AccountEvent) {}
}

#[derive(Query)]
#[query(from = Turnover)]
struct FindRows {
    #[key]
    account: AccountId,
    #[key]
    currency: String,
}

fn main() {}
