use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent, AccountId};

#[derive(Command, Serialize)]
#[command(decide = close, context)]
struct Close {
    #[id(Account)]
    account: AccountId,
}

fn close(_: &Account, _: &Close) -> Result<AccountEvent, AccountError> {
    Err(AccountError::Insufficient)
}

fn main() {}
