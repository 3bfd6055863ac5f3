use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Statistics::apply))]
struct Statistics {
    events: u64,
}

fn main() {}
