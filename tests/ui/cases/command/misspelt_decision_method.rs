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

    fn deposit(&self, _: &Deposit) -> Result<(), std::convert::Infallible> {
        Ok(())
    }
}

#[derive(Command, Serialize)]
#[command(decide = Account::deposits)]
struct Deposit {
    #[id]
    account: AccountId,
}

fn main() {}
