use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Day(u16);

#[derive(Projection)]
#[projection(name = "days", on(AccountEvent => Daily::apply by day_of))]
struct Daily {
    #[key]
    day: Day,
    events: i64,
}

fn day_of(_: &AccountEvent) -> Day {
    Day(1)
}

impl Daily {
    fn apply(&mut self, _: &AccountEvent) {
        self.events += 1;
    }
}

fn main() {}
