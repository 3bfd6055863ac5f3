use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
#[id(kind = "Bank Account")]
struct AccountId(Uuid);

fn main() {}
