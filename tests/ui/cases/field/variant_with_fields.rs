use annalist::prelude::*;

#[derive(Field)]
enum Status {
    Open,
    Closed { reason: String },
    Moved(u32),
}

fn main() {}
