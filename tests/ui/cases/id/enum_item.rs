use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
enum AccountId {
    Old(u64),
    New(Uuid),
}

fn main() {}
