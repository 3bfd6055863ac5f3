use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct AccountId(#[id(kind = "account")] Uuid);

fn main() {}
