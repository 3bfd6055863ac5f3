use annalist::{Secret, prelude::*};
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection)]
#[projection(name = "owners", on(AccountEvent => Owner::apply))]
struct Owner {
    #[key]
    account: AccountId,
    #[json]
    #[secret(subject = account)]
    email: Secret<Vec<String>>,
}

impl Owner {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
