use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountId};

#[derive(Command, Serialize)]
#[command(decide = close)]
struct Close {
    #[id(Account)]
    account: AccountId,
}

fn close(_: &Account, _: &Close) -> String {
    "account.closed".to_owned()
}

fn main() {}
