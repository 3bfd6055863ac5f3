use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

struct Balance {
    account: AccountId,
}

#[derive(Query)]
#[query(from = Balance)]
struct FindRows {
    #[key]
    account: AccountId,
}

fn main() {}
