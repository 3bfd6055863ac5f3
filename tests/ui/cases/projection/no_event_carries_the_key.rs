use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, Frozen};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct OwnerId(Uuid);

#[derive(Projection)]
#[projection(name = "owners", on(AccountEvent => Owner::apply, Frozen => Owner::freeze))]
struct Owner {
    #[key]
    owner: OwnerId,
    accounts: i64,
}

impl Owner {
    fn apply(&mut self, _: &AccountEvent) {
        self.accounts += 1;
    }

    fn freeze(&mut self, _: &Frozen) {}
}

fn main() {}
