use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountError, Open};

#[derive(Command, Serialize)]
#[command(decide = bank, error = AccountError)]
enum BankCommand {
    Open(Open),
}

fn main() {}
