//! All projections and policies of an app: started with it, stopped with it.

use std::{
    any::{TypeId, type_name},
    collections::HashMap,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Mutex, watch},
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Follower, FollowerControl, ReadModelHandle, State, Status, read_model_handle::StatusOfLog,
    status::Stopped, status_publisher::StatusPublisher, supervisor::Supervisor,
};
use crate::{
    codec::Codec,
    error::{Error, Invalid},
    event::Types,
    feed::LogWatcher,
    projection::Projection,
    record::Position,
    rows::{SharedRows, Table},
    store::Included,
};

/// How long a graceful shutdown may take before the remaining tasks are aborted.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Why nothing runs in an app that observes.
pub(crate) const OBSERVES: &str = "this app runs nothing, because it was started with `Builder::observe`";

/// A projection or policy to start.
pub(crate) struct FollowerSpec {
    /// The Rust type of the projection or policy, for messages.
    rust_type: &'static str,
    rows: Option<SharedRows>,
    make: MakeFollower,
    /// The row type, if its rows can be queried.
    row_type: Option<TypeId>,
    inline: bool,
    /// Which secrets the rows may have.
    secrets: RowSecrets,
}

/// Where a follower may have secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowSecrets {
    /// Nowhere.
    None,
    /// In the errors of parked events, and in the reason of a stop: a policy or a custom projection.
    Errors,
    /// In rows that are encrypted: without their keys they are forgotten.
    Encrypted,
    /// In rows, as copies in columns that are not secret.
    Copied,
}

/// Encrypts the secrets of the rows of a table that are in a store; `None` if there are no keys.
pub(crate) type SealRows<'a> = dyn Fn(&Table, SharedRows) -> Option<SharedRows> + Send + Sync + 'a;

/// Creates the follower.
type MakeFollower = Box<dyn FnOnce(&Codec) -> Arc<dyn Follower> + Send>;

impl FollowerSpec {
    /// The follower of a projection or policy of type `F`, in the app's row store, without rows of its own.
    pub(crate) fn new<F>(make: impl FnOnce(&Codec) -> Arc<dyn Follower> + Send + 'static) -> Self {
        let make = Box::new(make);
        Self {
            rust_type: type_name::<F>(),
            rows: None,
            make,
            row_type: None,
            inline: false,
            secrets: RowSecrets::None,
        }
    }

    /// Uses this row store instead of the app's.
    pub(crate) fn rows(self, rows: Option<SharedRows>) -> Self {
        Self { rows, ..self }
    }

    /// The follower maintains rows of type `P`, which can be queried.
    pub(crate) fn row_type<P: Projection>(self) -> Self {
        Self { row_type: Some(TypeId::of::<P>()), ..self }
    }

    /// The rows may have these secrets.
    pub(crate) fn secrets(self, secrets: RowSecrets) -> Self {
        Self { secrets, ..self }
    }

    /// The follower has no rows of its own, and handles these events.
    pub(crate) fn without_rows(self, events: &[Types]) -> Self {
        match events.iter().any(Types::has_secrets) {
            true => self.secrets(RowSecrets::Errors),
            false => self,
        }
    }

    /// The rows are written by the appends, into the store of the events.
    pub(crate) fn inline(self, inline: bool) -> Self {
        Self { inline, ..self }
    }
}

/// A started follower.
struct RunningFollower {
    /// The Rust type of the projection or policy.
    rust_type: &'static str,
    #[cfg_attr(not(feature = "secrets"), expect(dead_code, reason = "nothing is forgotten"))]
    secrets: RowSecrets,
    control: Arc<FollowerControl>,
    handle: ReadModelHandle,
    task: Mutex<Option<JoinHandle<()>>>,
    /// The status of a follower that this process only observes. Its end would be that of the runtime.
    #[expect(dead_code, reason = "it is only dropped")]
    observed: Option<Arc<StatusPublisher>>,
}

