use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

struct Balance {
    account: AccountId,
}

#[derive(Query)]
#[query(from = Balance)]
struct Question {
    #[key]
    account: AccountId,
}

fn main() {}
