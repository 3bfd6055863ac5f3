use annalist::prelude::*;
use annalist_ui_tests::domain::{Open};

#[derive(Policy)]
#[policy(name = "bonus", from = now, on_reject = stop, on(Open => Bonus::react))]
struct Bonus;

impl Bonus {
    async fn react(&self, _: &Open) {}
}

fn main() {}
