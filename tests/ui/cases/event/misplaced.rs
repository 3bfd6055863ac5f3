use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "account")]
#[id]
enum AccountEvent {
    #[id]
    Opened {
        #[event(name = "account")]
        account: AccountId,
    },
}

fn main() {}
