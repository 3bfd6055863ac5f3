use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountError, AccountEvent, AccountId};

struct Branch;

fn open(_: (&Account, &Branch), c: &Open) -> Result<AccountEvent, AccountError> {
    Ok(AccountEvent::Opened { account: c.account })
}

#[derive(Command, Serialize)]
#[command(decide = open, state(Branch))]
struct Open {
    #[id(Account)]
    account: AccountId,
}

fn main() {}
