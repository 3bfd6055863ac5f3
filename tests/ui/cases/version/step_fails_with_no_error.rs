use annalist::prelude::*;

#[derive(Deserialize)]
struct V1 {
    seats: String,
}

#[derive(Deserialize)]
struct V2 {
    seats: u32,
}

struct Reason;

fn from_v2(_: V2) -> Result<Booked, Reason> {
    Err(Reason)
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "booking.made", version = 2, upcast(1 => from_v2))]
struct Booked {
    seats: u32,
    paid: bool,
}

fn main() {}
