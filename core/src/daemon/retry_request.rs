//! Stored requests to retry parked events: one process handles each, and stores the outcome.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::Instant};
use uuid::Uuid;

use super::FollowerControl;
use crate::{
    backoff::Backoff,
    error::Error,
    panics::catch_future,
    rows::{FollowerRequests, RetryState},
};

/// How often the process that handles a request shows that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// How long another process sees no sign of life before it takes the request over. A process that was only slow may then retry the same
/// events at the same time: the comparison of the checkpoint decides whose rows are stored.
const ABANDONED_AFTER: Duration = Duration::from_secs(5);
/// Pauses before the outcome is stored again, if the store does not respond.
const RETRY: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));

/// What one process does for the retry requests of a follower.
pub(super) struct RetryWorker {
    process: Uuid,
    task: Option<JoinHandle<()>>,
    signed_at: Instant,
    /// The last sign of life of another process, and when this process saw it first.
    seen: Option<((Uuid, u64), Instant)>,
}

impl RetryWorker {
    pub(super) fn new() -> Self {
        Self { process: Uuid::now_v7(), task: None, signed_at: Instant::now(), seen: None }
    }

    /// Takes a request that waits, or that its process does not handle any more, and gives signs of life while it is handled.
    pub(super) async fn update(
        &mut self,
        control: &Arc<FollowerControl>,
        requests: &FollowerRequests,
    ) -> Result<(), Error> {
        let Some(round) = self.next_round(requests) else { return Ok(()) };
        let state = RetryState::Running { process: self.process, round };
        let is_taken = control.replace_requests(with_state(requests.clone(), state)).await?;
        self.signed_at = Instant::now();
        if is_taken && !self.is_working() {
            self.task = Some(tokio::spawn(handle(Arc::clone(control), self.process)));
        }
        Ok(())
    }

    /// Releases the request, if this process handles it: another process takes it at once.
    pub(super) async fn release(&mut self, control: &FollowerControl) {
        let Some(task) = self.task.take() else { return };
        task.abort();
        let _ = task.await;
        if let Err(error) = store_state(control, self.process, &RetryState::Waiting).await {
            tracing::warn!(%error, "could not give a request to retry parked events back; another process takes it over later");
        }
    }

    /// The round that this process stores, if it is to store one.
    fn next_round(&mut self, requests: &FollowerRequests) -> Option<u64> {
        match requests.retry.as_ref()?.state {
            RetryState::Waiting => Some(0),
            RetryState::Running { process, round } if process == self.process && self.is_working() => {
                (self.signed_at.elapsed() >= SIGN_OF_LIFE).then_some(round + 1)
            }
            RetryState::Running { process, round } => {
                let sign = (process, round);
                let since = self.seen.filter(|(seen, _)| *seen == sign).map(|(_, since)| since);
                let since = since.unwrap_or_else(Instant::now);
                self.seen = Some((sign, since));
                (since.elapsed() >= ABANDONED_AFTER).then_some(0)
            }
            RetryState::Done { .. } | RetryState::Failed { .. } => None,
        }
    }

    fn is_working(&self) -> bool {
        self.task.as_ref().is_some_and(|task| !task.is_finished())
    }
}

impl Drop for RetryWorker {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Retries the parked events and stores the outcome.
async fn handle(control: Arc<FollowerControl>, process: Uuid) {
    let outcome = match catch_future(control.retry_parked()).await {
        Ok(outcome) => outcome,
        Err(panic) => Err(panic.into_error(control.operation("retry the parked events of"))),
    };
    let state = match outcome {
        Ok(report) => RetryState::Done { done: report.done, parked: report.parked },
        Err(error) => RetryState::Failed { error: error.to_string() },
    };
    let mut backoff = RETRY;
    while let Err(error) = store_state(&control, process, &state).await {
        tracing::warn!(%error, "could not store the outcome of a request to retry parked events");
        if !(error.is_unavailable() || error.is_unknown()) {
            return;
        }
        tokio::time::sleep(backoff.next_pause()).await;
    }
}

/// Stores the state of the request that this process handles. Does nothing if another process has taken it over.
async fn store_state(control: &FollowerControl, process: Uuid, state: &RetryState) -> Result<(), Error> {
    let set_state = |requests: &mut FollowerRequests| match &mut requests.retry {
        Some(retry) if matches!(retry.state, RetryState::Running { process: by, .. } if by == process) => {
            retry.state = state.clone();
            true
        }
        _ => false,
    };
    control.update_requests(set_state).await.map(drop)
}

fn with_state(mut requests: FollowerRequests, state: RetryState) -> FollowerRequests {
    if let Some(retry) = &mut requests.retry {
        retry.state = state;
    }
    requests
}
