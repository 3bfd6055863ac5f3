use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

mod bank {
    use annalist_ui_tests::domain::{Account, AccountError, AccountEvent};

    pub fn open(_: &Account, c: &super::Open) -> Result<AccountEvent, AccountError> {
        Ok(AccountEvent::Opened { account: c.account })
    }
}

#[derive(Command, Serialize)]
#[command(decide = bank::open)]
struct Open {
    #[id]
    account: AccountId,
}

fn main() {}
