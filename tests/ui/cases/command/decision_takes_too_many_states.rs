use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent, AccountId, Statistics};

#[derive(Command, Serialize)]
#[command(decide = close)]
struct Close {
    #[id(Account)]
    account: AccountId,
}

fn close(_: (&Account, &Statistics), _: &Close) -> Result<AccountEvent, AccountError> {
    Err(AccountError::Insufficient)
}

fn main() {}
