use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Statistics::aply))]
struct Statistics {
    events: u64,
}

impl Statistics {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
