use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct Id(Uuid);

fn main() {}