/// Runs all projections and policies of an app.
#[derive(Default)]
pub(crate) struct ProjectionDaemon {
    /// Sorted by name.
    followers: Vec<RunningFollower>,
    models: HashMap<TypeId, ReadModelHandle>,
    shutdown: CancellationToken,
    has_inline: bool,
    /// The row store of the log, which the followers without one of their own share.
    log_rows: Option<SharedRows>,
    /// Whether other processes run the followers, and this one only looks at what they store.
    observes: bool,
}

impl ProjectionDaemon {
    /// Runs nothing.
    pub(crate) fn observing() -> Self {
        let mut daemon = Self::default();
        daemon.observes = true;
        daemon
    }

    /// Whether nothing is run.
    pub(crate) fn observes(&self) -> bool {
        self.observes
    }

    /// Starts the followers. If a row store does not respond, its supervisor retries in the background.
    ///
    /// # Errors
    /// [`Error::Unusable`] if a row store cannot be used, [`Error::Invalid`] if two followers have the same name.
    pub(crate) async fn start(
        &mut self,
        specs: Vec<FollowerSpec>,
        watcher: &Arc<LogWatcher>,
        (rows, seal): (Option<&SharedRows>, &SealRows<'_>),
        codec: &Codec,
    ) -> Result<(), Error> {
        for spec in specs {
            self.add(spec, watcher, (rows, seal), codec).await?;
        }
        self.followers.sort_unstable_by_key(|follower| follower.handle.name);
        Ok(())
    }

    async fn add(
        &mut self,
        spec: FollowerSpec,
        watcher: &Arc<LogWatcher>,
        (rows, seal): (Option<&SharedRows>, &SealRows<'_>),
        codec: &Codec,
    ) -> Result<(), Error> {
        let FollowerSpec { rust_type, rows: own, make, row_type, inline, secrets } = spec;
        let follower = make(codec);
        follower.check()?;
        let name = follower.table().projection;
        if inline && secrets != RowSecrets::None {
            let reason = "it has rows with secrets, or folds events with them, and such rows cannot be inline: run it in the background";
            return Err(Error::unusable(format!("start `{name}`"), reason));
        }
        if let Some(other) = self.followers.iter().find(|other| other.handle.name == name) {
            return Err(duplicate_name(name, other.rust_type, rust_type).into());
        }
        let rows = if inline { None } else { own.or_else(|| rows.cloned()) };
        if rows.is_none() && self.log_rows.is_none() {
            self.log_rows = watcher.store().row_store();
        }
        let rows = rows.or_else(|| self.log_rows.clone()).ok_or_else(|| no_row_store(name, watcher))?;
        let rows = self.seal(&follower.table(), rows, seal)?;
        let (runtime, epoch) = (watcher.runtime().clone(), watcher.store().epoch());
        let publisher = Arc::new(StatusPublisher::new(epoch, runtime.clone(), self.shutdown.clone()));
        let (status, epoch) = (publisher.subscribe(), publisher.subscribe_to_epoch());
        let (log, shutdown) = (Arc::clone(watcher), self.shutdown.clone());
        let control = FollowerControl::new(follower, log, SharedRows::clone(&rows), shutdown, &publisher);
        let control = Arc::new(control);
        let log = Some(StatusOfLog { watcher: Arc::clone(watcher), epoch, control: Arc::clone(&control) });
        let (task, observed) = match self.observes {
            true => {
                let state = State::Stopped(Stopped::without_event(OBSERVES));
                publisher.publish(Status { state, ..Status::NEW });
                (None, Some(publisher))
            }
            false => {
                let supervisor = Supervisor::start(Arc::clone(&control), publisher).await?;
                (Some(tokio::spawn(supervisor.run())), None)
            }
        };
        let handle = ReadModelHandle { name, rows, status, log, runtime };
        if let Some(row_type) = row_type {
            self.models.insert(row_type, handle.clone());
        }
        self.has_inline |= inline;
        let task = Mutex::new(task);
        self.followers.push(RunningFollower { rust_type, secrets, control, handle, task, observed });
        Ok(())
    }

    /// The rows of a follower, encrypted if its table has secrets.
    fn seal(&self, table: &Table, rows: SharedRows, seal: &SealRows<'_>) -> Result<SharedRows, Error> {
        if !table.has_secrets() {
            return Ok(rows);
        }
        match seal(table, SharedRows::clone(&rows)) {
            Some(sealed) => Ok(sealed),
            None if self.observes => Ok(rows),
            None => {
                let reason = "its rows have secrets, and the app has no keys to encrypt them: pass some to `App::builder(…).keys(…)`";
                Err(Error::unusable(format!("start `{}`", table.projection), reason))
            }
        }
    }

    /// The read model whose rows have this type.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the app does not run the projection.
    pub(crate) fn by_row_type(&self, row: TypeId, row_name: &'static str) -> Result<ReadModelHandle, Error> {
        self.models.get(&row).cloned().ok_or_else(|| {
            let reason =
                format!("the app does not run this projection; start it with `.projection::<{row_name}>()`");
            Error::unusable(format!("query rows of `{row_name}`"), reason)
        })
    }

    /// The row store and status of the follower with this name.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the app runs no follower of this name.
    pub(crate) fn follow(&self, name: &str) -> Result<&ReadModelHandle, Error> {
        self.follower(name).map(|follower| &follower.handle)
    }

    /// The control handle of the follower with this name.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the app runs no follower of this name.
    pub(crate) fn control(&self, name: &str) -> Result<&Arc<FollowerControl>, Error> {
        self.follower(name).map(|follower| &follower.control)
    }

    fn follower(&self, name: &str) -> Result<&RunningFollower, Error> {
        self.followers.iter().find(|follower| follower.handle.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.followers.iter().map(|follower| follower.handle.name).collect();
            let reason =
                format!("the app runs no projection or policy of this name; it runs: {}", names.join(", "));
            Error::unusable(format!("find `{name}`"), reason)
        })
    }

    /// The row store of the log, if a follower uses it.
    pub(crate) fn log_rows(&self) -> Option<&SharedRows> {
        self.log_rows.as_ref()
    }

    /// The control handles of all followers, by name.
    pub(crate) fn controls(&self) -> impl Iterator<Item = &Arc<FollowerControl>> {
        self.followers.iter().map(|follower| &follower.control)
    }

    /// The names of the followers that may have secrets, and where.
    #[cfg(feature = "secrets")]
    pub(crate) fn names_with_secrets(&self) -> impl Iterator<Item = (&'static str, RowSecrets)> {
        let followers = self.followers.iter().map(|follower| (follower.handle.name, follower.secrets));
        followers.filter(|(_, secrets)| *secrets != RowSecrets::None)
    }

    /// The status of each follower, by name.
    pub(crate) fn statuses(&self) -> Vec<(&'static str, Status)> {
        let status = |RunningFollower { handle, control, .. }: &RunningFollower| {
            let status = handle.status();
            (handle.name, status.with_inline_position(control.watcher.acknowledged()))
        };
        self.followers.iter().map(status).collect()
    }

    /// Waits until one follower has processed all events up to a position.
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] or [`Error::Building`] if it does not in time, or is stopped; [`Error::Unusable`] if there is
    /// none of this name.
    pub(crate) async fn passed(&self, name: &str, wanted: Included, timeout: Duration) -> Result<(), Error> {
        self.follow(name)?.wait_for_position(wanted, timeout).await.map(drop)
    }

