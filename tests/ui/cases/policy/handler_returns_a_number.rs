use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent};

#[derive(Policy)]
#[policy(name = "bonus", from = now, on_reject = stop, on(AccountEvent => Bonus::react))]
struct Bonus;

impl Bonus {
    fn react(&self, _: &AccountEvent) -> u32 {
        1
    }
}

fn main() {}
