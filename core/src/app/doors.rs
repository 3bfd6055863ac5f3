//! Who is in may finish; once the doors are closed nobody else comes in.

use tokio::sync::{RwLock, RwLockReadGuard};

use crate::error::Error;

/// The way in for commands.
#[derive(Debug, Default)]
pub(super) struct Doors(RwLock<Open>);

#[derive(Debug)]
struct Open(bool);

impl Default for Open {
    fn default() -> Self {
        Self(true)
    }
}

/// The right to be inside. It ends when it is dropped.
pub(super) struct Inside<'a> {
    _guard: RwLockReadGuard<'a, Open>,
}

impl Doors {
    /// Goes in, unless the doors are closed or closing.
    pub(super) fn enter(&self) -> Result<Inside<'_>, Error> {
        let open = self.0.try_read().ok().filter(|guard| guard.0);
        let guard = open.ok_or_else(|| {
            Error::unavailable("execute a command", "the app is shutting down; another process may take it")
        })?;
        Ok(Inside { _guard: guard })
    }

    /// Lets nobody in any more, and waits until everybody is out.
    pub(super) async fn close(&self) {
        self.0.write().await.0 = false;
    }
}
