use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountError, AccountEvent, Statistics};

fn open(_: &Statistics, _: &Open) -> Result<AccountEvent, AccountError> {
    Err(AccountError::Insufficient)
}

#[derive(Command, Serialize)]
#[command(decide = open, state = Statistics, error = AccountError)]
struct Open {
    owner: String,
}

fn main() {}
