use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
#[id(secrte)]
struct Email(String);

fn main() {}
