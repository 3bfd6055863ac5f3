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
#[event(prefix = "booking")]
enum BookingEvent {
    Made(Made),
    #[event(from(Made => from_made))]
    Reserved {
        #[id]
        room: RoomId,
    },
}

fn from_made(old: Made) -> BookingEvent {
    BookingEvent::Reserved { room: old.room }
}

fn main() {}
