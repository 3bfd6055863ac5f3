use annalist::prelude::*;
use annalist_ui_tests::domain::Open;

struct Close;

#[derive(Command)]
enum BankCommand {
    Open(Open),
    Close(Close),
}

fn main() {}
