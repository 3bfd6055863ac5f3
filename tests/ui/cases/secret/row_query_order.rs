use annalist::{Secret, prelude::*};
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Projection, Clone, PartialEq)]
#[projection(name = "owners", on(AccountEvent => Owner::apply))]
struct Owner {
    #[key]
    account: AccountId,
    #[secret(subject = account, lookup)]
    email: Secret<String>,
}

impl Owner {
    fn apply(&mut self, _: &AccountEvent) {}
}

#[derive(Query)]
#[query(from = Owner, order = email)]
struct FindOwners;

fn main() {}
