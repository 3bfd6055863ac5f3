use annalist::prelude::*;

#[derive(Command, Serialize)]
enum BankCommand {}

fn main() {}
