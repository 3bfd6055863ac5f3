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
#[event(name = "booking.reserved", from(Made => "from_made"))]
struct Reserved {
    #[id]
    room: RoomId,
}

fn from_made(old: Made) -> Reserved {
    Reserved { room: old.room }
}

fn main() {}
