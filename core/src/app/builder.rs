//! Configures and starts an app.

use std::{fmt, sync::Arc, time::Duration};

use super::{facade::App, housekeeping::spawn_housekeeping};
use crate::{
    codec::Codec,
    daemon::{FollowerSpec, ProjectionDaemon},
    error::{Error, Invalid},
    event::Event,
    execute::{EventRegistry, Executor, InlineFolds, Journal, Retry, Settings},
    feed::LogWatcher,
    projection::{CustomProjection, Projection, ProjectionOptions, custom_spec, projection_spec},
    rows::{IntoRowStore, SharedRows, Transactional},
    store::{EventStore, IntoEventStore},
    time::{Clock, SystemClock},
};

/// An app that is not started yet.
#[must_use = "an app exists once `start` was awaited"]
pub struct Builder {
    store: Arc<dyn EventStore>,
    clock: Box<dyn Clock>,
    registry: EventRegistry,
    registered: Result<(), Invalid>,
    projections: Vec<FollowerSpec>,
    policies: Vec<MakePolicy>,
    rows: Option<SharedRows>,
    settings: Settings,
}

/// Creates the follower of a policy, which sends its commands through the executor.
type MakePolicy = Box<dyn FnOnce(&Arc<Executor>) -> FollowerSpec + Send>;

impl App {
    /// Configures an app on a store, or on an `Arc` of one.
    pub fn builder(store: impl IntoEventStore) -> Builder {
        Builder::new(store.into_event_store())
    }
}

impl Builder {
    fn new(store: Arc<dyn EventStore>) -> Self {
        Self {
            store,
            clock: Box::new(SystemClock),
            registry: EventRegistry::default(),
            registered: Ok(()),
            projections: Vec::new(),
            policies: Vec::new(),
            rows: None,
            settings: Settings::default(),
        }
    }

    /// Uses this clock instead of that of the system. Decisions see its time, and events record it.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    /// Sets how often a command is attempted after a conflict, and with which pauses.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// Sets which commands are recorded in the journal. By default none.
    pub fn journal(mut self, journal: Journal) -> Self {
        self.settings.journal = journal;
        self
    }

    /// Sets the largest payload of one event or journaled command, in bytes. By default 4 MiB.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.settings.max_payload = bytes;
        self
    }

    /// Sets how long a command id is remembered after the command was accepted. By default for ever.
    pub fn command_id_retention(mut self, retention: Duration) -> Self {
        self.settings.command_id_retention = Some(retention);
        self
    }

    /// Sets the maximum causation depth: how many policies may be chained from one command of a user, by default 32. A policy that
    /// would exceed it stops, so that one that reacts to what it causes does not go on for ever.
    pub fn max_hops(mut self, hops: u32) -> Self {
        self.settings.max_hops = hops;
        self
    }

    /// Sets how many aggregate states are cached for later commands, by default 10,000. The cache evicts the least recently used
    /// states. With 0 every command reads the states that it needs.
    pub fn state_cache_capacity(mut self, states: usize) -> Self {
        self.settings.state_cache_capacity = states;
        self
    }

    /// Registers an event type, so that [`start`](Builder::start) checks that no other Rust type owns its stored names and id kinds.
    /// Other event types are checked when a command first uses them.
    pub fn events<E: Event>(mut self) -> Self {
        self.registered = self.registered.and_then(|()| self.registry.register(const { &E::TYPES }));
        self
    }

    /// Registers a projection. Its rows are in the app's row store: see [`Builder::rows`].
    pub fn projection<P: Projection>(self) -> Self {
        self.projection_with::<P>(ProjectionOptions::new())
    }

    /// Registers a projection with options: for example with a row store of its own.
    pub fn projection_with<P: Projection>(mut self, options: ProjectionOptions) -> Self {
        self.projections.push(projection_spec::<P>(options));
        self
    }

    /// Registers a projection that writes the user's own tables, in the transactions of a store.
    pub fn custom_projection<S: Transactional, C: CustomProjection<S>>(
        mut self,
        projection: C,
        store: S,
    ) -> Self {
        self.projections.push(custom_spec(projection, store));
        self
    }

    /// Registers a policy by its follower.
    pub(crate) fn policy_spec(
        mut self,
        make: impl FnOnce(&Arc<Executor>) -> FollowerSpec + Send + 'static,
    ) -> Self {
        self.policies.push(Box::new(make));
        self
    }

    /// Uses this row store for projections, and for the checkpoints of policies. By default rows are in the store of the events.
    pub fn rows(self, rows: impl IntoRowStore) -> Self {
        Self { rows: Some(rows.into_row_store()), ..self }
    }

    /// Starts the app with its projections and policies.
    ///
    /// # Errors
    /// [`Error::Invalid`] if two types own the same stored name or id kind; [`Error::Unusable`] if the stored rows of a
    /// projection have other columns than its type, or belong to another log; another [`Error`] if the store cannot answer.
    pub async fn start(self) -> Result<App, Error> {
        let Self { store, clock, registry, registered, projections, policies, rows, settings } = self;
        registered?;
        let codec = Codec::default();
        let watcher = LogWatcher::new(store);
        let mut daemon = ProjectionDaemon::default();
        daemon.start(projections, &watcher, rows.as_ref(), &codec).await?;
        let inline = InlineFolds::new(daemon.has_inline(), daemon.controls_with_status().collect());
        let purges = settings.command_id_retention.is_some();
        let executor = Executor::new(Arc::clone(&watcher), clock, codec.clone(), registry, inline, settings);
        let executor = Arc::new(executor);
        let policies = policies.into_iter().map(|make| make(&executor)).collect();
        daemon.start(policies, &watcher, rows.as_ref(), &codec).await?;
        if purges {
            executor.purge_command_ids().await?;
            spawn_housekeeping(&executor);
        }
        Ok(App::new(executor, daemon))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, settings, .. } = self;
        f.debug_struct("Builder")
            .field("store", &store.describe())
            .field("settings", settings)
            .finish_non_exhaustive()
    }
}
