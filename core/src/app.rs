//! The application: executes commands and reads what became of them.

mod admin;
mod append;
mod chain;
mod doors;
mod execute;
mod gather;
mod habits;
mod lines;
mod load;
mod registry;
mod request;
mod retry;
mod snapshots;
mod states;
mod to_the_end;

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::SetOnce,
    time::{Instant, MissedTickBehavior},
};

pub(crate) use self::execute::{Call, told};
pub use self::{
    admin::{Lag, Overview},
    execute::Execute,
    load::{History, Live, Load, Moment},
    retry::Retry,
};
use self::{chain::Queues, doors::Doors, habits::Habits, registry::Registry, states::States};
use crate::{
    aggregate::Aggregate,
    ask::{Ask, Query, Watchable, Watched},
    codec::Codec,
    command::Command,
    criteria::Criteria,
    daemon::{FollowerSpec, ProjectionDaemon},
    error::{Error, Invalid},
    event::Event,
    feed::{Feed, LogWatcher},
    find::{Find, Followed, List, ReadModel},
    id::Id,
    limits::MAX_PAYLOAD,
    policy::{MAX_HOPS, Policy, PolicyFollower},
    position::Position,
    projection::{CustomProjection, Projection, ProjectionOptions, Status, custom_spec, projection_spec},
    rows::{RowStore, SharedRows, Transactional},
    store::{Entry, EventStore, Receipt, Token},
    tag::Tag,
    time::{Clock, SystemClock},
};

/// A domain on a store. Cheap to clone; clones are the same app.
///
/// ```text
/// let app = App::builder(Memory::new()).start().await?;
/// let receipt = app.execute(Deposit { account, amount: 40 }).actor("ann").await?;
/// let account = app.load::<Account>(&account).await?;
/// ```
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn EventStore>,
    clock: Box<dyn Clock>,
    codec: Codec,
    registry: Registry,
    states: States,
    habits: Habits,
    queues: Arc<Queues>,
    watcher: Arc<LogWatcher>,
    daemon: ProjectionDaemon,
    doors: Doors,
    settings: Settings,
}

#[derive(Clone, Debug)]
struct Settings {
    retry: Retry,
    journal: Journal,
    max_payload: usize,
    command_id_retention: Option<Duration>,
    max_hops: u32,
    remembered_states: usize,
}

impl App {
    /// Starts to describe an app on a store, or on an `Arc` of one.
    pub fn builder(store: impl EventStore) -> Builder {
        Builder {
            store: Arc::new(store),
            clock: Box::new(SystemClock),
            registry: Registry::default(),
            claims: Ok(()),
            projections: Vec::new(),
            policies: Vec::new(),
            rows: None,
            settings: Settings {
                retry: Retry::default(),
                journal: Journal::Off,
                max_payload: MAX_PAYLOAD,
                command_id_retention: None,
                max_hops: MAX_HOPS,
                remembered_states: 10_000,
            },
        }
    }

    /// Executes a command: loads the states that its decision needs, decides, and appends the events if nothing that it
    /// read has changed; else it does so again. Nothing happens before the answer is awaited.
    ///
    /// Dropping the future leaves the append whole or absent.
    pub fn execute<C: Command>(&self, command: C) -> Execute<C> {
        Execute::new(self.clone(), command)
    }

    /// The state of an aggregate, now or [`at`](Load::at) a moment of the past. Without events it is the initial one.
    ///
    /// An aggregate without `#[id]` has the id `()`.
    pub fn load<A: Aggregate>(&self, id: &A::Id) -> Load<A> {
        Load::new(self.clone(), id.clone())
    }

    /// The events of type `E` that carry an id, oldest first, with their times, actors and positions.
    pub fn history<E: Event>(&self, id: &impl Id) -> History<E> {
        History::new(self.clone(), Tag::of(id))
    }

    /// The row of a projection with this key, now or [`after`](Find::after) a receipt.
    pub fn find<P: Projection>(&self, key: &P::Key) -> Find<P> {
        Find::new(self.inner.daemon.model(), key.clone())
    }

    /// The row of a projection as its events make it now, or [`at`](Live::at) a moment of the past: folded when it is asked
    /// for, whether the app keeps the projection or not. Where the events do not carry the key as an id, all events of the
    /// projection's types are read.
    pub fn live<P: Projection>(&self, key: &P::Key) -> Live<P> {
        Live::new(self.clone(), key.clone())
    }

    /// The rows of a projection: by key or index, in an order, a page at a time.
    pub fn list<P: Projection>(&self) -> List<P> {
        List::new(self.inner.daemon.model())
    }

    /// Asks a typed question, now or [`after`](Ask::after) a receipt.
    pub fn ask<Q: Query>(&self, question: Q) -> Ask<Q> {
        Ask::new(self.clone(), question)
    }

    /// Follows the answers of a question: the one now, and each other one as soon as the rows show it.
    pub fn watch<Q: Query<Answer: Watchable>>(&self, question: Q) -> Watched<Q> {
        Watched::new(self, question)
    }

