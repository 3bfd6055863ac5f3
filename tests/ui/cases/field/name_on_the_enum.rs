use annalist::prelude::*;

#[derive(Field)]
#[field(name = "status")]
enum Status {
    Open,
}

fn main() {}
