//! Periodic work of an app.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::MissedTickBehavior;

use crate::execute::Executor;

const INTERVAL: Duration = Duration::from_secs(3600);

/// Removes expired command ids every hour, until the app is dropped.
pub(super) fn spawn_housekeeping(executor: &Arc<Executor>) {
    tokio::spawn(purge_periodically(Arc::downgrade(executor)));
}

async fn purge_periodically(executor: Weak<Executor>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let Some(executor) = executor.upgrade() else { return };
        if let Err(error) = executor.purge_command_ids().await {
            tracing::warn!(%error, "expired command ids could not be removed; the next attempt is in an hour");
        }
    }
}
