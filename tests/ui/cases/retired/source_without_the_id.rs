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
#[event(name = "booking.reserved", from(Old => from_old))]
struct Reserved {
    #[id]
    room: RoomId,
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "booking.old", retired)]
struct Old {
    room: String,
}

fn from_old(old: Old) -> Reserved {
    Reserved { room: RoomId(old.room) }
}

fn main() {}
