//! Requests to projections and policies, stored for whichever process runs them.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::facade::App;
use crate::{
    daemon::{FollowerControl, RetryReport},
    error::Error,
    limits::check_name,
    rows::{Pause, RetryState},
};

/// The pause between two looks at the outcome of a request.
const PAUSE: Duration = Duration::from_millis(50);

impl App {
    /// The same app for an operator, whose name is stored with the requests to projections and policies.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// app.as_operator("ada").pause("balances", "the disk is nearly full").await?;
    /// let pause = app.overview().await?[0].requests.pause.clone().unwrap();
    /// assert_eq!(pause.actor.as_deref(), Some("ada"));
    /// # Ok(())
    /// # });
    /// ```
    pub fn as_operator(&self, name: impl Into<String>) -> Self {
        Self { inner: Arc::clone(&self.inner), operator: Some(name.into().into()) }
    }

    /// Pauses a projection or policy in all processes, until it is resumed: each ends its current batch, within about a second, and handles no
    /// events, also after a restart of the program. Its status is [`State::Paused`](crate::projection::State::Paused), queries read the rows
    /// as they are, and a wait for later events ends at once with an error that says why. A rebuild waits, too. The process that runs a policy
    /// releases its claim. A later pause replaces the reason of an earlier one.
    ///
    /// Events cannot be archived, nor stored events rewritten, before a paused follower has handled them.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::projection::State;
    ///
    /// app.pause("balances", "the disk is nearly full").await?;
    /// app.wait_until("balances", |status| matches!(status.state, State::Paused(_))).await?;
    /// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// let error = app.find::<Balance>(&id("a")).after(&receipt).await.unwrap_err();
    /// assert!(error.to_string().contains("the disk is nearly full"));
    ///
    /// app.resume("balances").await?;
    /// assert_eq!(app.find::<Balance>(&id("a")).after(&receipt).await?.unwrap().cents, 15);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is none of this name, it is inline, or no process has started it yet; [`Error::Invalid`] if the reason or
    /// the operator's name is too long.
    pub async fn pause(&self, name: &str, reason: impl Into<String>) -> Result<(), Error> {
        let pause =
            Pause { actor: self.operator_name()?, at: self.executor().clock.now(), reason: reason.into() };
        self.run(&format!("pause `{name}`"), self.control(name)?.pause(pause)).await
    }

    /// Ends a pause of a projection or policy, and restarts it from its checkpoint where it is stopped, in all processes.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::projection::State;
    /// # let app = savings(Default::default()).await?;
    ///
    /// let receipt = app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // stops the projection
    /// app.wait_until("savings", |status| matches!(status.state, State::Stopped(_))).await?;
    ///
    /// repair(); // removes the cause
    /// app.resume("savings").await?;
    /// assert_eq!(app.find::<Savings>(&id("ann")).after(&receipt).await?.unwrap().cents, -5);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is none of this name, or no process has started it yet.
    pub async fn resume(&self, name: &str) -> Result<(), Error> {
        self.run(&format!("resume `{name}`"), self.control(name)?.resume()).await
    }

    /// Requests a retry of the parked events of a projection or policy by a process that runs it, and returns the number of the request for
    /// [`wait_for_retry`](App::wait_for_retry). If a request has no outcome yet, returns the number of that one. [`retry_parked`](App::retry_parked)
    /// retries them in this process.
    ///
    /// One process takes the request. If that process ends before it has stored the outcome, another one retries the events that are still
    /// parked, after a few seconds.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # use annalist::projection::ProjectionOptions;
    /// use std::time::Duration;
    ///
    /// # let app = savings(ProjectionOptions::new().park()).await?;
    /// app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // fails in the projection
    /// app.wait_until_caught_up().await?;
    ///
    /// repair(); // removes the cause
    /// let number = app.request_retry("savings").await?;
    /// let report = app.wait_for_retry("savings", number, Duration::from_secs(30)).await?;
    /// assert_eq!((report.done, report.parked), (1, 0));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is none of this name, it is paused, or no process has started it yet.
    pub async fn request_retry(&self, name: &str) -> Result<u64, Error> {
        let (actor, at) = (self.operator_name()?, self.executor().clock.now());
        let operation = format!("request a retry of the parked events of `{name}`");
        self.run(&operation, self.control(name)?.request_retry(actor, at)).await
    }

    /// Waits for the outcome of a request to retry parked events: see [`request_retry`](App::request_retry).
    ///
    /// # Errors
    /// [`Error::Unusable`] if the retry failed, the projection or policy is paused, or a later request has replaced the outcome;
    /// [`Error::Unavailable`] if there is no outcome within `timeout`: no process may run it.
    pub async fn wait_for_retry(
        &self,
        name: &str,
        number: u64,
        timeout: Duration,
    ) -> Result<RetryReport, Error> {
        let operation = format!("retry the parked events of `{name}`");
        let outcome = retry_outcome(self.control(name)?, number, &operation, Instant::now() + timeout);
        self.run(&operation, outcome).await
    }

    /// The name of the operator.
    fn operator_name(&self) -> Result<Option<String>, Error> {
        let Some(name) = &self.operator else { return Ok(None) };
        check_name("name of an operator", name)?;
        Ok(Some(name.to_string()))
    }
}

async fn retry_outcome(
    control: &FollowerControl,
    number: u64,
    operation: &str,
    deadline: Instant,
) -> Result<RetryReport, Error> {
    loop {
        let requests = control.requests().await?;
        let Some(retry) = requests.retry.filter(|retry| retry.number == number) else {
            let reason =
                format!("request {number} is not the newest one, so its outcome is no longer stored");
            return Err(Error::unusable(operation, reason));
        };
        match (retry.state, requests.pause) {
            (RetryState::Done { done, parked }, _) => return Ok(RetryReport { done, parked }),
            (RetryState::Failed { error }, _) => return Err(Error::unusable(operation, error)),
            (RetryState::Waiting, Some(pause)) => {
                let reason = format!("it is {pause}; request {number} waits until it is resumed");
                return Err(Error::unusable(operation, reason));
            }
            (RetryState::Waiting | RetryState::Running { .. }, _) => {}
        }
        if Instant::now() >= deadline {
            let reason = format!(
                "request {number} has no outcome yet; a program that runs the projection or policy takes it"
            );
            return Err(Error::unavailable(operation, reason));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
