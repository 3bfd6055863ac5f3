//! When a problem that lasts is logged.

use std::time::Duration;

use tokio::time::Instant;

/// How often a problem that lasts is logged again: the last minutes of a log always show it, and a program that is stopped over
/// night fills no disk.
pub(crate) const REMINDER_INTERVAL: Duration = Duration::from_secs(60);

/// Remembers the problem that was logged last.
#[derive(Debug, Default)]
pub(crate) struct Reminder(Option<(Instant, String)>);

impl Reminder {
    /// Returns `true` if a problem has to be logged now: it is another one than before, or the interval is over.
    pub(crate) fn is_due(&mut self, problem: &str) -> bool {
        let now = Instant::now();
        let is_due = self
            .0
            .as_ref()
            .is_none_or(|(logged_at, known)| known != problem || now - *logged_at >= REMINDER_INTERVAL);
        if is_due {
            self.0 = Some((now, problem.to_owned()));
        }
        is_due
    }

    /// Ends the problem. Returns `true` if there was one.
    pub(crate) fn clear(&mut self) -> bool {
        self.0.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn problem_is_due_at_once_and_after_each_interval() {
        let mut reminder = Reminder::default();
        assert!(reminder.is_due("down"));
        tokio::time::advance(REMINDER_INTERVAL - Duration::from_millis(1)).await;
        assert!(!reminder.is_due("down"));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(reminder.is_due("down") && !reminder.is_due("down"));
    }

    #[tokio::test(start_paused = true)]
    async fn other_problem_and_a_problem_that_comes_back_are_due_at_once() {
        let mut reminder = Reminder::default();
        assert!(reminder.is_due("down") && reminder.is_due("up") && reminder.is_due("down"));
        assert!(reminder.clear() && !reminder.clear());
        assert!(reminder.is_due("down"));
    }
}
