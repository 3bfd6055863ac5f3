use annalist::prelude::*;
use annalist_ui_tests::domain::*;

#[derive(Aggregate)]
#[aggregate(on = AccountEvent)]
struct Statistics {
    events: u64,
}

fn main() {}
