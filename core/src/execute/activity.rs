//! What a command in flight is doing, for the errors of the commands that wait for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use tokio::time::Instant;

/// A step of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Step {
    Queued,
    Reserving,
    Loading,
    Deciding,
    Appending,
}

/// All steps, at the index of their number.
const STEPS: [Step; 5] = [Step::Queued, Step::Reserving, Step::Loading, Step::Deciding, Step::Appending];

impl Step {
    /// The step as the end of a sentence about the command, and what to look at if it takes long.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Queued => "waits for another aggregate that it changes",
            Self::Reserving => "waits in the store for the other processes that change the aggregate",
            Self::Loading => "waits for the store to load its states",
            Self::Deciding => "runs its decision, which must neither block nor execute a command",
            Self::Appending => "waits for the store to append its events",
        }
    }
}

/// The name of a command in flight and its current step.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) command: &'static str,
    step: AtomicU8,
    /// Whether it ever began to append.
    may_have_appended: AtomicBool,
}

impl Activity {
    pub(super) fn new(command: &'static str) -> Self {
        let step = AtomicU8::new(Step::Queued as u8);
        Self { command, step, may_have_appended: AtomicBool::new(false) }
    }

    /// Records that the command begins a step.
    pub(super) fn begin(&self, step: Step) {
        self.step.store(step as u8, Ordering::Relaxed);
        if step == Step::Appending {
            self.may_have_appended.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the command ever began to append.
    pub(super) fn may_have_appended(&self) -> bool {
        self.may_have_appended.load(Ordering::Relaxed)
    }

    pub(super) fn step(&self) -> Step {
        STEPS[usize::from(self.step.load(Ordering::Relaxed)).min(STEPS.len() - 1)]
    }
}

/// The command at the head of a queue, and since when.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) activity: Arc<Activity>,
    pub(super) since: Instant,
}

impl Holder {
    /// A command that is at the head of a queue from now on.
    pub(super) fn now(activity: &Arc<Activity>) -> Self {
        Self { activity: Arc::clone(activity), since: Instant::now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activity_returns_the_step_that_was_begun_last() {
        let activity = Activity::new("deposit");
        assert_eq!(activity.step(), Step::Queued);
        for step in STEPS {
            activity.begin(step);
            assert_eq!(activity.step(), step);
        }
    }
}
