use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent};

fn open(_: &Account, _: &Open) -> Result<AccountEvent, AccountError> {
    Err(AccountError::Insufficient)
}

#[derive(Command, Serialize)]
#[command(decide = open, state(Account))]
struct Open {
    owner: String,
}

fn main() {}
