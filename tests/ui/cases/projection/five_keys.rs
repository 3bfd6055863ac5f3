use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply by key_of))]
struct Balance {
    #[key]
    a: i64,
    #[key]
    b: i64,
    #[key]
    c: i64,
    #[key]
    d: i64,
    #[key]
    e: i64,
}

fn key_of(_: &AccountEvent) -> (i64, i64, i64, i64, i64) {
    (1, 2, 3, 4, 5)
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
