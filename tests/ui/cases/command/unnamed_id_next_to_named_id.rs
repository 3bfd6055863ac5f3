use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent, AccountId};

fn transfer(_: (&Account, &Account), _: &Transfer) -> Result<AccountEvent, AccountError> {
    Err(AccountError::Insufficient)
}

#[derive(Command, Serialize)]
#[command(decide = transfer)]
struct Transfer {
    #[id(Account)]
    from: AccountId,
    #[id]
    to: AccountId,
}

fn main() {}
