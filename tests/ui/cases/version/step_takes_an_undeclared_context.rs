use annalist::prelude::*;

#[derive(Deserialize)]
struct V1 {
    seats: String,
}

#[derive(Deserialize)]
struct V2 {
    seats: u32,
}

fn from_v1(old: V2, context: &Context) -> Booked {
    Booked { seats: old.seats, paid: context.actor().is_some() }
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "booking.made", version = 2, upcast(1 => from_v1))]
struct Booked {
    seats: u32,
    paid: bool,
}

fn main() {}
