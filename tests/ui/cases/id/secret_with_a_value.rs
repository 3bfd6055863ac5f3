use annalist::prelude::*;

#[derive(Id, Clone, PartialEq, Eq, Hash)]
#[id(secret = true)]
struct Email(String);

fn main() {}
