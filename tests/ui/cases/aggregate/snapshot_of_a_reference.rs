use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Aggregate, Serialize, Deserialize)]
#[aggregate(on(AccountEvent => Statistics::apply), snapshot(every = 100))]
struct Statistics {
    state: &'static str,
}

impl Statistics {
    fn apply(&mut self, _: &AccountEvent) {
        self.state = "used";
    }
}

fn main() {}
