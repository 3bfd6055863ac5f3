//! What the execution of commands needs.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    aggregate_key::AggregateKey, batch::CommandBatch, contention::Contention, event_registry::EventRegistry,
    heuristics::CommandProfiles, inline_folds::InlineFolds, keyed_queue::KeyedQueue, retry::Retry,
    shutdown_gate::ShutdownGate, state_cache::StateCache,
};
use crate::{
    codec::Codec,
    error::Error,
    feed::{LogWatcher, MAX_READ_BYTES},
    limits::MAX_PAYLOAD,
    record::{CommandId, Position},
    store::{CommandKey, EventStore},
    telemetry::WriteMetrics,
    time::Clock,
};

/// Executes the commands of an app and of its policies: owns the store, the state cache and the queues of the aggregates.
pub(crate) struct Executor {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) codec: Codec,
    pub(crate) registry: EventRegistry,
    pub(crate) watcher: Arc<LogWatcher>,
    pub(crate) settings: Settings,
    pub(super) inline: InlineFolds,
    pub(super) cache: StateCache,
    pub(super) profiles: CommandProfiles,
    pub(super) queues: Arc<AggregateQueues>,
    pub(super) contention: Contention,
    pub(super) gate: ShutdownGate,
    pub(super) metrics: WriteMetrics,
}

/// The queues of commands that change the same aggregate.
pub(super) type AggregateQueues = KeyedQueue<AggregateKey, CommandBatch>;

/// The settings of an app.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) retry: Retry,
    pub(crate) journal: Journal,
    pub(crate) max_payload: usize,
    pub(crate) max_read_bytes: usize,
    pub(crate) command_id_retention: Option<Duration>,
    pub(crate) max_hops: u32,
    pub(crate) state_cache_capacity: usize,
    /// Whether the store encrypts secrets.
    pub(crate) has_keys: bool,
}

/// The default of [`Builder::max_hops`](crate::app::Builder::max_hops): how many policies may be chained from one user
/// command.
pub const MAX_HOPS: u32 = 32;

/// Which commands are recorded in the journal, in the transaction of their events: id, name, actor, time, correlation,
/// positions and body. The journal is the audit trail of what was requested.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::{Memory, app::Journal, store};
///
/// let app = App::builder(Memory::new()).journal(Journal::All).start().await?;
/// app.execute(open("ann", "Ann")).await?;
/// app.execute(open("ann", "Ann")).await.unwrap_err();
///
/// let entries = app.journal(0, 100).await?;
/// assert!(matches!(&entries[0].outcome, store::Outcome::Accepted(positions) if positions.len() == 1));
/// assert_eq!(entries[1].outcome, store::Outcome::Rejected("AlreadyOpen".into()));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Journal {
    /// None.
    #[default]
    Off,
    /// Accepted commands.
    Accepted,
    /// Accepted and rejected commands, with the `Debug` text of the error.
    All,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retry: Retry::default(),
            journal: Journal::Off,
            max_payload: MAX_PAYLOAD,
            max_read_bytes: MAX_READ_BYTES,
            command_id_retention: None,
            max_hops: MAX_HOPS,
            state_cache_capacity: 10_000,
            has_keys: false,
        }
    }
}

impl Executor {
    pub(crate) fn new(
        watcher: Arc<LogWatcher>,
        clock: Arc<dyn Clock>,
        codec: Codec,
        registry: EventRegistry,
        inline: InlineFolds,
        settings: Settings,
    ) -> Self {
        Self {
            store: Arc::clone(watcher.store()),
            clock,
            codec,
            registry,
            watcher,
            inline,
            cache: StateCache::new(settings.state_cache_capacity),
            profiles: CommandProfiles::default(),
            queues: Arc::default(),
            contention: Contention::default(),
            gate: ShutdownGate::default(),
            metrics: WriteMetrics::new(),
            settings,
        }
    }

    /// Refuses new commands from now on, and waits for those in flight.
    pub(crate) async fn shut_down(&self) {
        self.gate.close().await;
    }

    /// Removes the command ids of users that are older than the retention time, and those of each policy whose cause the policy
    /// has handled: events up to the position beside its name. Returns their number.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    pub(crate) async fn purge_command_ids(&self, handled: &[(&'static str, Position)]) -> Result<u64, Error> {
        let Some(retention) = self.settings.command_id_retention else { return Ok(0) };
        let before = self.clock.now().minus(retention);
        let (all, policies) = (CommandKey::ALL_IDS, CommandId::OF_POLICIES);
        let after_policies = policies.replace('/', "0");
        let mut purged = self.store.purge_command_ids(before, all.start..policies).await?;
        purged += self.store.purge_command_ids(before, &after_policies..all.end).await?;
        for &(policy, handled) in handled {
            let start = CommandId::prefix_of_policy(policy, Position::START);
            let end = CommandId::prefix_of_policy(policy, Position::new(handled.get().saturating_add(1)));
            purged += self.store.purge_command_ids(before, &start..&end).await?;
        }
        Ok(purged)
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, settings, .. } = self;
        f.debug_struct("Executor")
            .field("store", &store.describe())
            .field("settings", settings)
            .finish_non_exhaustive()
    }
}
