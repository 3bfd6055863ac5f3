use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply by owner_of))]
struct Balance {
    #[key]
    rate: f64,
    cents: i64,
}

fn owner_of(_: &AccountEvent) -> f64 {
    1.0
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
