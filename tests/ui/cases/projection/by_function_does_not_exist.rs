use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply by owner_off))]
struct Balance {
    #[key]
    owner: String,
    cents: i64,
}

fn owner_of(_: &AccountEvent) -> String {
    String::new()
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
