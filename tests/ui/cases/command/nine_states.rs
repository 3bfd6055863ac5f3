use annalist::prelude::*;
use annalist_ui_tests::domain::*;

fn many(_: &Account, _: &Many) -> Result<AccountEvent, AccountError> {
    Err(AccountError::Insufficient)
}

#[derive(Command, Serialize)]
#[command(decide = many, state(Statistics))]
struct Many {
    #[id(Account, Account, Account, Account)]
    from: AccountId,
    #[id(Account, Account, Account, Account)]
    to: AccountId,
}

fn main() {}
