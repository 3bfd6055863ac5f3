use annalist::prelude::*;

annalist_ui_tests::six_hundred_events!();

#[derive(Event, Serialize, Deserialize)]
#[event(name = "company.department.of-a-long-name.part4.happened57")]
struct Repeated {}

#[derive(Event)]
enum AllEvents {
    Part0(Part0),
    Part1(Part1),
    Repeated(Repeated),
    Part2(Part2),
    Part3(Part3),
    Part4(Part4),
    Part5(Part5),
}

fn main() {}
