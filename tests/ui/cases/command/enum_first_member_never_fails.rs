use annalist::prelude::*;
use annalist_ui_tests::domain::Open;

#[derive(Command, Serialize)]
#[command(decide = Self::ping)]
struct Ping;

impl Ping {
    fn ping(&self) {}
}

#[derive(Command)]
enum BankCommand {
    Ping(Ping),
    Open(Open),
}

fn main() {}
