use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Event, Serialize, Deserialize)]
struct Renamed {
    account: AccountId,
    owner: String,
}

#[derive(Projection)]
#[projection(name = "balances", on(AccountEvent => Balance::apply by account_of, Renamed => Balance::rename))]
struct Balance {
    #[key]
    account: AccountId,
    owner: String,
}

fn account_of(event: &AccountEvent) -> AccountId {
    match event {
        AccountEvent::Opened { account } | AccountEvent::Deposited { account, .. } => *account,
    }
}

impl Balance {
    fn apply(&mut self, _: &AccountEvent) {}

    fn rename(&mut self, event: &Renamed) {
        self.owner = event.owner.clone();
    }
}

fn main() {}
