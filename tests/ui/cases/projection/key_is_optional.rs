use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply by owner_of))]
struct Balance {
    #[key]
    owner: Option<String>,
    cents: i64,
}

fn owner_of(_: &AccountEvent) -> Option<String> {
    None
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
