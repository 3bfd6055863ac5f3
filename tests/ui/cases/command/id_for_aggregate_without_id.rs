use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountError, AccountEvent, AccountId, Statistics};

fn open(_: &Statistics, _: &Open) -> Result<AccountEvent, AccountError> {
    Err(AccountError::Insufficient)
}

#[derive(Command, Serialize)]
#[command(decide = open, error = AccountError)]
struct Open {
    #[id(Statistics)]
    account: AccountId,
}

fn main() {}
