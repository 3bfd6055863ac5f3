//! The follower whose handler the current task runs. A handler that waits for its own follower would wait for ever: the follower
//! moves only after the handler returns.

use std::time::Duration;

use tokio::sync::watch;

use super::Status;

/// How long a handler waits for the status of another follower, whose handler may wait for this one.
const TIMEOUT_IN_HANDLER: Duration = Duration::from_secs(30);

tokio::task_local! {
    /// The status of the follower.
    static FOLLOWER: watch::Receiver<Status>;
}

/// Runs the handler of the follower with this status; of an unknown one if the app is about to end.
pub(super) async fn run<F: Future>(follower: Option<watch::Receiver<Status>>, handler: F) -> F::Output {
    match follower {
        Some(follower) => FOLLOWER.scope(follower, handler).await,
        None => handler.await,
    }
}

/// How long the current task may wait for a follower without a timeout of the caller; `None` outside of handlers.
pub(super) fn longest_wait(follower: &watch::Receiver<Status>) -> Option<Duration> {
    let own = |current: &watch::Receiver<Status>| current.same_channel(follower);
    let limit = FOLLOWER.try_with(|current| if own(current) { Duration::ZERO } else { TIMEOUT_IN_HANDLER });
    limit.ok()
}

/// Whether the current task runs the handler of this follower.
pub(super) fn is_own(follower: &watch::Receiver<Status>) -> bool {
    longest_wait(follower) == Some(Duration::ZERO)
}

/// The reason why a handler does not wait for its own follower.
pub(super) fn own_wait(name: &str) -> String {
    format!(
        "the handler of `{name}` waits for `{name}` itself, which moves only after the handler has returned; read the log with \
         `App::load` or `App::live`, or wait outside of the handler"
    )
}
