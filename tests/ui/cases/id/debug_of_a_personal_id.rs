use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
#[id(secret)]
struct Email(String);

fn main() {}
