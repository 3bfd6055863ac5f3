use annalist::prelude::*;

#[derive(Id, Clone, Debug, Default, PartialEq, Eq, Hash)]
struct RoomId(u64);

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "room")]
enum RoomEvent {
    Booked {
        #[id]
        room: RoomId,
    },
}

#[derive(Aggregate)]
#[aggregate(on(RoomEvent => Room::apply))]
struct Room {
    id: RoomId,
    booked: bool,
}

impl Room {
    fn apply(&mut self, _: &RoomEvent) {
        self.booked = true;
    }
}

fn main() {}
