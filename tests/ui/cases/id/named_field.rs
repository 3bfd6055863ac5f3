use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct AccountId {
    value: Uuid,
}

fn main() {}
