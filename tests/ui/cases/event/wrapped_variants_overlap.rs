use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, Frozen};

#[derive(Event)]
enum Frost {
    Frozen(Frozen),
}

#[derive(Event)]
enum AllEvents {
    Account(AccountEvent),
    Frozen(Frozen),
    Frost(Frost),
}

fn main() {}
