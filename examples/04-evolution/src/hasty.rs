//! A second version that renames the event and forgets the former name: it would not know which nights are taken. The gate refuses it.

use std::path::Path;

use annalist::{
    app::Builder,
    model::{Gate, Model},
    prelude::*,
};

use crate::{Failure, RoomId};

/// A guest has booked a night.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "booking.made")]
pub struct BookingMade {
    /// The room.
    #[id]
    pub room: RoomId,
    /// The number of the night.
    pub night: u32,
    /// The name of the guest.
    pub guest: String,
    /// The price in euros.
    pub euros: u32,
}

/// Compares this version with everything that was released before.
///
/// # Errors
/// [`GateError`](annalist::model::GateError), which says what to write.
pub fn release(file: &Path) -> Result<Vec<String>, Failure> {
    let model = Model::of(Builder::events::<BookingMade>)?;
    Ok(Gate::new(file).update(&model)?.additions)
}
