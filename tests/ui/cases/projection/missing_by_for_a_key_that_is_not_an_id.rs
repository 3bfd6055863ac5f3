use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    owner: String,
    cents: i64,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
