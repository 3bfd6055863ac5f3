//! The claim on a build: which process runs a follower that runs in one process at a time.

use uuid::Uuid;

/// The claim of a process on a build.
///
/// A claim has no time in it, so that no clocks are compared: another process sets `challenged`, and the holder answers with
/// the next `round`. A process that sees the same challenge unanswered for long enough by its own stopwatch replaces the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The holder: a new id whenever a process takes the claim, so that a claim never has an earlier value again.
    pub holder: Uuid,
    /// How many challenges the holder has answered.
    pub round: u64,
    /// Whether another process waits for a sign of life of the holder.
    pub challenged: bool,
}

impl Claim {
    /// The claim of a new holder.
    pub(crate) fn fresh() -> Self {
        Self { holder: Uuid::now_v7(), round: 0, challenged: false }
    }

    /// The same claim with a challenge.
    pub(crate) fn challenge(self) -> Self {
        Self { challenged: true, ..self }
    }

    /// The same claim after the answer of its holder.
    pub(crate) fn answer(self) -> Self {
        Self { round: self.round + 1, challenged: false, ..self }
    }
}
