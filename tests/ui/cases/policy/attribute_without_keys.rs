use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, Open};

#[derive(Policy)]
#[policy]
struct Bonus;

impl Bonus {
    async fn react(&self, _: &AccountEvent) -> Option<Open> {
        None
    }
}

fn main() {}
