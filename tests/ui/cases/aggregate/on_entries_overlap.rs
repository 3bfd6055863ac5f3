use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, Frozen};

#[derive(Event)]
enum AllEvents {
    Account(AccountEvent),
    Frozen(Frozen),
}

#[derive(Aggregate)]
#[aggregate(on(AllEvents => Statistics::apply, Frozen => Statistics::frozen))]
struct Statistics {
    events: u64,
}

impl Statistics {
    fn apply(&mut self, _: &AllEvents) {}
    fn frozen(&mut self, _: &Frozen) {}
}

fn main() {}
