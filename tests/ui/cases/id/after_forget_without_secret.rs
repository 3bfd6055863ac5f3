use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
#[id(after_forget = "free")]
struct Email(String);

fn main() {}
