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
#[event(prefix = "booking")]
enum BookingEvent {
    #[event(version = 2, upcast(1 => from_v1))]
    Made { seats: u32 },
}

fn from_v1(old: V1) -> V2 {
    V2 { seats: old.seats.len() as u32 }
}

fn main() {}
