use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply by owner_of))]
struct Balance {
    #[key]
    number: u64,
    #[key]
    rates: Vec<f64>,
}

fn owner_of(_: &AccountEvent) -> (u64, Vec<f64>) {
    (1, Vec::new())
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
