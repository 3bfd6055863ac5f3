//! Configures and starts an app.

use std::{fmt, sync::Arc, time::Duration};

use super::{facade::App, keys::AppKeys};
use crate::{
    daemon::FollowerSpec,
    error::Invalid,
    event::Types,
    execute::{EventRegistry, Executor, Journal, Retry, Settings},
    model::{Declared, DeclaredPolicy},
    projection::{CustomProjection, Projection, ProjectionOptions, custom_spec, projection_spec},
    rows::{IntoRowStore, SharedRows, Transactional},
    store::{EventStore, IntoEventStore},
    time::{Clock, SystemClock},
};

/// An app that is not started yet.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::{Memory, app::Journal};
///
/// let app = App::builder(Memory::new())
///     .projection::<Balance>()
///     .policy(WelcomeBonus) // deposits 100 cents into every new account
///     .journal(Journal::Accepted)
///     .start()
///     .await?;
///
/// app.execute(open("ann", "Ann")).await?;
/// app.wait_until_caught_up().await?;
/// assert_eq!(app.find::<Balance>(&id("ann")).await?.unwrap().cents, 100);
/// # Ok(())
/// # });
/// ```
#[must_use = "an app exists once `start` was awaited"]
pub struct Builder {
    /// `None` if the builder describes a domain and starts no app.
    pub(super) store: Option<Arc<dyn EventStore>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) registry: EventRegistry,
    pub(super) registered: Result<(), Invalid>,
    pub(super) declared: Declared,
    pub(super) unchecked_events: Vec<String>,
    pub(super) projections: Vec<FollowerSpec>,
    pub(super) policies: Vec<MakePolicy>,
    pub(super) rows: Option<SharedRows>,
    pub(super) removed: Vec<&'static str>,
    pub(super) settings: Settings,
    pub(super) keys: AppKeys,
}

/// Creates the follower of a policy, which sends its commands through the executor.
pub(super) type MakePolicy = Box<dyn FnOnce(&Arc<Executor>) -> FollowerSpec + Send>;

impl App {
    /// Configures an app on a store, or on an `Arc` of one.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use std::sync::Arc;
    ///
    /// use annalist::Memory;
    ///
    /// let store = Arc::new(Memory::new());
    /// let one = App::builder(Arc::clone(&store)).start().await?;
    /// let other = App::builder(store).start().await?; // on the same log
    ///
    /// one.execute(open("ann", "Ann")).await?;
    /// assert!(other.load::<Account>(&id("ann")).await?.open);
    /// # Ok(())
    /// # });
    /// ```
    pub fn builder(store: impl IntoEventStore) -> Builder {
        Builder::new(Some(store.into_event_store()))
    }
}

