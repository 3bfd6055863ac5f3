//! Decides which process runs a follower that runs in one process at a time, without comparing clocks.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, time::Instant};
use uuid::Uuid;

use crate::{
    error::Error,
    rows::{Claim, SharedRows, Table},
};

/// How long a holder may leave a challenge unanswered before another process takes over.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a claim counts as held without being read again: less than the timeout of the others, which may begin right after the
/// claim was read.
const CONFIRMED: Duration = Duration::from_secs(4);

/// A process that runs a follower, or waits to run it. The claim saves work and does not protect: a holder that was suspended for
/// longer than [`ANSWER_TIMEOUT`] may finish an event that its successor handles too.
pub(super) struct Claimant {
    rows: SharedRows,
    table: Table,
    known: Mutex<Known>,
}

/// What a process does for a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It runs the follower.
    Runner,
    /// Another process runs it.
    Standby,
    /// It does not run the follower, and does not wait to: its own runner is stopped.
    Stopped,
}

/// What this process knows of the claim.
#[derive(Debug, Default)]
struct Known {
    /// The id under which this process holds the claim, or tried to take it.
    holder: Option<Uuid>,
    /// A time at which it held the claim, if it knows one.
    held_at: Option<Instant>,
    /// The challenge that another holder has not answered, and when this process had seen it first.
    unanswered: Option<(Claim, Instant)>,
}

/// What to write after the claim was read.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: this process holds the claim.
    Hold,
    /// Nothing: another process holds it.
    Wait,
    /// Nothing: this process neither holds it nor wants it.
    Leave,
    /// The claim that makes or keeps this process the holder.
    Take(Claim),
    /// The challenge of another holder.
    Challenge(Claim),
    /// No claim.
    Release,
}

impl Claimant {
    pub(super) fn new(rows: SharedRows, table: Table) -> Arc<Self> {
        Arc::new(Self { rows, table, known: Mutex::default() })
    }

    /// Acts on the claim that was read from the store after `read_at`. The claim is taken, answered or challenged, or released if this
    /// process does not want to run the follower. Returns the role of this process.
    pub(super) async fn update(
        &self,
        stored: Option<Claim>,
        read_at: Instant,
        is_wanted: bool,
    ) -> Result<Role, Error> {
        let step = self.known().step(stored, (read_at, Instant::now()), is_wanted);
        match step {
            Step::Hold => Ok(Role::Runner),
            Step::Wait => Ok(Role::Standby),
            Step::Leave => Ok(Role::Stopped),
            Step::Release => self.release().await.map(|()| Role::Stopped),
            Step::Challenge(claim) => {
                if self.rows.replace_claim(&self.table, stored, Some(claim)).await? {
                    self.known().unanswered = Some((claim, Instant::now()));
                }
                Ok(Role::Standby)
            }
            Step::Take(claim) => {
                let written_at = Instant::now();
                self.known().holder = Some(claim.holder);
                let is_taken = self.rows.replace_claim(&self.table, stored, Some(claim)).await?;
                *self.known() = Known {
                    holder: is_taken.then_some(claim.holder),
                    held_at: is_taken.then_some(written_at),
                    unanswered: None,
                };
                Ok(if is_taken { Role::Runner } else { Role::Standby })
            }
        }
    }

    /// Whether this process holds the claim. Reads it again if it was not read lately.
    pub(super) async fn is_held(&self) -> Result<bool, Error> {
        let held_at = self.known().held_at;
        match held_at {
            Some(at) if at.elapsed() < CONFIRMED => Ok(true),
            _ => self.is_still_held().await,
        }
    }

    /// Whether this process holds the claim, as stored.
    pub(super) async fn is_still_held(&self) -> Result<bool, Error> {
        let (asked, read_at) = (self.known().holder, Instant::now());
        let stored = self.stored().await?;
        let mut known = self.known();
        // The supervisor may have taken the claim meanwhile.
        if known.holder == asked {
            let is_held = known.is_holder(stored);
            known.set_held(is_held, read_at);
        }
        Ok(known.held_at.is_some())
    }

    /// Releases the claim, if this process holds it.
    pub(super) async fn release(&self) -> Result<(), Error> {
        // Another process may challenge the claim between the two calls.
        while let Some(claim) = self.stored().await?.filter(|claim| self.known().is_holder(Some(*claim))) {
            if self.rows.replace_claim(&self.table, Some(claim), None).await? {
                break;
            }
        }
        self.known().set_held(false, Instant::now());
        Ok(())
    }

