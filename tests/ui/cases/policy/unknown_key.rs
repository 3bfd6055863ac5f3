use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, Open};

#[derive(Policy)]
#[policy(name = "bonus", from = now, on_reject = stop, on_rejected = park, tries = 5, on(AccountEvent => Bonus::react))]
struct Bonus;

impl Bonus {
    async fn react(&self, _: &AccountEvent) -> Option<Open> {
        None
    }
}

fn main() {}
