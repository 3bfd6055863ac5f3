use annalist::prelude::*;

#[derive(Aggregate)]
#[aggregate(on())]
struct Statistics {
    events: u64,
}

fn main() {}
