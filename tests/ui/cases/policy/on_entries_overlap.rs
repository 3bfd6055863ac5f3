use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, Frozen};

#[derive(Event)]
enum AllEvents {
    Account(AccountEvent),
    Frozen(Frozen),
}

#[derive(Policy)]
#[policy(name = "bonus", from = now, on_reject = stop, on(AllEvents => Bonus::all, Frozen => Bonus::freeze))]
struct Bonus;

impl Bonus {
    async fn all(&self, _: &AllEvents) {}
    async fn freeze(&self, _: &Frozen) {}
}

fn main() {}
