//! Something that is done in the background by one task at a time, until nobody wants it any more.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether it is wanted, and whether somebody is at it.
#[derive(Default)]
pub(crate) struct Errand {
    wanted: AtomicBool,
    taken: AtomicBool,
}

/// The right and the duty to do it. Whoever drops it, also because its runtime ends, leaves it to the next.
pub(crate) struct Turn {
    errand: Arc<Errand>,
    held: bool,
}

impl Errand {
    /// Says that it is wanted. Gives the turn if nobody has it.
    pub(crate) fn want(self: &Arc<Self>) -> Option<Turn> {
        self.wanted.store(true, Ordering::SeqCst);
        let free = !self.taken.swap(true, Ordering::SeqCst);
        free.then(|| Turn { errand: Arc::clone(self), held: true })
    }
}

impl Turn {
    /// What was wanted before this is about to be done.
    pub(crate) fn begin(&self) {
        self.errand.wanted.store(false, Ordering::SeqCst);
    }

    /// Ends the turn, unless it was wanted again and nobody else has taken it on.
    pub(crate) fn is_over(&mut self) -> bool {
        self.errand.taken.store(false, Ordering::SeqCst);
        let again = self.errand.wanted.load(Ordering::SeqCst);
        self.held = again && !self.errand.taken.swap(true, Ordering::SeqCst);
        !self.held
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.held {
            self.errand.taken.store(false, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_until_it_is_not_wanted() {
        let errand = Arc::new(Errand::default());
        let mut turn = errand.want().unwrap();
        turn.begin();
        assert!(errand.want().is_none());
        assert!(!turn.is_over(), "it was wanted after it had begun");
        turn.begin();
        assert!(turn.is_over());
        let next = errand.want().unwrap();
        drop(turn);
        assert!(errand.want().is_none(), "a turn that is over is nobody's");
        drop(next);
        assert!(errand.want().is_some(), "a turn that was dropped is free");
    }
}
