use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Aggregate, Serialize, Deserialize)]
#[aggregate(on(AccountEvent => Account::apply), snapshot(every = 100))]
struct Account {
    events: u64,
    #[serde(skip)]
    last: u64,
}

impl Account {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
