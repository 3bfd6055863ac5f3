use annalist::prelude::*;

#[derive(Id, Field, Clone, Debug, PartialEq, Eq, Hash)]
struct AccountId(Uuid);

fn main() {}
