use annalist::prelude::*;
use annalist_ui_tests::domain::*;

#[derive(Command, Serialize)]
#[command(decide = |_, _| Ok(()))]
struct Open {
    #[id(Account)]
    account: AccountId,
}

fn main() {}
