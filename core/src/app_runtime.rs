//! Notices the end of the tokio runtime that runs the tasks of an app.
//!
//! An app may outlive its runtime, for example in a `static` that several tests use, each with a runtime of its own. Without its tasks
//! no position is observed and no projection moves: calls would wait for ever, or report old positions as current.

use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// Whether the runtime of an app has ended. Clones are about the same app.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppRuntime {
    ended: CancellationToken,
}

impl AppRuntime {
    /// Reports that the runtime has ended. Calls in flight, which other runtimes run, end.
    ///
    /// Only a task of the app can notice this: the runtime drops it. A task that panics is dropped too, without the end of the runtime.
    pub(crate) fn report_end(&self) {
        if !std::thread::panicking() {
            self.ended.cancel();
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// # Errors
    /// [`Error::RuntimeEnded`] if the runtime has ended.
    pub(crate) fn check(&self, operation: impl FnOnce() -> String) -> Result<(), Error> {
        match self.has_ended() {
            true => Err(Error::RuntimeEnded { operation: operation() }),
            false => Ok(()),
        }
    }

    /// Runs a call of the app until it completes. `None` if the runtime has ended before or meanwhile.
    pub(crate) async fn run_until_ended<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        self.ended.run_until_cancelled(call).await
    }

    /// Runs a call of the app. If it fails after the runtime has ended, that is the cause.
    ///
    /// # Errors
    /// [`Error::RuntimeEnded`] if the runtime has ended before or meanwhile; otherwise the error of the call.
    pub(crate) async fn run<T>(
        &self,
        operation: impl FnOnce() -> String,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match self.run_until_ended(call).await {
            Some(Ok(result)) => Ok(result),
            Some(Err(error)) if !self.has_ended() || error.is_unknown() => Err(error),
            _ => Err(Error::RuntimeEnded { operation: operation() }),
        }
    }
}
