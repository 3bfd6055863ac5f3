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

    fn transfer((_from, _to): (&Self, &Self), _: &Transfer) -> Result<(), std::convert::Infallible> {
        Ok(())
    }
}

#[derive(Command, Serialize)]
#[command(decide = Account::transfer)]
struct Transfer {
    #[id]
    from: AccountId,
    #[id]
    to: AccountId,
}

fn main() {}
