//! Who is in may finish; once the doors are closed nobody else comes in.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{RwLock, RwLockReadGuard};

use crate::error::Error;

/// The way in for commands.
#[derive(Debug, Default)]
pub(super) struct Doors {
    closed: AtomicBool,
    /// Read by everybody who is inside.
    inside: RwLock<()>,
}

/// The right to be inside. It ends when it is dropped.
pub(super) struct Inside<'a> {
    _guard: RwLockReadGuard<'a, ()>,
}

impl Doors {
    /// Goes in, unless the doors are closed or closing.
    pub(super) fn enter(&self) -> Result<Inside<'_>, Error> {
        // In this order: who is inside and found them open is waited for.
        let guard = self.inside.try_read().ok();
        let guard = guard.filter(|_| !self.closed.load(Ordering::SeqCst)).ok_or_else(|| {
            Error::unavailable("execute a command", "the app is shutting down; another process may take it")
        })?;
        Ok(Inside { _guard: guard })
    }

    /// Lets nobody in any more, and waits until everybody is out. They stay closed if the future is dropped.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        drop(self.inside.write().await);
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Poll};

    use super::*;

    #[tokio::test]
    async fn who_is_inside_is_waited_for_and_nobody_comes_in() {
        let doors = Doors::default();
        let inside = doors.enter().unwrap();
        {
            let mut closing = pin!(doors.close());
            let waits =
                std::future::poll_fn(|context| Poll::Ready(closing.as_mut().poll(context).is_pending()));
            assert!(waits.await && doors.enter().is_err());
        }
        // Nobody waits for it any more, and they stay closed all the same.
        assert!(doors.enter().is_err());
        drop(inside);
        doors.close().await;
        assert!(doors.enter().is_err());
    }
}
