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
#[event(name = "booking.reserved", from(Changed => from_changed))]
struct Reserved {
    #[id]
    room: RoomId,
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "booking.changed")]
struct Changed {
    #[id]
    room: RoomId,
}

fn from_changed(old: Changed) -> Reserved {
    Reserved { room: old.room }
}

fn main() {}
