use annalist::prelude::*;

annalist_ui_tests::six_hundred_events!();

#[derive(Event, Serialize, Deserialize)]
#[event(name = "company.department.of-a-long-name.part4.happened57")]
struct Repeated {}

#[derive(Policy)]
#[policy(name = "silence", from = now, on_reject = stop, on(
    Part0 => Silence::ignore,
    Part1 => Silence::ignore,
    Repeated => Silence::ignore,
    Part2 => Silence::ignore,
    Part3 => Silence::ignore,
    Part4 => Silence::ignore,
    Part5 => Silence::ignore,
))]
struct Silence;

impl Silence {
    fn ignore<E>(&self, _: &E) {}
}

fn main() {}
