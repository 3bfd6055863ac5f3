//! A background task of which at most one runs at a time, and which runs again if it was requested meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

#[derive(Default)]
pub(crate) struct CoalescedTask {
    is_requested: AtomicBool,
    is_running: AtomicBool,
}

/// The permission to run the task. Dropping it, for example because the runtime shuts down, lets the next request start a new run.
pub(crate) struct RunPermit {
    task: Arc<CoalescedTask>,
    held: bool,
}

impl CoalescedTask {
    /// Requests a run. Returns the permit if the task is not running; the caller then has to run it.
    pub(crate) fn request(self: &Arc<Self>) -> Option<RunPermit> {
        self.is_requested.store(true, Ordering::SeqCst);
        let is_free = !self.is_running.swap(true, Ordering::SeqCst);
        is_free.then(|| RunPermit { task: Arc::clone(self), held: true })
    }
}

impl RunPermit {
    /// Starts a run, which serves all requests up to now.
    pub(crate) fn begin(&self) {
        self.task.is_requested.store(false, Ordering::SeqCst);
    }

    /// Ends a run. Returns `false` if the task was requested again since `begin` and has to run once more.
    pub(crate) fn is_finished(&mut self) -> bool {
        self.task.is_running.store(false, Ordering::SeqCst);
        let is_requested = self.task.is_requested.load(Ordering::SeqCst);
        self.held = is_requested && !self.task.is_running.swap(true, Ordering::SeqCst);
        !self.held
    }
}

impl Drop for RunPermit {
    fn drop(&mut self) {
        if self.held {
            self.task.is_running.store(false, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_runs_once_at_a_time_until_it_is_not_requested() {
        let task = Arc::new(CoalescedTask::default());
        let mut permit = task.request().unwrap();
        permit.begin();
        assert!(task.request().is_none());
        assert!(!permit.is_finished(), "it was requested after the run had begun");
        permit.begin();
        assert!(permit.is_finished());
        let next = task.request().unwrap();
        drop(permit);
        assert!(task.request().is_none(), "dropping a finished permit releases nothing");
        drop(next);
        assert!(task.request().is_some(), "dropping a held permit releases the task");
    }
}
