use annalist::prelude::*;

#[derive(Aggregate)]
#[aggregate(on(AcountEvent => Statistics::apply))]
struct Statistics {
    events: u64,
}

impl Statistics {
    fn apply(&mut self, _: &annalist_ui_tests::domain::AccountEvent) {}
}

fn main() {}
