use annalist::prelude::*;
use annalist_ui_tests::domain::Frozen;

#[derive(Policy)]
#[policy(nam = "Bonus", from = later, on_reject = ignored, retry = many, on(AccountEvent, Frozen => Bonus::react with care), context(all))]
struct Bonus;

impl Bonus {
    fn react(&self, _: &Frozen) {}
}

fn look(event: Frozen) {
    let _ = annalist::testing::given(()).react(Bonus, event);
}

fn main() {}
