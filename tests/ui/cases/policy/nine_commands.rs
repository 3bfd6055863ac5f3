use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, Open};

#[derive(Policy)]
#[policy(name = "bonus", from = now, on_reject = stop, on(AccountEvent => Bonus::react))]
struct Bonus;

type Nine = (Open, Open, Open, Open, Open, Open, Open, Open, Open);

impl Bonus {
    async fn react(&self, _: &AccountEvent) -> Option<Nine> {
        None
    }
}

fn main() {}
