use std::sync::Arc;

use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent, AccountId, Statistics};

#[derive(Command, Serialize)]
#[command(decide = close, state(Statistics))]
struct Close {
    #[id(Account)]
    accounts: Vec<AccountId>,
    #[id(Account)]
    other: Option<AccountId>,
}

fn close(_: &[Arc<Account>], _: &Close) -> Result<AccountEvent, AccountError> {
    Err(AccountError::Insufficient)
}

fn main() {}
