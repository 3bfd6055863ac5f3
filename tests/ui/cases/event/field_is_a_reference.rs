use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

#[derive(Event, Serialize, Deserialize)]
enum AccountEvent {
    Opened {
        #[id]
        account: AccountId,
        owner: &'static str,
    },
}

fn main() {}
