use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Statistics::apply), context)]
struct Statistics {
    events: u64,
}

impl Statistics {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
