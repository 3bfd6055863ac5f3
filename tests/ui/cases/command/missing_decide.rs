use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

#[derive(Command, Serialize)]
struct CloseAccount {
    #[id]
    account: AccountId,
}

fn main() {}
