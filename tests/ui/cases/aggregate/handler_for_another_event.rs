use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, Frozen};

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Statistics::apply))]
struct Statistics {
    events: u64,
}

impl Statistics {
    fn apply(&mut self, _: &Frozen) {}
}

fn main() {}
