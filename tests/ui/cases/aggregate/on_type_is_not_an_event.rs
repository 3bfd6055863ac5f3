use annalist::prelude::*;

struct Frozen;

#[derive(Aggregate)]
#[aggregate(on(Frozen => Statistics::frozen))]
struct Statistics {
    events: u64,
}

impl Statistics {
    fn frozen(&mut self, _: &Frozen) {}
}

fn main() {}
