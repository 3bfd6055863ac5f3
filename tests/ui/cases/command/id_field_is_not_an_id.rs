use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent};

fn open(_: &Account, _: &Open) -> Result<AccountEvent, AccountError> {
    Err(AccountError::Insufficient)
}

#[derive(Command, Serialize)]
#[command(decide = open)]
struct Open {
    #[id(Account)]
    account: u64,
}

fn main() {}
