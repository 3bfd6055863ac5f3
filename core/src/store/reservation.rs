//! The order of callers whose appends conflict with each other.

use std::{any::Any, fmt, sync::Mutex};

/// The reservation of one caller among all that [reserve](super::EventStore::reserve) the same criteria. Dropping it lets the next one
/// continue.
///
/// It prevents conflicts between these callers. Appends of others stay possible: conditions are checked as without a reservation.
#[derive(Default)]
pub struct Reservation {
    guard: Option<Mutex<Box<dyn Any + Send>>>,
    has_waited: bool,
}

impl Reservation {
    /// Returns no reservation: of a store that has no order of callers, or cannot reserve now.
    pub const fn none() -> Self {
        Self { guard: None, has_waited: false }
    }

    /// Creates a reservation that ends when the guard is dropped. `has_waited` is `true` if another caller had one before.
    pub fn new(guard: impl Send + 'static, has_waited: bool) -> Self {
        Self { guard: Some(Mutex::new(Box::new(guard))), has_waited }
    }

    /// Returns `true` if the caller waited for another one.
    pub fn has_waited(&self) -> bool {
        self.has_waited
    }

    /// Returns `true` if there is no reservation.
    pub fn is_none(&self) -> bool {
        self.guard.is_none()
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("is_none", &self.is_none()).finish()
    }
}
