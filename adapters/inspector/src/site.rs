//! What all pages share: the application, the rights, and the limits of their calls.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use annalist_core::{app::App, model::Model, store::EventStore};
use tokio::{sync::Semaphore, time::timeout};

use crate::{failure::Failure, identity::Authorize};

/// The longest time that the content of a page may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The number of pages that read from the store at the same time. More of them wait, so that the connections of the store are free for
/// the application.
const READERS: usize = 2;
/// The number of browsers that can follow the log at the same time.
const STREAMS: usize = 16;

pub(crate) struct Site {
    pub(crate) app: App,
    pub(crate) model: Model,
    pub(crate) allows_actions: bool,
    pub(crate) is_served: bool,
    pub(crate) authorize: Option<Authorize>,
    pub(crate) streams: Arc<Semaphore>,
    readers: Semaphore,
    has_logged: AtomicBool,
    timeout: Duration,
}

impl Site {
    pub(crate) fn new(app: App, allows_actions: bool, is_served: bool, authorize: Option<Authorize>) -> Self {
        Self {
            model: app.model(),
            app,
            allows_actions,
            is_served,
            authorize,
            streams: Arc::new(Semaphore::new(STREAMS)),
            readers: Semaphore::new(READERS),
            has_logged: AtomicBool::new(false),
            timeout: TIMEOUT,
        }
    }

    /// The log as it is stored: secrets are encrypted.
    pub(crate) fn store(&self) -> &dyn EventStore {
        let store = &**self.app.store();
        store.as_stored().unwrap_or(store)
    }

    /// Ends the reading of a page after a limited time.
    ///
    /// # Errors
    /// [`Failure::TooSlow`] if it takes too long, or too many other pages are read; otherwise the failure of the reading.
    pub(crate) async fn bounded<T>(
        &self,
        reading: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let with_permit = async {
            let _permit = self.readers.acquire().await;
            reading.await
        };
        match timeout(self.timeout, with_permit).await {
            Ok(result) => result,
            Err(_) => Err(Failure::TooSlow { store: self.app.store().describe(), limit: self.timeout }),
        }
    }

    /// Logs once that the pages are not served.
    pub(crate) fn log_that_it_is_off(&self) {
        if !self.has_logged.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the inspector is off, because this is a build without debug assertions; `Inspector::allow_release_builds` serves it"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use annalist_doc_tests::*;

    use super::*;

    #[tokio::test]
    async fn pages_of_a_store_that_hangs_end_and_commands_go_on() {
        let app = bank().await.unwrap();
        let site = Site { timeout: Duration::from_millis(20), ..Site::new(app.clone(), false, true, None) };
        let hanging = || site.bounded(pending::<Result<(), Failure>>());
        let (one, other, third) = tokio::join!(hanging(), hanging(), site.bounded(async { Ok(()) }));
        assert!(matches!(one, Err(Failure::TooSlow { .. })) && matches!(other, Err(Failure::TooSlow { .. })));
        // It waits for one of the two to end, no longer than they do.
        assert!(matches!(third, Ok(()) | Err(Failure::TooSlow { .. })));
        app.execute(open("d", "Dan")).await.unwrap();
        assert!(site.bounded(async { Ok(()) }).await.is_ok());
    }
}
