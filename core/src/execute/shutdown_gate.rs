//! Graceful shutdown: commands in flight finish, new ones are refused.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{RwLock, RwLockReadGuard};

use crate::error::Error;

/// Admits commands until it is closed.
#[derive(Debug, Default)]
pub(super) struct ShutdownGate {
    closed: AtomicBool,
    /// Every command in flight holds a read lock.
    in_flight: RwLock<()>,
}

/// Held by a command as long as it is in flight.
pub(super) struct InFlightGuard<'a> {
    _guard: RwLockReadGuard<'a, ()>,
}

impl ShutdownGate {
    /// Admits a command.
    ///
    /// # Errors
    /// [`Error::Unavailable`] once the gate is closing or closed.
    pub(super) fn try_enter(&self) -> Result<InFlightGuard<'_>, Error> {
        // Takes the lock before it reads the flag, so that `close` waits for every command that found the gate open.
        let guard = self.in_flight.try_read().ok();
        let guard = guard.filter(|_| !self.closed.load(Ordering::SeqCst)).ok_or_else(|| {
            Error::unavailable("execute a command", "the app is shutting down; retry on another instance")
        })?;
        Ok(InFlightGuard { _guard: guard })
    }

    /// Refuses new commands from now on, and waits for those in flight. The gate stays closed if the future is dropped.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        drop(self.in_flight.write().await);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn close_waits_for_commands_in_flight_and_refuses_new_ones() {
        let gate = ShutdownGate::default();
        let in_flight = gate.try_enter().unwrap();
        {
            let mut closing = pin!(gate.close());
            assert!(closing.as_mut().now_or_never().is_none() && gate.try_enter().is_err());
        }
        // The dropped `close` left the gate closed.
        assert!(gate.try_enter().is_err());
        drop(in_flight);
        gate.close().await;
        assert!(gate.try_enter().is_err());
    }
}
