//! Periodic work of an app.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::MissedTickBehavior;

use super::facade::Inner;

const INTERVAL: Duration = Duration::from_secs(3600);

/// Removes expired command ids every hour, until the app is dropped.
pub(super) fn spawn_housekeeping(app: &Arc<Inner>) {
    tokio::spawn(purge_periodically(Arc::downgrade(app)));
}

async fn purge_periodically(app: Weak<Inner>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        if let Err(error) = app.purge_command_ids().await {
            tracing::warn!(%error, "expired command ids could not be removed; the next attempt is in an hour");
        }
    }
}
