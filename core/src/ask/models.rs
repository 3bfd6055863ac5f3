//! The read models of an app, as one question sees them.

use std::{
    future::{pending, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::Poll,
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::{
    app::App,
    error::Error,
    feed::LogWatcher,
    find::{Find, List, ReadModel},
    position::Position,
    projection::{Projection, State, Status},
};

/// The read models of an app, as one question sees them: all of them show the position that the caller wants to see, and
/// wait for it together no longer than the caller wants to wait.
#[derive(Debug)]
pub struct ReadModels {
    app: App,
    wanted: Position,
    until: Instant,
    reads: Mutex<Vec<Read>>,
}

/// A projection that an answer was made from, as it was before the answer was made.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) projection: &'static str,
    /// Has seen what was there.
    pub(super) status: watch::Receiver<Status>,
    /// The log and how far it was, if the rows change with the appends.
    log: Option<(Weak<LogWatcher>, Position)>,
    /// Whether nobody will move it any more.
    pub(super) ended: bool,
}

impl Read {
    /// Waits until the rows have moved, or will not any more. Gives whether they have.
    pub(super) async fn moved(&mut self) -> bool {
        let Self { status, log, ended, .. } = self;
        let mut news = pin!(status.changed());
        let mut further = pin!(async {
            match log.as_ref().and_then(|(watcher, seen)| Some((watcher.upgrade()?, seen))) {
                Some((watcher, seen)) => watcher.settled_beyond(*seen).await,
                None => pending().await,
            }
        });
        *ended = poll_fn(|context| match news.as_mut().poll(context) {
            Poll::Ready(news) => Poll::Ready(news.is_err()),
            Poll::Pending => further.as_mut().poll(context).map(|()| false),
        })
        .await;
        !*ended
    }
}

impl ReadModels {
    pub(super) fn new(app: App, wanted: Position, timeout: Duration) -> Self {
        let now = Instant::now();
        // What no clock can tell is waited for as long as one can.
        let until = now.checked_add(timeout).unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()));
        Self { app, wanted, until, reads: Mutex::default() }
    }

    /// The row of a projection with this key.
    pub fn find<P: Projection>(&self, key: &P::Key) -> Find<P> {
        Find::new(self.model(), key.clone()).after(self.wanted).timeout(self.left())
    }

    /// The rows of a projection: by key or index, in an order, a page at a time.
    pub fn list<P: Projection>(&self) -> List<P> {
        List::new(self.model()).after(self.wanted).timeout(self.left())
    }

    /// Waits until the rows of a projection show what the caller wants to see: for an answer in SQL of your own.
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] if they do not in time; [`Error::Unusable`] if the app does not run the projection.
    pub async fn reached<P: Projection>(&self) -> Result<(), Error> {
        self.model::<P>()?;
        self.passed(P::TABLE.projection).await
    }

    /// As [`reached`](ReadModels::reached), for a projection that is known by its name: one that keeps tables of your own.
    ///
    /// # Errors
    /// As [`reached`](ReadModels::reached).
    pub async fn passed(&self, name: &str) -> Result<(), Error> {
        let followed = self.app.follow(name)?;
        self.depends_on(followed.name, followed.status.clone());
        followed.reached(self.wanted, self.left()).await.map(drop)
    }

    fn model<P: Projection>(&self) -> Result<ReadModel<P>, Error> {
        let model = self.app.model::<P>()?;
        self.depends_on(P::TABLE.projection, model.changes());
        Ok(model)
    }

    /// The answer depends on a projection: a change that comes later than this is news.
    fn depends_on(&self, projection: &'static str, mut status: watch::Receiver<Status>) {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        if reads.iter().any(|read| read.projection == projection) {
            return;
        }
        let inline = status.borrow_and_update().state == State::Inline;
        let log = inline.then(|| (Arc::downgrade(self.app.watcher()), self.app.watcher().settled()));
        reads.push(Read { projection, status, log, ended: false });
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// What was read.
    pub(super) fn into_reads(self) -> Vec<Read> {
        self.reads.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