    async fn stored(&self) -> Result<Option<Claim>, Error> {
        let builds = self.rows.builds(self.table.projection).await?;
        Ok(builds.into_iter().find(|build| build.order() == self.table.order()).and_then(|build| build.claim))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Compares the stored claim with the one that this process knows, and decides what to write. The claim was read between the two times.
    fn step(&mut self, stored: Option<Claim>, (from, to): (Instant, Instant), is_wanted: bool) -> Step {
        let unanswered = self.unanswered.take();
        let is_held = self.is_holder(stored);
        self.set_held(is_held, from);
        match stored {
            None if is_wanted => Step::Take(Claim::fresh()),
            None => Step::Leave,
            Some(_) if is_held && !is_wanted => Step::Release,
            Some(claim) if is_held && claim.challenged => Step::Take(claim.answer()),
            Some(_) if is_held => Step::Hold,
            Some(_) if !is_wanted => Step::Leave,
            Some(claim) if !claim.challenged => Step::Challenge(claim.challenge()),
            Some(claim) => {
                let since = unanswered.filter(|(seen, _)| *seen == claim).map_or(to, |(_, since)| since);
                if from.saturating_duration_since(since) >= ANSWER_TIMEOUT {
                    return Step::Take(Claim::fresh());
                }
                self.unanswered = Some((claim, since));
                Step::Wait
            }
        }
    }

    /// Whether this process holds the stored claim.
    fn is_holder(&self, stored: Option<Claim>) -> bool {
        stored.is_some_and(|claim| Some(claim.holder) == self.holder)
    }

    fn set_held(&mut self, is_held: bool, at: Instant) {
        self.held_at = is_held.then_some(at);
        self.holder = self.holder.filter(|_| is_held);
    }
}

/// Releases the claim in the background when it is dropped: an app that is dropped without a shutdown does not make others wait.
pub(super) struct ReleaseOnDrop(Arc<Claimant>);

impl ReleaseOnDrop {
    pub(super) fn new(claimant: Arc<Claimant>) -> Self {
        Self(claimant)
    }

    pub(super) fn claimant(&self) -> &Arc<Claimant> {
        &self.0
    }
}

impl Drop for ReleaseOnDrop {
    fn drop(&mut self) {
        let claimant = Arc::clone(&self.0);
        if claimant.known().holder.is_some()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                if let Err(error) = claimant.release().await {
                    tracing::warn!(name = claimant.table.projection, %error, "could not release the claim");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A step of a process that reads the claim at once.
    fn step(known: &mut Known, stored: Option<Claim>, at: Instant) -> Step {
        known.step(stored, (at, at), true)
    }

    fn holding(claim: Claim, at: Instant) -> Known {
        Known { holder: Some(claim.holder), held_at: Some(at), unanswered: None }
    }

    #[test]
    fn free_claim_is_taken_only_by_a_process_that_wants_it() {
        let now = Instant::now();
        assert!(matches!(step(&mut Known::default(), None, now), Step::Take(_)));
        assert_eq!(Known::default().step(None, (now, now), false), Step::Leave);
        assert_eq!(Known::default().step(Some(Claim::fresh()), (now, now), false), Step::Leave);
    }

    #[test]
    fn holder_answers_a_challenge_and_releases_when_it_gives_up() {
        let (claim, now) = (Claim::fresh(), Instant::now());
        let mut known = holding(claim, now);
        assert_eq!(step(&mut known, Some(claim), now), Step::Hold);
        assert_eq!(step(&mut known, Some(claim.challenge()), now), Step::Take(claim.answer()));
        assert_eq!(known.step(Some(claim.challenge()), (now, now), false), Step::Release);
    }

    #[test]
    fn holder_that_was_replaced_waits_like_every_other_process() {
        let (claim, other, now) = (Claim::fresh(), Claim::fresh(), Instant::now());
        let mut known = holding(claim, now);
        assert_eq!(step(&mut known, Some(other), now), Step::Challenge(other.challenge()));
        assert_eq!((known.holder, known.held_at), (None, None));
    }

    #[test]
    fn unanswered_challenge_is_replaced_only_after_the_timeout() {
        let (other, start) = (Claim::fresh().challenge(), Instant::now());
        let mut known = Known::default();
        for seconds in 0..5 {
            assert_eq!(step(&mut known, Some(other), start + seconds * SECOND), Step::Wait);
        }
        let Step::Take(claim) = step(&mut known, Some(other), start + ANSWER_TIMEOUT) else {
            panic!("{known:?}")
        };
        assert!(claim.holder != other.holder && !claim.challenged);
    }

    #[test]
    fn every_answer_starts_the_timeout_again() {
        let (mut other, start) = (Claim::fresh(), Instant::now());
        let mut known = Known::default();
        for seconds in 0..60 {
            assert_eq!(step(&mut known, Some(other.challenge()), start + seconds * SECOND), Step::Wait);
            // The challenge that is seen next is another one, although this process has missed the answer.
            if seconds % 3 == 2 {
                other = other.answer();
            }
        }
    }

    #[test]
    fn time_before_the_first_sight_of_a_challenge_does_not_count() {
        let (other, start) = (Claim::fresh().challenge(), Instant::now());
        let mut known = Known::default();
        // The first read took ten seconds.
        assert_eq!(known.step(Some(other), (start, start + 10 * SECOND), true), Step::Wait);
        assert_eq!(step(&mut known, Some(other), start + 14 * SECOND), Step::Wait);
        assert!(matches!(step(&mut known, Some(other), start + 15 * SECOND), Step::Take(_)));
    }
}
