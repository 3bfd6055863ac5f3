use annalist::prelude::*;

#[derive(Deserialize)]
struct V1 {
    seats: String,
}

#[derive(Deserialize)]
struct V2 {
    seats: u32,
}

fn from_v1(old: V1) -> V2 {
    V2 { seats: old.seats.len() as u32 }
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "booking.made", version = 2, upcast(1 => from_v1))]
struct Booked {
    seats: u32,
    paid: bool,
}

fn main() {}
