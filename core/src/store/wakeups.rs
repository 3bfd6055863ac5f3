//! Wake-up signals for appends of other processes.

use std::future::pending;

use tokio::sync::watch;

/// Wake-up signals from other processes. Best effort: signals may be spurious, late or lost, so consumers must poll too. Signals
/// that arrive while no consumer waits are merged into one.
#[derive(Clone, Debug, Default)]
pub struct Wakeups {
    signals: Option<watch::Receiver<()>>,
}

impl Wakeups {
    /// Returns a source without signals.
    pub const fn none() -> Self {
        Self { signals: None }
    }

    /// Waits for the next signal, for ever if there will be none. No signal is lost if the future is dropped.
    pub async fn next(&mut self) {
        if let Some(signals) = &mut self.signals {
            if signals.changed().await.is_ok() {
                return;
            }
            self.signals = None;
        }
        pending::<()>().await;
    }
}

impl From<watch::Receiver<()>> for Wakeups {
    /// A signal each time that something is sent.
    fn from(signals: watch::Receiver<()>) -> Self {
        Self { signals: Some(signals) }
    }
}
