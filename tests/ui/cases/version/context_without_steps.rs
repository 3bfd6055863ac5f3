use annalist::prelude::*;

#[derive(Deserialize)]
struct V1 {
    seats: String,
}

#[derive(Deserialize)]
struct V2 {
    seats: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "booking.made", context)]
struct Booked {
    seats: u32,
    paid: bool,
}

fn main() {}
