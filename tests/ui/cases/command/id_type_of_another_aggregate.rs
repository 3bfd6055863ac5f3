use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct ProductId(Uuid);

fn open(_: &Account, _: &Open) -> Result<AccountEvent, AccountError> {
    Err(AccountError::Insufficient)
}

#[derive(Command, Serialize)]
#[command(decide = open)]
struct Open {
    #[id(Account)]
    account: ProductId,
}

fn main() {}