    /// Waits until every follower has processed all events up to a position and is no longer catching up.
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] or [`Error::Building`] if one does not in time, or is stopped.
    pub(crate) async fn reached(&self, wanted: Position, timeout: Duration) -> Result<(), Error> {
        let end = Instant::now() + timeout;
        for RunningFollower { handle, control, .. } in &self.followers {
            let (version, left) =
                (control.follower.table().version, end.saturating_duration_since(Instant::now()));
            handle.wait_until_caught_up(wanted, version, left).await?;
        }
        Ok(())
    }

    /// For each follower without rows, and so for each policy: the position up to which it has handled all events. Parked
    /// events are not handled. Policies whose row store cannot answer are left out.
    pub(crate) async fn handled_by_policies(&self) -> Vec<(&'static str, Position)> {
        let mut handled = Vec::new();
        for RunningFollower { control, handle, .. } in &self.followers {
            let table = control.follower.table();
            if table.is_checkpoint_only() {
                match handled_up_to(&handle.rows, table).await {
                    Ok(position) => handled.push((handle.name, position)),
                    Err(error) => {
                        tracing::warn!(name = handle.name, %error, "the ids of its commands are not purged now");
                    }
                }
            }
        }
        handled
    }

    /// Returns `true` if any projection is registered as inline.
    pub(crate) fn has_inline(&self) -> bool {
        self.has_inline
    }

    /// Returns `true` if another process runs one of the policies.
    pub(crate) fn has_standby(&self) -> bool {
        self.followers.iter().any(|follower| follower.handle.status.borrow().state == State::Standby)
    }

    /// The control handle and the status of each follower, by name.
    pub(crate) fn controls_with_status(
        &self,
    ) -> impl Iterator<Item = (Arc<FollowerControl>, watch::Receiver<Status>)> {
        let followers = self.followers.iter();
        followers.map(|follower| (Arc::clone(&follower.control), follower.handle.status.clone()))
    }

    /// Signals all followers to stop after their current batch.
    pub(crate) fn stop(&self) {
        self.shutdown.cancel();
    }

    /// Whether the followers were signalled to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Stops all followers after their current batch and waits for them; aborts a follower that takes too long.
    pub(crate) async fn shut_down(&self) {
        self.stop();
        let end = Instant::now() + SHUTDOWN_TIMEOUT;
        for RunningFollower { handle, task, .. } in &self.followers {
            // A second concurrent call waits for the lock, and so for the first one.
            let mut task = task.lock().await;
            let Some(running) = task.as_mut() else { continue };
            if timeout_at(end, &mut *running).await.is_err() {
                tracing::warn!(name = handle.name, "the follower did not stop in time; aborting it");
                running.abort();
            }
            *task = None;
        }
    }
}

