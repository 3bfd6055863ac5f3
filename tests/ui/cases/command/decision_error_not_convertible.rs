use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountEvent, AccountId};

#[derive(Debug)]
struct NotToday;

#[derive(Command, Serialize)]
#[command(decide = open)]
struct Open {
    #[id(Account)]
    account: AccountId,
}

fn open(_: &Account, c: &Open) -> Result<AccountEvent, NotToday> {
    Ok(AccountEvent::Opened { account: c.account })
}

fn main() {}
