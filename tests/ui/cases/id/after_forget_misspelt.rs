use annalist::prelude::*;

#[derive(Id, Clone, PartialEq, Eq, Hash)]
#[id(secret, after_forget = "freed")]
struct Email(String);

fn main() {}
