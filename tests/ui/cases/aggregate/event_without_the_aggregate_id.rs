use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "account")]
enum AccountEvent {
    Opened { account: AccountId },
    Closed { account: AccountId },
}

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Account::apply))]
struct Account {
    #[id]
    id: AccountId,
    open: bool,
}

impl Account {
    fn apply(&mut self, _: &AccountEvent) {
        self.open = true;
    }
}

fn main() {}
