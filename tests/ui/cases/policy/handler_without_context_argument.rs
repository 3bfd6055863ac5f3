use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, Open};

#[derive(Policy)]
#[policy(name = "bonus", from = now, on_reject = stop, context, on(AccountEvent => Bonus::react))]
struct Bonus;

impl Bonus {
    async fn react(&self, _: &AccountEvent) -> Option<Open> {
        None
    }
}

fn main() {}
