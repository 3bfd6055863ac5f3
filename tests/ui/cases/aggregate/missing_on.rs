use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

#[derive(Aggregate)]
struct Account {
    #[id]
    id: AccountId,
}

fn main() {}
