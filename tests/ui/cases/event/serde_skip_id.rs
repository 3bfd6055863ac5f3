use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

#[derive(Event, Serialize, Deserialize)]
struct AccountOpened {
    #[id]
    #[serde(skip_serializing)]
    account: AccountId,
}

fn main() {}
