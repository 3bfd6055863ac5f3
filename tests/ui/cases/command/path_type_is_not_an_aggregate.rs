use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountError, AccountEvent, AccountId};

struct Branch;

impl Branch {
    fn open(&self, c: &Open) -> Result<AccountEvent, AccountError> {
        Ok(AccountEvent::Opened { account: c.account })
    }
}

#[derive(Command, Serialize)]
#[command(decide = Branch::open)]
struct Open {
    #[id]
    account: AccountId,
}

fn main() {}
