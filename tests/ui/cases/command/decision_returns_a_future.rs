use annalist::prelude::*;
use annalist_ui_tests::domain::{Account, AccountEvent, AccountId};

#[derive(Command, Serialize)]
#[command(decide = open, context)]
struct Open {
    #[id(Account)]
    account: AccountId,
}

fn open(_: &Account, c: &Open, _: &Context) -> impl Future<Output = AccountEvent> {
    let account = c.account;
    async move { AccountEvent::Opened { account } }
}

fn main() {}
