use annalist::prelude::*;

annalist_ui_tests::six_hundred_events!();

#[derive(Event, Serialize, Deserialize)]
#[event(name = "company.department.of-a-long-name.part4.happened57")]
struct Repeated {}

#[derive(Aggregate)]
#[aggregate(on(
    Part0 => Count::add,
    Part1 => Count::add,
    Repeated => Count::add,
    Part2 => Count::add,
    Part3 => Count::add,
    Part4 => Count::add,
    Part5 => Count::add,
))]
struct Count {
    events: u64,
}

impl Count {
    fn add<E>(&mut self, _: &E) {}
}

fn main() {}
