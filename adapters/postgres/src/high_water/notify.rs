//! Wake-ups of other processes by NOTIFY and LISTEN.
//!
//! A process notifies the others after its appends were committed, and at most once in an interval: a NOTIFY holds a lock of the
//! whole cluster until its transaction is on disk, so one NOTIFY an append would serialise all appends. A process that follows the
//! log listens, on a connection besides those of the pool.
//!
//! Nothing depends on notifications. A standby cannot listen, a proxy that shares sessions does not deliver them, and a connection
//! may be broken without notice. Appends are then found by polling.

use std::{
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use annalist_core::{backoff::Backoff, store::Wakeups};
use futures_util::future::select;
use sqlx::{Executor, PgPool, postgres::PgListener};
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{sleep, timeout},
};
use uuid::Uuid;

use crate::{
    coalesce::{CoalescedTask, RunPermit},
    database::Database,
    open::schema_name::SchemaName,
};

/// The minimum time between two notifications of a process.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(10);
/// The pauses before listening again.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(60));
/// How long a connection may be silent before it is checked.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How long that check may take.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Notifier {
    database: Arc<Database>,
    /// Sent with each notification, so that a process can ignore its own.
    process: String,
    channel: String,
    notify_task: Arc<CoalescedTask>,
    listen_task: Arc<CoalescedTask>,
    wakeups: watch::Sender<()>,
}

impl Notifier {
    pub(crate) fn new(database: Arc<Database>, schema: &SchemaName) -> Self {
        Self {
            database,
            process: Uuid::now_v7().to_string(),
            channel: schema.channel(),
            notify_task: Arc::default(),
            listen_task: Arc::default(),
            wakeups: watch::Sender::default(),
        }
    }

    /// Notifies the other processes of an append: soon, once for all appends until then.
    pub(crate) fn notify(self: &Arc<Self>) {
        if let (Some(permit), Ok(runtime)) = (self.notify_task.request(), Handle::try_current()) {
            runtime.spawn(notify_while_requested(Arc::downgrade(self), permit));
        }
    }

    /// As [`Notifier::notify`], and wakes the followers of this process too: an import is not reported to them as an append is.
    pub(crate) fn notify_all(self: &Arc<Self>) {
        self.wakeups.send_replace(());
        self.notify();
    }

    /// Wake-ups by other processes. This process listens as long as any of them is in use.
    ///
    /// There are none if sessions are shared: LISTEN belongs to a session.
    pub(crate) fn wakeups(self: &Arc<Self>) -> Wakeups {
        if self.database.shares_sessions {
            return Wakeups::none();
        }
        let wakeups = self.wakeups.subscribe();
        if let (Some(permit), Ok(runtime)) = (self.listen_task.request(), Handle::try_current()) {
            runtime.spawn(listen_while_used(Arc::clone(self), permit));
        }
        wakeups.into()
    }

    async fn send(&self) {
        let query = || self.database.sql.notify.query().bind(&self.process);
        if let Err(error) = self.database.execute(query).await {
            tracing::debug!(log = self.database.name, %error, "other processes could not be notified of an append");
        }
    }

    async fn listen_forever(&self) {
        let mut backoff = RECONNECT;
        loop {
            if let Err(error) = self.listen(&mut backoff).await {
                // Those of the pool may be lost too: they are replaced before a call fails on them.
                self.database.close_lost_connections().await;
                tracing::debug!(channel = self.channel, %error, "cannot listen for the appends of other processes");
            }
            sleep(backoff.next_pause()).await;
        }
    }

    /// Listens until the connection is lost. Resets the back-off once the connection is known to work.
    async fn listen(&self, backoff: &mut Backoff) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&single_connection_pool(&self.database.pool)).await?;
        listener.eager_reconnect(false);
        listener.listen(&self.channel).await?;
        // Notifications before this were missed.
        self.wakeups.send_replace(());
        loop {
            match timeout(KEEPALIVE, listener.try_recv()).await {
                Ok(notification) => match notification? {
                    Some(notification) => self.on_notification(notification.payload()),
                    None => return Ok(()),
                },
                Err(_) => {
                    let checked = timeout(KEEPALIVE_TIMEOUT, listener.execute("SELECT 1")).await;
                    checked.map_err(|_| sqlx::Error::PoolTimedOut)??;
                }
            }
            backoff.reset();
        }
    }

    /// Ignores the notifications of this process.
    fn on_notification(&self, process: &str) {
        if process != self.process {
            self.wakeups.send_replace(());
        }
    }
}

async fn notify_while_requested(notifier: Weak<Notifier>, mut permit: RunPermit) {
    while let Some(notifier) = notifier.upgrade() {
        permit.begin();
        notifier.send().await;
        drop(notifier);
        sleep(NOTIFY_INTERVAL).await;
        if permit.is_finished() {
            break;
        }
    }
}

async fn listen_while_used(notifier: Arc<Notifier>, mut permit: RunPermit) {
    let pool = &notifier.database.pool;
    loop {
        permit.begin();
        let unused = pin!(notifier.wakeups.closed());
        let closed = pin!(pool.close_event());
        let listening = pin!(notifier.listen_forever());
        select(select(unused, closed), listening).await;
        if pool.is_closed() || permit.is_finished() {
            break;
        }
    }
}

/// A pool of one connection, with the same address and settings as another pool.
fn single_connection_pool(pool: &PgPool) -> PgPool {
    let options = pool.options().clone().min_connections(0).max_connections(1);
    let address = pool.connect_options().as_ref().clone();
    options.idle_timeout(None).max_lifetime(None).connect_lazy_with(address)
}
