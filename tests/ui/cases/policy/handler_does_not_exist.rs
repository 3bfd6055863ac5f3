use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Policy)]
#[policy(name = "bonus", from = now, on_reject = stop, on(AccountEvent => Bonus::react))]
struct Bonus;


fn main() {}
