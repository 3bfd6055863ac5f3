use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct RoomId(String);

#[derive(Event, Serialize, Deserialize)]
#[event(name = "booking.made", retired)]
struct Made {
    #[id]
    room: RoomId,
}

#[derive(Aggregate)]
#[aggregate(on(Made => Room::apply))]
struct Room {
    #[id]
    id: RoomId,
}

impl Room {
    fn apply(&mut self, _: &Made) {}

    fn book(&self, command: &Book) -> Made {
        Made { room: command.room.clone() }
    }
}

#[derive(Command, Serialize)]
#[command(decide = Room::book)]
struct Book {
    #[id]
    room: RoomId,
}

fn main() {}
