use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Field, Clone, PartialEq)]
enum Day {
    Today,
}

#[derive(Projection)]
#[projection(name = "days", on(AccountEvent => Daily::apply by day_of))]
struct Daily {
    #[key]
    day: Day,
    events: i64,
}

fn day_of(_: &AccountEvent) -> Day {
    Day::Today
}

impl Daily {
    fn apply(&mut self, _: &AccountEvent) {
        self.events += 1;
    }
}

fn main() {}
