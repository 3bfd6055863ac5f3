use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

#[derive(Event, Serialize, Deserialize)]
struct AccountOpened {
    #[id(Account)]
    account: AccountId,
}

fn main() {}
