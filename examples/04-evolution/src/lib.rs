//! A guest house through four versions of its program, on one log. Read the modules in this order:
//!
//! | module | what changes | how |
//! |---|---|---|
//! | [`v1`] | the first version: each night of a room can be booked once | |
//! | [`v2`] | the event is renamed | `alias` |
//! | [`v3`] | a new field, and cents instead of euros | `version`, `upcast` |
//! | [`v4`] | the event is split into a reservation and a payment | `retired`, `from` |
//!
//! [`deploy`] runs the second and the third at the same time: the rows of the third are built while the second reads its own.
//! [`hasty`] is a second version that forgets the former name. The gate refuses it, before it reaches a log.
//!
//! In a real program there is one module, which changes. Here all four stay, so that they can run side by side: the older ones
//! play the part of programs that are not deployed yet.

pub mod deploy;
pub mod guest;
pub mod hasty;
pub mod v1;
pub mod v2;
pub mod v3;
pub mod v4;

use std::path::Path;

use annalist::{
    App,
    app::Builder,
    model::{Gate, GateError, Model},
};

pub use self::guest::{Booking, Occupied, RoomId};

/// An error of the program.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The name of the projection, in every version.
pub const PROJECTION: &str = "income";

/// One version of the program.
pub trait Version {
    /// Registers the commands and the projection.
    fn register(builder: Builder) -> Builder;

    /// Samples of the events that this version writes, for the gate with this file.
    ///
    /// # Errors
    /// [`GateError`] if one of them cannot be encoded.
    fn samples(gate: Gate) -> Result<Gate, GateError>;

    /// Books a night.
    fn book(app: &App, booking: Booking) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Describes the rows of the projection, a line for each room.
    fn rows(app: &App) -> impl Future<Output = Result<Vec<String>, Failure>> + Send;
}

/// Compares a version with everything that was released before, and writes to the file what it adds. Returns the added lines.
///
/// # Errors
/// [`GateError`] if the version loses something that was released.
pub fn release<V: Version>(file: &Path) -> Result<Vec<String>, Failure> {
    let model = Model::of(V::register)?;
    Ok(V::samples(Gate::new(file))?.update(&model)?.additions)
}
