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
#[event(name = "booking.reserved", from(Made => from_made))]
struct Reserved {
    #[id]
    room: RoomId,
}

fn from_made(old: Made) -> Reserved {
    Reserved { room: old.room }
}

#[derive(Projection)]
#[projection(name = "rooms", on(Reserved => Room::reserve, Made => Room::make))]
struct Room {
    #[key]
    room: RoomId,
    bookings: u32,
}

impl Room {
    fn reserve(&mut self, _: &Reserved) {
        self.bookings += 1;
    }

    fn make(&mut self, _: &Made) {
        self.bookings += 1;
    }
}

fn main() {}
