//! What follows the log in an app, projections and policies: started with it, ended with it.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Mutex, watch},
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::AppSlot;
use crate::{
    codec::Codec,
    error::Error,
    feed::LogWatcher,
    find::{Followed, ReadModel},
    projection::{
        Custom, CustomProjection, Desk, Follower, Keeper, Projected, Projection, ProjectionOptions,
        ShutdownSignal, State, Status,
    },
    record::{Draft, Position},
    rows::{BuildId, Inline, SharedRows, Transactional},
};

/// How long an end may take before what is left is cut off.
pub(super) const FAREWELL: Duration = Duration::from_secs(10);

/// Something that follows the log, registered and not started yet.
pub(super) struct Registered {
    rows: Option<SharedRows>,
    make: Make,
    /// For rows that can be asked for: the type, and its read model.
    model: Option<(TypeId, Model)>,
    inline: bool,
}

type Make = Box<dyn FnOnce(&Codec, &AppSlot) -> Arc<dyn Follower> + Send>;
type Model = fn(SharedRows, watch::Receiver<Status>) -> Box<dyn Any + Send + Sync>;

impl Registered {
    pub(super) fn projection<P: Projection>(keep: ProjectionOptions) -> Self {
        let (rows, inline) = (keep.rows.clone(), keep.inline);
        let model: Model = |rows, status| Box::new(ReadModel::<P>::new(rows, status));
        let make: Make = Box::new(|codec, _| Arc::new(Projected::<P>::new(keep, codec.clone())));
        Self { rows, make, model: Some((TypeId::of::<P>(), model)), inline }
    }

    pub(super) fn custom<S: Transactional, C: CustomProjection<S>>(projection: C, store: S) -> Self {
        let store = Arc::new(store);
        let rows: SharedRows = Arc::<S>::clone(&store);
        let make: Make = Box::new(|codec, _| Arc::new(Custom::new(projection, store, codec.clone())));
        Self { rows: Some(rows), make, model: None, inline: false }
    }

    /// A follower that keeps nothing but its checkpoint, and may need the app, which is there a moment later.
    pub(super) fn follower(
        make: impl FnOnce(&Codec, &AppSlot) -> Arc<dyn Follower> + Send + 'static,
    ) -> Self {
        Self { rows: None, make: Box::new(make), model: None, inline: false }
    }
}

/// A follower at work.
struct Started {
    desk: Arc<Desk>,
    followed: Followed,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Everything that follows the log, by name.
#[derive(Default)]
pub(super) struct ReadSide {
    started: Vec<Started>,
    models: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    shutdown: ShutdownSignal,
    keeps_inline: bool,
}

impl ReadSide {
    /// Starts what was registered. A store of rows that does not answer is waited for in the background; one that
    /// cannot be used ends the start.
    pub(super) async fn start(
        registered: Vec<Registered>,
        watcher: &Arc<LogWatcher>,
        rows: Option<SharedRows>,
        codec: &Codec,
        app: &AppSlot,
    ) -> Result<Self, Error> {
        let mut read_side = Self::default();
        for one in registered {
            let Registered { rows: own, make, model, inline } = one;
            let rows = if inline { None } else { own.or_else(|| rows.clone()) };
            read_side.add(make(codec, app), watcher, rows, model, inline).await?;
        }
        read_side.started.sort_unstable_by_key(|started| started.followed.name);
        Ok(read_side)
    }

    async fn add(
        &mut self,
        follower: Arc<dyn Follower>,
        watcher: &Arc<LogWatcher>,
        rows: Option<SharedRows>,
        model: Option<(TypeId, Model)>,
        inline: bool,
    ) -> Result<(), Error> {
        follower.check()?;
        let name = follower.table().projection;
        if self.started.iter().any(|started| started.followed.name == name) {
            let reason = format!("two projections or policies are named `{name}`");
            return Err(Error::unusable("start the app", reason));
        }
        let rows = rows.or_else(|| watcher.store().row_store()).ok_or_else(|| no_rows(name, watcher))?;
        let sender = Arc::new(watch::Sender::new(Status::NEW));
        let status = sender.subscribe();
        let (watcher, shutdown) = (Arc::clone(watcher), self.shutdown.clone());
        let desk = Arc::new(Desk::new(follower, watcher, SharedRows::clone(&rows), shutdown, &sender));
        let keeper = Keeper::start(Arc::clone(&desk), sender).await?;
        if let Some((type_id, model)) = model {
            self.models.insert(type_id, model(SharedRows::clone(&rows), status.clone()));
        }
        self.keeps_inline |= inline;
        let task = Mutex::new(Some(tokio::spawn(keeper.run())));
        self.started.push(Started { desk, followed: Followed { name, rows, status }, task });
        Ok(())
    }

