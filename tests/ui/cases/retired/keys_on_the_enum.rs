use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct RoomId(String);

#[derive(Event, Serialize, Deserialize)]
#[event(name = "booking.made", retired)]
struct Made {
    #[id]
    room: RoomId,
}

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "booking", from(Made => from_made), retired)]
enum BookingEvent {
    #[event(retired)]
    Made(Made),
    Cancelled {
        #[id]
        room: RoomId,
    },
}

fn main() {}
