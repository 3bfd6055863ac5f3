use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash, Serialize)]
struct AccountId(Uuid);

fn main() {}
