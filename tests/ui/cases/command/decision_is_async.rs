use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent, AccountId};

#[derive(Command, Serialize)]
#[command(decide = open)]
struct Open {
    #[id(Account)]
    account: AccountId,
}

async fn open(_: &Account, c: &Open) -> Result<AccountEvent, AccountError> {
    Ok(AccountEvent::Opened { account: c.account })
}

fn main() {}
