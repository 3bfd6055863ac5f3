use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountId};

#[derive(Command, Serialize)]
#[command(decide = close)]
struct Close {
    #[id(Account)]
    account: AccountId,
}

fn close(_: &Account, _: &Close) -> Result<String, AccountError> {
    Err(AccountError::Insufficient)
}

fn main() {}
