use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct AccountId(Uuid, u32);

fn main() {}
