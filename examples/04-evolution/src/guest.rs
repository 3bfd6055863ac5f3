//! What does not change.

use annalist::prelude::*;

/// A room: `attic`.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomId(String);

/// A room, for samples of events.
pub(crate) fn attic() -> RoomId {
    RoomId("attic".to_owned())
}

/// What a guest asks for. The versions of the program store it differently.
#[derive(Clone, Debug)]
pub struct Booking {
    /// The room.
    pub room: RoomId,
    /// The number of the night.
    pub night: u32,
    /// The name of the guest.
    pub guest: String,
    /// The number of persons. The first two versions do not store it.
    pub persons: u32,
    /// The price in euros.
    pub euros: u32,
}

/// The night is booked already.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[error("night {night} of `{room}` is taken")]
pub struct Occupied {
    /// The room.
    pub room: RoomId,
    /// The night.
    pub night: u32,
}
