//! Hints that a log has moved.

use std::future::pending;

use tokio::sync::watch;

/// What a store hears of the appends of other processes: a reason to look, and no more than that. A hint may come for
/// nothing, late, or never, so whoever follows a log looks by himself too. Hints that come while nobody waits become one.
#[derive(Clone, Debug, Default)]
pub struct Wakeups {
    heard: Option<watch::Receiver<()>>,
}

impl Wakeups {
    /// Those of a store that hears nothing.
    pub const fn none() -> Self {
        Self { heard: None }
    }

    /// Waits for the next hint, without end if there will be none. Dropping the future loses nothing.
    pub async fn next(&mut self) {
        if let Some(heard) = &mut self.heard {
            if heard.changed().await.is_ok() {
                return;
            }
            self.heard = None;
        }
        pending::<()>().await;
    }
}

impl From<watch::Receiver<()>> for Wakeups {
    /// A hint each time that something is sent.
    fn from(heard: watch::Receiver<()>) -> Self {
        Self { heard: Some(heard) }
    }
}
