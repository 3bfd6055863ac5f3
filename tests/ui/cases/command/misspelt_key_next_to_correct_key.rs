use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent, AccountId};

fn open(_: &Account, c: &Open) -> Result<AccountEvent, AccountError> {
    Ok(AccountEvent::Opened { account: c.account })
}

#[derive(Command, Serialize)]
#[command(decdie = open, decide = open)]
struct Open {
    #[id(Account)]
    account: AccountId,
}

fn main() {}
