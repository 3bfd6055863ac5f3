use annalist::prelude::*;
use annalist_ui_tests::domain::*;

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => "Statistics::apply", "Frozen" => Statistics::frozen))]
struct Statistics {
    events: u64,
}

impl Statistics {
    fn frozen(&mut self, _: &Frozen) {}
}

fn main() {}