impl Builder {
    pub(super) fn new(store: Option<Arc<dyn EventStore>>) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock),
            registry: EventRegistry::default(),
            registered: Ok(()),
            declared: Declared::default(),
            unchecked_events: Vec::new(),
            projections: Vec::new(),
            policies: Vec::new(),
            rows: None,
            removed: Vec::new(),
            settings: Settings::default(),
            keys: AppKeys::default(),
        }
    }

    /// Uses this clock instead of that of the system. Decisions see its time, and events record it.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, testing::ManualClock};
    ///
    /// let clock = ManualClock::at("2026-01-31T12:00:00Z".parse()?);
    /// let app = App::builder(Memory::new()).clock(clock).start().await?;
    /// app.execute(open("ann", "Ann")).await?;
    ///
    /// let history = app.history::<AccountEvent>(&id("ann")).await?;
    /// assert_eq!(history[0].recorded_at.to_string(), "2026-01-31T12:00:00Z");
    /// # Ok(())
    /// # });
    /// ```
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Sets how often or how long a command is attempted when other commands conflict with it, and how long it pauses between two
    /// attempts. By default it is attempted for 30 seconds. As long it waits for other commands of this process on its aggregates.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, app::Retry};
    ///
    /// let app = App::builder(Memory::new()).retry(Retry::times(5)).start().await?;
    /// assert!(app.execute(open("ann", "Ann")).await.is_ok());
    /// # Ok(())
    /// # });
    /// ```
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// Sets which commands are recorded in the journal. By default none.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, app::Journal};
    ///
    /// let app = App::builder(Memory::new()).journal(Journal::All).start().await?;
    /// app.execute(open("ann", "Ann")).await?;
    /// app.execute(open("ann", "Ann")).await.unwrap_err(); // rejected, and recorded too
    /// assert_eq!(app.journal(0, 100).await?.len(), 2);
    /// # Ok(())
    /// # });
    /// ```
    pub fn journal(mut self, journal: Journal) -> Self {
        self.settings.journal = journal;
        self
    }

    /// Sets the largest payload of one event or journaled command, in bytes. By default 4 MiB.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Invalid, Memory};
    ///
    /// let app = App::builder(Memory::new()).max_payload(100).start().await?;
    /// let error = app.execute(open("ann", &"Ann".repeat(100))).await.unwrap_err();
    /// assert!(matches!(error, ExecuteError::Invalid(Invalid::TooLarge { limit: 100, .. })));
    /// # Ok(())
    /// # });
    /// ```
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.settings.max_payload = bytes;
        self
    }

    /// Sets how many bytes of payloads each reader of the log holds in memory at most: each projection, each policy, each
    /// [`feed`](App::feed), and a page of the [`journal`](App::journal). By default 64 MiB.
    ///
    /// A projection or policy handles one batch while the next one is read. Both count: each has at most half of the bytes. One event
    /// that is larger is handled too; it ends its batch. The other memory of a reader, such as the rows of a batch and the events as
    /// values of their types, comes on top.
    ///
    /// Histories are read in chunks of at most 8 MiB, whatever is set here, those of a command on several aggregates too.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Criteria, Memory};
    ///
    /// let app = App::builder(Memory::new()).max_read_bytes(50).start().await?;
    /// app.execute(open("ann", "Ann")).await?; // 31 bytes
    /// app.execute(open("bob", "Bob")).await?;
    /// let mut feed = app.feed(Criteria::all());
    /// assert_eq!(feed.next().await?.records.len(), 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn max_read_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_read_bytes = bytes;
        self
    }

    /// Sets how long a command id is remembered after the command was accepted. By default for ever. The ids of a policy's
    /// commands are remembered longer if necessary: until the policy has handled the event that led to them.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use std::time::Duration;
    ///
    /// use annalist::{Memory, testing::ManualClock};
    ///
    /// let clock = ManualClock::default();
    /// let builder = App::builder(Memory::new()).clock(clock.clone());
    /// let app = builder.command_id_retention(Duration::from_secs(3600)).start().await?;
    /// # app.execute(open("ann", "Ann")).await?;
    /// for (minutes, cents) in [(0, 5), (59, 5), (2, 10)] {
    ///     clock.advance(Duration::from_secs(60 * minutes));
    ///     app.purge_command_ids().await?; // the app also does this every hour
    ///     app.execute(Deposit { account: id("ann"), cents: 5 }).id("payment-17").await?;
    ///     assert_eq!(app.load::<Account>(&id("ann")).await?.cents, cents);
    /// }
    /// # Ok(())
    /// # });
    /// ```
    pub fn command_id_retention(mut self, retention: Duration) -> Self {
        self.settings.command_id_retention = Some(retention);
        self
    }

    /// Sets the maximum causation depth: how many policies may be chained from one command of a user, by default 32. A policy that
    /// would exceed it stops. This ends loops of policies that trigger each other.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, projection::State};
    ///
    /// /// Rounds up: deposits one cent after every deposit, so it reacts to its own deposits.
    /// #[derive(Policy)]
    /// #[policy(name = "round_up", from = beginning, on_reject = stop, on(AccountEvent => RoundUp::react))]
    /// struct RoundUp;
    /// # impl RoundUp {
    /// #     fn react(&self, event: &AccountEvent) -> Option<Deposit> {
    /// #         let AccountEvent::Deposited { account, .. } = event else { return None };
    /// #         Some(Deposit { account: account.clone(), cents: 1 })
    /// #     }
    /// # }
    ///
    /// let app = App::builder(Memory::new()).policy(RoundUp).max_hops(3).start().await?;
    /// # app.execute(open("ann", "Ann")).await?;
    /// app.execute(Deposit { account: id("ann"), cents: 5 }).await?;
    /// app.wait_until("round_up", |status| matches!(status.state, State::Stopped(_))).await?;
    /// assert_eq!(app.load::<Account>(&id("ann")).await?.cents, 8);
    /// # Ok(())
    /// # });
    /// ```
    pub fn max_hops(mut self, hops: u32) -> Self {
        self.settings.max_hops = hops;
        self
    }

    /// Sets how many aggregate states are cached for later commands, by default 10,000. The cache evicts the least recently used
    /// states. With 0 every command reads the states that it needs.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// let app = App::builder(Memory::new()).state_cache_capacity(100_000).start().await?;
    /// assert!(app.execute(open("ann", "Ann")).await.is_ok());
    /// # Ok(())
    /// # });
    /// ```
    pub fn state_cache_capacity(mut self, states: usize) -> Self {
        self.settings.state_cache_capacity = states;
        self
    }

    pub(super) fn register_read(&mut self, types: &'static [Types]) {
        types.iter().for_each(|types| self.registry.register_read(types));
    }

    /// Registers a projection. Its rows are in the app's row store: see [`Builder::rows`].
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// let app = App::builder(Memory::new()).projection::<Balance>().start().await?;
    /// let receipt = app.execute(open("ann", "Ann")).await?;
    /// assert_eq!(app.find::<Balance>(&id("ann")).after(&receipt).await?.unwrap().owner, "Ann");
    /// # Ok(())
    /// # });
    /// ```
    pub fn projection<P: Projection>(self) -> Self {
        self.projection_with::<P>(ProjectionOptions::new())
    }

    /// Registers a projection with options, for example with a row store of its own.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, projection::ProjectionOptions};
    ///
    /// let options = ProjectionOptions::new().inline(); // updated in the transactions of the appends
    /// let app = App::builder(Memory::new()).projection_with::<Balance>(options).start().await?;
    /// app.execute(open("ann", "Ann")).await?;
    /// assert_eq!(app.find::<Balance>(&id("ann")).await?.unwrap().owner, "Ann");
    /// # Ok(())
    /// # });
    /// ```
    pub fn projection_with<P: Projection>(mut self, options: ProjectionOptions) -> Self {
        self.register_read(P::EVENTS);
        self.declared.add_projection::<P>(options.inline);
        self.projections.push(projection_spec::<P>(options));
        self
    }

    /// Registers a projection that writes the user's own tables, in the transactions of a store.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// // `Database` is a stand-in for `Sqlite` or `Postgres`.
    /// let database = Database::default();
    /// let builder = App::builder(Memory::new()).custom_projection(DepositTotals, database.clone());
    /// let app = builder.start().await?;
    /// # app.execute(open("ann", "Ann")).await?;
    /// app.execute(Deposit { account: id("ann"), cents: 5 }).await?;
    /// app.wait_until_caught_up().await?;
    /// assert_eq!(database.totals().await["ann"], 5);
    /// # Ok(())
    /// # });
    /// ```
    pub fn custom_projection<S: Transactional, C: CustomProjection<S>>(
        mut self,
        projection: C,
        store: S,
    ) -> Self {
        self.register_read(C::EVENTS);
        self.declared.add_custom_projection::<S, C>();
        self.projections.push(custom_spec(projection, store));
        self
    }

    /// Registers a policy by its follower.
    pub(crate) fn policy_spec(
        mut self,
        policy: DeclaredPolicy,
        make: impl FnOnce(&Arc<Executor>) -> FollowerSpec + Send + 'static,
    ) -> Self {
        self.register_read(policy.events);
        self.declared.policies.push(policy);
        self.policies.push(Box::new(make));
        self
    }

    /// Uses this row store for projections, and for the checkpoints of policies. By default rows are in the store of the events.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// let (events, rows) = (Memory::new(), Memory::new());
    /// let app = App::builder(events).rows(rows.clone()).projection::<Balance>().start().await?;
    /// let receipt = app.execute(open("ann", "Ann")).await?;
    /// app.find::<Balance>(&id("ann")).after(&receipt).await?;
    ///
    /// use annalist::store::RowStore;
    /// assert_eq!(rows.builds("balances").await?.len(), 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn rows(self, rows: impl IntoRowStore) -> Self {
        Self { rows: Some(rows.into_row_store()), ..self }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, settings, .. } = self;
        f.debug_struct("Builder")
            .field("store", &store.as_ref().map(|store| store.describe()))
            .field("settings", settings)
            .finish_non_exhaustive()
    }
}
