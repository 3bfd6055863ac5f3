//! The projections of an app: started with it, stopped with it.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle, time::Instant};

use crate::{
    codec::Codec,
    error::{Error, Invalid},
    feed::Hub,
    find::{ReadModel, reached},
    projection::{Projection, Runner, Status},
    record::Position,
    rows::SharedRows,
    store::LogId,
};

/// A projection that was registered and is not started yet.
pub(super) struct Registered {
    type_id: TypeId,
    name: &'static str,
    rows: Option<SharedRows>,
    start: fn(Arc<Hub>, SharedRows, Codec) -> Started,
    check: fn() -> Result<(), Invalid>,
    define: Define,
}

type Define = fn(SharedRows, LogId) -> BoxFuture<Result<(), Error>>;
type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;

/// A projection at work.
struct Started {
    model: Box<dyn Any + Send + Sync>,
    status: watch::Receiver<Status>,
    task: JoinHandle<()>,
}

impl Registered {
    /// A projection whose rows are in this store, or in the app's.
    pub(super) fn new<P: Projection>(rows: Option<SharedRows>) -> Self {
        Self {
            type_id: TypeId::of::<P>(),
            name: P::TABLE.projection,
            rows,
            start: start::<P>,
            check: || P::TABLE.check(),
            define: |rows, log| Box::pin(async move { rows.define(&P::TABLE, log).await.map(drop) }),
        }
    }
}

fn start<P: Projection>(hub: Arc<Hub>, rows: SharedRows, codec: Codec) -> Started {
    let (runner, status) = Runner::<P>::new(hub, Arc::clone(&rows), codec);
    let model = Box::new(ReadModel::<P>::new(rows, status.clone()));
    Started { model, status, task: tokio::spawn(runner.run()) }
}

/// The projections at work, by the type of their rows.
#[derive(Default)]
pub(super) struct ReadSide {
    started: HashMap<TypeId, (&'static str, Started)>,
}

impl ReadSide {
    /// Starts what was registered. A store of rows that does not answer is waited for in the background; one that
    /// cannot be used ends the start.
    pub(super) async fn start(
        registered: Vec<Registered>,
        hub: &Arc<Hub>,
        rows: Option<SharedRows>,
        codec: &Codec,
    ) -> Result<Self, Error> {
        let mut read_side = Self::default();
        for projection in registered {
            let name = projection.name;
            (projection.check)()?;
            if read_side.started.values().any(|(other, _)| *other == name) {
                return Err(Error::unusable("start the app", format!("two projections are named `{name}`")));
            }
            let rows = projection.rows.or_else(|| rows.clone()).ok_or_else(|| no_rows(name, hub))?;
            match (projection.define)(Arc::clone(&rows), hub.store().log_id()).await {
                Err(error) if !error.is_unavailable() => return Err(error),
                _ => {}
            }
            let started = (projection.start)(Arc::clone(hub), rows, codec.clone());
            read_side.started.insert(projection.type_id, (name, started));
        }
        Ok(read_side)
    }

    pub(super) fn model<P: Projection>(&self) -> Result<ReadModel<P>, Error> {
        let started = self.started.get(&TypeId::of::<P>());
        let model = started.and_then(|(_, started)| started.model.downcast_ref::<ReadModel<P>>());
        model.cloned().ok_or_else(|| {
            let row = type_name::<P>();
            let reason =
                format!("the app does not run this projection; start it with `.projection::<{row}>()`");
            Error::unusable(format!("ask for rows of `{row}`"), reason)
        })
    }

    /// How each projection does, by name.
    pub(super) fn statuses(&self) -> Vec<(&'static str, Status)> {
        let mut statuses: Vec<_> =
            self.started.values().map(|(name, started)| (*name, started.status.borrow().clone())).collect();
        statuses.sort_unstable_by_key(|(name, _)| *name);
        statuses
    }

    /// Waits until every projection has passed a position.
    pub(super) async fn reached(&self, wanted: Position, patience: Duration) -> Result<(), Error> {
        let end = Instant::now() + patience;
        for (name, started) in self.started.values() {
            let left = end.saturating_duration_since(Instant::now());
            reached(name, &started.status, wanted, left).await?;
        }
        Ok(())
    }

    /// Ends all runners. What they were about to write is written whole or not at all.
    pub(super) fn stop(&self) {
        self.started.values().for_each(|(_, started)| started.task.abort());
    }
}

impl Drop for ReadSide {
    fn drop(&mut self) {
        self.stop();
    }
}

fn no_rows(name: &str, hub: &Hub) -> Error {
    let store = hub.store().describe();
    let reason = format!("`{store}` keeps no rows; name a store for the rows of `{name}` with `.rows(…)`");
    Error::unusable("start the app", reason)
}