impl Drop for ProjectionDaemon {
    fn drop(&mut self) {
        self.stop();
        for follower in &mut self.followers {
            if let Some(task) = follower.task.get_mut() {
                task.abort();
            }
        }
    }
}

/// The error of two projections or policies with the same name.
fn duplicate_name(name: &'static str, first: &'static str, second: &'static str) -> Invalid {
    let advice = match first == second {
        true => "register it once",
        false => "give one of them another `name`: each has its own rows and checkpoint under its name",
    };
    Invalid::DuplicateName {
        what: "the projection or policy name",
        name: name.to_owned(),
        first: first.to_owned(),
        second: second.to_owned(),
        advice,
    }
}

/// The position up to which all events are handled by the newest build.
async fn handled_up_to(rows: &SharedRows, table: Table) -> Result<Position, Error> {
    let builds = rows.builds(table.projection).await?;
    let Some(newest) = builds.iter().max_by_key(|build| build.order()) else { return Ok(Position::START) };
    // After the checkpoint, so that an event that is parked in between is in the list.
    let parked = rows.parked(&Table { version: newest.version, ..table.built(newest.build) }).await?;
    let before_parked = parked.iter().map(|parked| Position::new(parked.position.get().saturating_sub(1)));
    Ok(before_parked.chain([newest.checkpoint.position]).min().unwrap_or_default())
}

fn no_row_store(name: &str, watcher: &LogWatcher) -> Error {
    let store = watcher.store().describe();
    let reason = format!("`{store}` has no row store; name a store for the rows of `{name}` with `.rows(…)`");
    Error::unusable("start the app", reason)
}