    /// A receipt as a text that another process accepts, or a browser brings back: see [`App::position_of`].
    pub fn token(&self, receipt: &Receipt) -> Token {
        Token::new(self.inner.store.log_id(), receipt.position())
    }

    /// The position of a token, to wait for: `app.find::<Balance>(&id).after(app.position_of(token)?)`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the token is of another log.
    pub fn position_of(&self, token: Token) -> Result<Position, Error> {
        token.position_in(self.inner.store.log_id())
    }

    /// The events of the log that match, in order, from the beginning or from any position on; first those that are there,
    /// then those that come.
    pub fn feed(&self, filter: Criteria) -> Feed {
        Feed::new(Arc::clone(&self.inner.watcher), filter)
    }

    /// Waits until all projections and policies have passed everything that was appended so far, what the policies append
    /// meanwhile included: for tests, and for switching over.
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] if one has not within 30 seconds, or stands still; another [`Error`] if the log cannot answer.
    pub async fn wait_until_caught_up(&self) -> Result<(), Error> {
        let settled = self.inner.store.settled().await?.position;
        let end = Instant::now() + Duration::from_secs(30);
        let (mut reached, mut wanted) = (Position::START, settled.max(self.inner.watcher.acknowledged()));
        while wanted > reached {
            let left = end.saturating_duration_since(Instant::now());
            self.inner.daemon.reached(wanted, left).await?;
            (reached, wanted) = (wanted, self.inner.watcher.acknowledged());
        }
        Ok(())
    }

    /// How far each projection is and how it does, by name.
    pub fn statuses(&self) -> Vec<(&'static str, Status)> {
        self.inner.daemon.statuses()
    }

    /// Asks the projections and policies to end after what they are at, and does not wait for it; see also
    /// [`App::shut_down`]. Dropping the last clone of the app ends them at once: what they were about to write is written
    /// whole or not at all, and the next start goes on there.
    pub fn stop(&self) {
        self.inner.daemon.stop();
    }

    /// Entries of the command journal behind the one numbered `after` (0 is before the first), oldest first.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or an entry is damaged.
    pub async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        self.inner.store.journal(after, limit).await
    }

    /// Forgets the command ids that were accepted longer ago than [`Builder::command_id_retention`] says, and tells how
    /// many. The app does so by itself when it starts and every hour; without that setting, ids are kept for ever.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    pub async fn purge_command_ids(&self) -> Result<u64, Error> {
        match self.inner.settings.command_id_retention {
            Some(kept) => self.inner.store.purge_command_ids(self.inner.clock.now().minus(kept)).await,
            None => Ok(0),
        }
    }

    /// The store below.
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.inner.store
    }

    pub(crate) fn model<P: Projection>(&self) -> Result<ReadModel<P>, Error> {
        self.inner.daemon.model()
    }

    pub(crate) fn follow(&self, name: &str) -> Result<&Followed, Error> {
        self.inner.daemon.follow(name)
    }

    pub(crate) fn watcher(&self) -> &Arc<LogWatcher> {
        &self.inner.watcher
    }

    pub(crate) fn max_hops(&self) -> u32 {
        self.inner.settings.max_hops
    }

    pub(crate) fn downgrade(&self) -> WeakApp {
        WeakApp(Arc::downgrade(&self.inner))
    }

    /// Forgets old command ids every hour, as long as a clone of the app lives.
    fn keep_house(&self) {
        let app = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            let mut hours = tokio::time::interval(Duration::from_secs(3600));
            hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
            hours.tick().await;
            loop {
                hours.tick().await;
                let Some(inner) = app.upgrade() else { return };
                if let Err(error) = (App { inner }).purge_command_ids().await {
                    tracing::warn!(%error, "old command ids could not be forgotten; the next try is in an hour");
                }
            }
        });
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { store, settings, .. } = &*self.inner;
        f.debug_struct("App")
            .field("store", &store.describe())
            .field("settings", settings)
            .finish_non_exhaustive()
    }
}

/// Where an app will be once it has started.
pub(crate) type AppSlot = Arc<SetOnce<WeakApp>>;

/// An app that lives no longer for it.
#[derive(Clone)]
pub(crate) struct WeakApp(Weak<Inner>);

impl WeakApp {
    /// The app, if it is still there.
    pub(crate) fn upgrade(&self) -> Option<App> {
        self.0.upgrade().map(|inner| App { inner })
    }
}

impl fmt::Debug for WeakApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakApp")
    }
}

/// An app that is not started yet.
#[must_use = "an app exists once `start` was awaited"]
pub struct Builder {
    store: Arc<dyn EventStore>,
    clock: Box<dyn Clock>,
    registry: Registry,
    claims: Result<(), Invalid>,
    projections: Vec<FollowerSpec>,
    policies: Vec<Box<dyn FnOnce(AppSlot) -> FollowerSpec + Send>>,
    rows: Option<SharedRows>,
    settings: Settings,
}

