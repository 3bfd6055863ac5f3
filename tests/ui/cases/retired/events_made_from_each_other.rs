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
#[event(name = "booking.reserved", from(Moved => from_moved), retired)]
struct Reserved {
    #[id]
    room: RoomId,
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "booking.moved", from(Reserved => from_reserved), retired)]
struct Moved {
    #[id]
    room: RoomId,
}

fn from_moved(old: Moved) -> Reserved {
    Reserved { room: old.room }
}

fn from_reserved(old: Reserved) -> Moved {
    Moved { room: old.room }
}

fn main() {}
