//! The status of a runner, as others observe it.

use super::Runner;
use crate::daemon::{BatchHandler, State, Stopped};

impl<H: BatchHandler> Runner<H> {
    pub(super) fn set_state(&mut self, state: State) {
        self.publish(Some(state));
        self.wakeup.notify_one();
    }

    pub(super) fn publish_position(&mut self) {
        self.publish(None);
    }

    /// Publishes the position, and the state if it is given, in one step.
    pub(super) fn publish(&mut self, state: Option<State>) {
        let (position, parked) = (self.feed.position(), self.parking.count());
        self.meter.take_if(|meter| meter.finish_at(position));
        let changed = self.status.send_if_modified(|status| {
            let state = state.unwrap_or_else(|| status.state.clone());
            let changed = (status.position, status.parked, &status.state) != (position, parked, &state);
            (status.position, status.parked, status.state) = (position, parked, state);
            changed
        });
        if changed {
            self.wakeup.notify_one();
        }
    }

    /// Saves the reason, for other processes and later programs. The supervisor logs it, now and while the stop lasts.
    pub(super) async fn stop(mut self, stopped: Stopped) {
        let text = stopped.to_string();
        if self.is_defined
            && let Err(error) = self.rows.report(self.handler.table(), Some(&text)).await
        {
            tracing::warn!(name = self.name(), %error, "could not save the reason of the stop");
        }
        self.set_state(State::Stopped(stopped));
    }
}
