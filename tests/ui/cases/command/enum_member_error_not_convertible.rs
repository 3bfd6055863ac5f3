use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountEvent, AccountId, Open};

#[derive(Debug)]
struct NotToday;

#[derive(Command, Serialize)]
#[command(decide = close, error = NotToday)]
struct Close {
    #[id(Account)]
    account: AccountId,
}

fn close(_: &Account, _: &Close) -> Result<AccountEvent, NotToday> {
    Err(NotToday)
}

#[derive(Command)]
enum BankCommand {
    Open(Open),
    Close(Close),
}

fn main() {}