    pub(super) fn model<P: Projection>(&self) -> Result<ReadModel<P>, Error> {
        let model =
            self.models.get(&TypeId::of::<P>()).and_then(|model| model.downcast_ref::<ReadModel<P>>());
        model.cloned().ok_or_else(|| {
            let row = type_name::<P>();
            let reason =
                format!("the app does not run this projection; start it with `.projection::<{row}>()`");
            Error::unusable(format!("ask for rows of `{row}`"), reason)
        })
    }

    /// How the follower with this name does, from now on.
    pub(super) fn follow(&self, name: &str) -> Result<&Followed, Error> {
        self.started(name).map(|started| &started.followed)
    }

    /// The follower with this name.
    pub(super) fn desk(&self, name: &str) -> Result<&Arc<Desk>, Error> {
        self.started(name).map(|started| &started.desk)
    }

    fn started(&self, name: &str) -> Result<&Started, Error> {
        self.started.iter().find(|started| started.followed.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.started.iter().map(|started| started.followed.name).collect();
            let reason =
                format!("the app runs no projection or policy of this name; it runs: {}", known.join(", "));
            Error::unusable(format!("find `{name}`"), reason)
        })
    }

    pub(super) fn desks(&self) -> impl Iterator<Item = &Arc<Desk>> {
        self.started.iter().map(|started| &started.desk)
    }

    /// How each follower does, by name.
    pub(super) fn statuses(&self) -> Vec<(&'static str, Status)> {
        let status = |Followed { name, status, .. }: &Followed| (*name, status.borrow().clone());
        self.started.iter().map(|started| status(&started.followed)).collect()
    }

    /// Waits until one follower has passed a position.
    pub(super) async fn passed(&self, name: &str, wanted: Position, timeout: Duration) -> Result<(), Error> {
        self.follow(name)?.reached(wanted, timeout).await.map(drop)
    }

    /// Waits until every follower has passed a position.
    pub(super) async fn reached(&self, wanted: Position, timeout: Duration) -> Result<(), Error> {
        let end = Instant::now() + timeout;
        for Started { followed, .. } in &self.started {
            followed.reached(wanted, end.saturating_duration_since(Instant::now())).await?;
        }
        Ok(())
    }

    /// Whether anything is registered to be kept inline.
    pub(super) fn keeps_inline(&self) -> bool {
        self.keeps_inline
    }

    /// The folds of what is kept inline now, of the types of these events.
    pub(super) fn inline(&self, events: &[Draft]) -> Vec<Arc<dyn Inline>> {
        if !self.keeps_inline {
            return Vec::new();
        }
        let inline = self.started.iter().filter_map(|started| {
            let status = started.followed.status.borrow();
            let table = status.reads.filter(|_| status.state == State::Inline)?;
            started.desk.follower.inline(table)
        });
        let takes =
            |inline: &Arc<dyn Inline>| events.iter().any(|event| inline.types().contains(&event.name()));
        inline.filter(takes).collect()
    }

    /// Has every keeper look at its builds: the store has others than it was told.
    pub(super) fn look(&self) {
        self.desks().for_each(|desk| desk.look());
    }

    /// The folds of these builds; what is missing cannot be folded by this program.
    pub(super) fn inline_of(&self, wanted: &[BuildId]) -> Option<Vec<Arc<dyn Inline>>> {
        self.look();
        let fold = |id: &BuildId| {
            let desk = self.desk(&id.projection).ok()?;
            let own = desk.follower.table();
            (own.version == id.version).then(|| desk.follower.inline(own.built(id.build)))?
        };
        wanted.iter().map(fold).collect()
    }

    /// Asks all followers to end after what they are at.
    pub(super) fn stop(&self) {
        self.shutdown.ask();
    }

    /// Ends all followers, after what they are at.
    pub(super) async fn shut_down(&self) {
        self.stop();
        let end = Instant::now() + FAREWELL;
        for Started { followed, task, .. } in &self.started {
            // Who comes second waits as well.
            let mut slot = task.lock().await;
            let Some(task) = slot.as_mut() else { continue };
            if timeout_at(end, &mut *task).await.is_err() {
                tracing::warn!(name = followed.name, "it did not come to an end in time and is cut off");
                task.abort();
            }
            *slot = None;
        }
    }
}

impl Drop for ReadSide {
    fn drop(&mut self) {
        for started in &mut self.started {
            if let Some(task) = started.task.get_mut() {
                task.abort();
            }
        }
    }
}

fn no_rows(name: &str, watcher: &LogWatcher) -> Error {
    let store = watcher.store().describe();
    let reason = format!("`{store}` keeps no rows; name a store for the rows of `{name}` with `.rows(…)`");
    Error::unusable("start the app", reason)
}
