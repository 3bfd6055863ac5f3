use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
#[id(knd = "account")]
struct AccountId(Uuid);

fn main() {}
