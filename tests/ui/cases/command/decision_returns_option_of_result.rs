use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent, AccountId};

#[derive(Command, Serialize)]
#[command(decide = close)]
struct Close {
    #[id(Account)]
    account: AccountId,
}

fn close(_: &Account, _: &Close) -> Option<Result<AccountEvent, AccountError>> {
    None
}

fn main() {}
