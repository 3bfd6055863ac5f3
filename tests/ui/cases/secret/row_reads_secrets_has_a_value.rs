use annalist::{Secret, prelude::*};
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection)]
#[projection(name = "owners", reads_secrets = true, on(AccountEvent => Owner::apply))]
struct Owner {
    #[key]
    account: AccountId,
    #[secret(subject = account)]
    email: Secret<String>,
}

impl Owner {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn main() {}
