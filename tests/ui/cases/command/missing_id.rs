use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Account::apply))]
struct Account {
    #[id]
    id: AccountId,
}

impl Account {
    fn apply(&mut self, _: &AccountEvent) {}

    fn close(&self, _: &Close) -> Result<(), std::convert::Infallible> {
        Ok(())
    }
}

#[derive(Command, Serialize)]
#[command(decide = Account::close)]
struct Close {
    account: AccountId,
}

fn main() {}
