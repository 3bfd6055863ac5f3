use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
#[id(kind = account)]
struct AccountId(Uuid);

fn main() {}
