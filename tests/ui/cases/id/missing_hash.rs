use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq)]
struct AccountId(Uuid);

fn main() {}
