use annalist::prelude::*;

#[derive(Serialize, Clone, Debug, PartialEq, Eq, Hash)]
#[derive(Id)]
struct AccountId(Uuid);

fn main() {}
