use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountId, Open};

#[derive(Command, Serialize)]
enum BankCommand {
    Open(Open),
    Close { account: AccountId },
    Report,
}

fn main() {}
