//! When a build may become inline again after another program made it asynchronous.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;

/// The first pause before a build becomes inline again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause. Once a build was inline for that long, the pauses start again with the first.
const LONGEST_PAUSE: Duration = Duration::from_secs(64);

/// Observes the build that queries read. A program without its fold makes it asynchronous with its next append; growing pauses
/// limit how often the appends of such a program are delayed.
pub(super) struct InlineMode {
    /// The build, and since when it is known to be inline.
    inline: Option<((u32, u32), Instant)>,
    pause: Backoff,
    retry_at: Option<Instant>,
}

impl InlineMode {
    pub(super) const NEW: Self =
        Self { inline: None, pause: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE), retry_at: None };

    /// Observes whether a build is inline. Returns whether another program has made it asynchronous.
    pub(super) fn observe(&mut self, build: (u32, u32), is_inline: bool, now: Instant) -> bool {
        let since = self.inline.take().filter(|(known, _)| *known == build).map(|(_, since)| since);
        if is_inline {
            let since = since.unwrap_or(now);
            if now.saturating_duration_since(since) >= LONGEST_PAUSE {
                self.pause.reset();
            }
            self.inline = Some((build, since));
            return false;
        }
        if since.is_some() {
            self.retry_at = Some(now + self.pause.next_pause());
        }
        since.is_some()
    }

    /// Whether a build may become inline now.
    pub(super) fn may_switch(&self, now: Instant) -> bool {
        self.retry_at.is_none_or(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: (u32, u32) = (2, 0);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_while_another_program_makes_the_build_asynchronous_again() {
        let (mut mode, mut now) = (InlineMode::NEW, Instant::now());
        assert!(!mode.observe(BUILD, false, now) && mode.may_switch(now));
        for pause in [1, 2, 4, 8, 16, 32, 64, 64] {
            assert!(!mode.observe(BUILD, true, now));
            assert!(mode.observe(BUILD, false, now));
            assert!(!mode.observe(BUILD, false, now));
            now += pause * SECOND;
            assert!(!mode.may_switch(now - SECOND) && mode.may_switch(now));
        }
    }

    #[test]
    fn pauses_start_again_after_a_build_was_inline_for_long() {
        let (mut mode, start) = (InlineMode::NEW, Instant::now());
        for _ in 0..5 {
            mode.observe(BUILD, true, start);
            mode.observe(BUILD, false, start);
        }
        mode.observe(BUILD, true, start);
        let later = start + LONGEST_PAUSE;
        mode.observe(BUILD, true, later);
        assert!(mode.observe(BUILD, false, later));
        assert!(!mode.may_switch(later) && mode.may_switch(later + FIRST_PAUSE));
    }

    #[test]
    fn asynchronous_build_that_was_never_inline_may_become_inline_at_once() {
        let (mut mode, now) = (InlineMode::NEW, Instant::now());
        mode.observe(BUILD, true, now);
        assert!(!mode.observe((3, 0), false, now) && mode.may_switch(now));
    }
}
