use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Statistics::apply))]
struct Statistics {
    events: u64,
}

impl Statistics {
    async fn apply(&mut self, _: &AccountEvent) {
        self.events += 1;
    }
}

fn main() {}
