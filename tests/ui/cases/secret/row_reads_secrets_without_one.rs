use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection)]
#[projection(name = "owners", reads_secrets, on(AccountEvent => Owner::apply))]
struct Owner {
    #[key]
    account: AccountId,
    cents: i64,
}

impl Owner {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
