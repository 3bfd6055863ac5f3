//! The read models of an app, as one question sees them.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::{
    app::App,
    error::Error,
    find::{Find, List, ReadModel},
    position::Position,
    projection::{Projection, Status},
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

/// A projection that an answer was made from.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) projection: &'static str,
    /// Has seen what was there before the answer was made.
    pub(super) status: watch::Receiver<Status>,
    /// Whether nobody will move it any more.
    pub(super) ended: bool,
}

impl ReadModels {
    pub(super) fn new(app: App, wanted: Position, patience: Duration) -> Self {
        let now = Instant::now();
        // What no clock can tell is waited for as long as one can.
        let until = now.checked_add(patience).unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()));
        Self { app, wanted, until, reads: Mutex::default() }
    }

    /// The row of a projection with this key.
    pub fn find<P: Projection>(&self, key: &P::Key) -> Find<P> {
        Find::new(self.model(), key.clone()).after(self.wanted).within(self.left())
    }

    /// The rows of a projection: by key or index, in an order, a page at a time.
    pub fn list<P: Projection>(&self) -> List<P> {
        List::new(self.model()).after(self.wanted).within(self.left())
    }

    /// Waits until the rows of a projection show what the caller wants to see: for an answer in SQL of your own.
    ///
    /// # Errors
    /// [`Error::Behind`] if they do not in time; [`Error::Unusable`] if the app does not run the projection.
    pub async fn reached<P: Projection>(&self) -> Result<(), Error> {
        self.model::<P>()?.reached(self.wanted, self.left()).await?;
        Ok(())
    }

    /// The read model. From here on it is known that the answer depends on it: a change that comes later than this is news.
    fn model<P: Projection>(&self) -> Result<ReadModel<P>, Error> {
        let model = self.app.model::<P>()?;
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        if reads.iter().all(|read| read.projection != P::TABLE.projection) {
            let mut status = model.changes();
            status.mark_unchanged();
            reads.push(Read { projection: P::TABLE.projection, status, ended: false });
        }
        Ok(model)
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// What was read.
    pub(super) fn into_reads(self) -> Vec<Read> {
        self.reads.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
