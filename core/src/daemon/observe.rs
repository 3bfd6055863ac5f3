//! What a supervisor logs and measures of its follower.

use super::{
    State, Status, Stopped, build_plan::ServedBuild, runner_handle::RunnerHandle, supervisor::Supervisor,
};
use crate::{record::Position, rows::Table, telemetry::FollowerState};

impl Supervisor {
    /// Measures a status. The numbers are those of this process: nothing is read.
    pub(super) fn observe(&self, status: &Status) {
        let observed = match &self.plan.served {
            Some(ServedBuild::Own(table)) => Some(table),
            _ => self.plan.candidate.as_ref(),
        };
        let runner = observed.and_then(|table| self.runner(table));
        self.control.backlog.set_time(runner.and_then(RunnerHandle::backlog_since));
        let watcher = &self.control.watcher;
        let known = watcher.settled().max(watcher.acknowledged());
        let lag = match status.state {
            State::Inline => 0,
            _ => known.get().saturating_sub(status.position.get()),
        };
        let (parked, is_stopped) = (status.parked, status.stop_reason().is_some());
        self.metrics.set(FollowerState { lag, age: self.control.backlog_age(), parked, is_stopped });
    }

    /// Logs which build is stopped, before its status is published and every minute while that lasts.
    pub(super) fn log_stops(&mut self) {
        let stopped = self.runners().iter().find_map(|runner| Some((runner.table, runner.stop()?)));
        match stopped {
            Some((table, stopped)) => self.log_stop(Some(table), &stopped),
            None => match self.status.stop() {
                Some(stopped) => self.log_stop(None, &stopped),
                None => drop(self.stopped.clear()),
            },
        }
    }

    pub(super) fn log_stop(&mut self, build: Option<Table>, stopped: &Stopped) {
        if self.stopped.is_due(&stopped.to_string()) {
            let Stopped { position, event, name, error } = stopped;
            tracing::error!(
                name = self.name(),
                build = build.map(|table| table.name()),
                position = position.map(Position::get),
                event = event.map(display),
                event_name = name.as_deref(),
                error,
                "the projection or policy is stopped: `App::resume` or another program continues it"
            );
        }
    }
}
