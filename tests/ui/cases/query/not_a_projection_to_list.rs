use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

struct Balance {
    account: AccountId,
}

#[derive(Query)]
#[query(from = Balance, order = owner)]
struct FindRows {
    #[equal]
    owner: String,
    #[prefix(town)]
    start: Option<String>,
}

fn main() {}
