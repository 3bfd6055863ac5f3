use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent, AccountId};

struct Ledger;

fn open(_: (&Account, &Ledger), c: &Open) -> Result<AccountEvent, AccountError> {
    Ok(AccountEvent::Opened { account: c.account })
}

#[derive(Command, Serialize)]
#[command(decide = open, state(Ledger))]
struct Open {
    #[id(Account)]
    account: AccountId,
}

fn main() {}
