use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Id, Clone, PartialEq, Eq, Hash)]
struct Number(u64);

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    number: Number,
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