impl Builder {
    /// Takes the time from this clock instead of the system's. It is what decisions see and what events record.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    /// How often and how fast a command is tried again after a conflict.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// Which commands the journal keeps. By default none.
    pub fn journal(mut self, journal: Journal) -> Self {
        self.settings.journal = journal;
        self
    }

    /// The largest payload of one event or journaled command, in bytes. By default 4 MiB.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.settings.max_payload = bytes;
        self
    }

    /// How long a command id is remembered after it was accepted. By default for ever.
    pub fn command_id_retention(mut self, kept: Duration) -> Self {
        self.settings.command_id_retention = Some(kept);
        self
    }

    /// Checks at the start that no other Rust type claims the stored names of these events and the kinds of their ids.
    /// Events that are not announced here are checked when a command first uses them.
    pub fn events<E: Event>(mut self) -> Self {
        self.claims = self.claims.and_then(|()| self.registry.claim(const { &E::TYPES }));
        self
    }

    /// Keeps the rows of a projection up to date, in the app's store of rows: see [`Builder::rows`].
    pub fn projection<P: Projection>(mut self) -> Self {
        self.projections.push(projection_spec::<P>(ProjectionOptions::new()));
        self
    }

    /// Keeps the rows of a projection up to date in a store of their own. It may be another database than that of the
    /// events, and another kind.
    pub fn projection_in<P: Projection>(mut self, rows: impl RowStore) -> Self {
        self.projections.push(projection_spec::<P>(ProjectionOptions::new().rows(rows)));
        self
    }

    /// Keeps the rows of a projection up to date, with other options than the default ones.
    pub fn projection_with<P: Projection>(mut self, keep: ProjectionOptions) -> Self {
        self.projections.push(projection_spec::<P>(keep));
        self
    }

    /// Lets a policy react to events with commands, which this app executes. How far it is stands in the app's store of
    /// rows.
    pub fn policy<P: Policy>(mut self, policy: P) -> Self {
        self.policies.push(Box::new(move |app| {
            FollowerSpec::new(move |codec| Arc::new(PolicyFollower::new(policy, app, codec.clone())))
        }));
        self
    }

    /// How many policies may stand between a command that somebody asked for and one that a policy sends: a policy that would
    /// send one more stands still. By default 32, so that one that reacts to what it causes does not go on for ever.
    pub fn max_hops(mut self, hops: u32) -> Self {
        self.settings.max_hops = hops;
        self
    }

    /// How many states of aggregates are remembered for the next command, which then reads nothing: those that were used
    /// last. By default 10,000; with 0 every command reads what it needs.
    pub fn state_cache_capacity(mut self, most: usize) -> Self {
        self.settings.remembered_states = most;
        self
    }

    /// Keeps the user's own tables up to date, in a store that lends its transactions.
    pub fn custom_projection<S: Transactional, C: CustomProjection<S>>(
        mut self,
        projection: C,
        store: S,
    ) -> Self {
        self.projections.push(custom_spec(projection, store));
        self
    }

    /// Keeps rows in this store, or an `Arc` of one. By default they are beside the events.
    pub fn rows(self, rows: impl RowStore) -> Self {
        Self { rows: Some(Arc::new(rows)), ..self }
    }

    /// Starts the app.
    ///
    /// # Errors
    /// [`Error::Invalid`] if two types claim one stored name or kind of id; [`Error::Unusable`] if the rows of a projection
    /// have another shape than its type, or belong to another log; another [`Error`] if the store cannot answer.
    pub async fn start(self) -> Result<App, Error> {
        let Self { store, clock, registry, claims, mut projections, policies, rows, settings } = self;
        claims?;
        let codec = Codec::default();
        let watcher = LogWatcher::new(Arc::clone(&store));
        let slot = AppSlot::default();
        projections.extend(policies.into_iter().map(|policy| policy(Arc::clone(&slot))));
        let daemon = ProjectionDaemon::start(projections, &watcher, rows, &codec).await?;
        let keeps_house = settings.command_id_retention.is_some();
        let app = App {
            inner: Arc::new(Inner {
                store,
                clock,
                codec,
                registry,
                states: States::new(settings.remembered_states),
                habits: Habits::default(),
                queues: Arc::default(),
                watcher,
                daemon,
                doors: Doors::default(),
                settings,
            }),
        };
        // Nobody else has filled it.
        let _ = slot.set(app.downgrade());
        if keeps_house {
            app.purge_command_ids().await?;
            app.keep_house();
        }
        Ok(app)
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

/// Which commands the journal keeps, in the transaction of their events: id, name, actor, time, correlation, positions
/// and body. It is the audit trail of what was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Journal {
    /// None.
    #[default]
    Off,
    /// Those that were accepted.
    Accepted,
    /// Those that were accepted and those that were rejected, with the `Debug` text of the error.
    All,
}
