use annalist::prelude::*;

annalist_ui_tests::six_hundred_events!();

#[derive(Event, Serialize, Deserialize)]
#[event(name = "company.department.of-a-long-name.part4.happened57")]
struct Repeated {}

#[derive(Projection)]
#[projection(name = "totals", version = 1, on(
    Part0 => Total::add by everything,
    Part1 => Total::add by everything,
    Repeated => Total::add by everything,
    Part2 => Total::add by everything,
    Part3 => Total::add by everything,
    Part4 => Total::add by everything,
    Part5 => Total::add by everything,
))]
struct Total {
    #[key]
    group: u32,
    events: u32,
}

impl Total {
    fn add<E>(&mut self, _: &E) {}
}

fn everything<E>(_: &E) -> u32 {
    1
}

fn main() {}
