//! Hints from process to process, by NOTIFY and LISTEN.
//!
//! A process says that it has appended behind its commits, and not more than once in a while: a NOTIFY holds a lock of the
//! whole cluster until its transaction is on the disk, so one in each append would make all of them take turns. Whoever
//! follows the log listens on a connection besides those of the pool.
//!
//! Nothing relies on any of this. A standby cannot listen, a proxy that shares sessions swallows what it should hear, a
//! connection may be dead for a while: then the log is found to have moved by looking at it.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Weak},
    task::Poll,
    time::Duration,
};

use annalist_core::store::Wakeups;
use sqlx::{Executor, PgPool, postgres::PgListener};
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{sleep, timeout},
};
use uuid::Uuid;

use crate::{
    Store,
    errand::{Errand, Turn},
};

/// How long a process that has told of its appends says no more.
const PAUSE: Duration = Duration::from_millis(10);
/// How long to wait before listening again, at first and at last.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
/// How long a connection may be silent before it is tried, and how long it may take to answer then.
const SILENCE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(10));

/// What a process tells others, and hears from them.
pub(crate) struct Talk {
    /// Ours, to pass over what we said ourselves.
    process: String,
    channel: String,
    telling: Arc<Errand>,
    listening: Arc<Errand>,
    heard: watch::Sender<()>,
}

impl Talk {
    pub(crate) fn new(schema: &str) -> Self {
        Self {
            process: Uuid::now_v7().to_string(),
            channel: format!("{schema}_appended"),
            telling: Arc::default(),
            listening: Arc::default(),
            heard: watch::Sender::default(),
        }
    }
}

impl Store {
    /// Tells the others that something was appended: soon, once for all that is appended until then.
    pub(crate) fn tell(store: &Arc<Self>) {
        let turn = store.talk.as_ref().and_then(|talk| talk.telling.want());
        if let (Some(turn), Ok(runtime)) = (turn, Handle::try_current()) {
            runtime.spawn(tell(Arc::downgrade(store), turn));
        }
    }

    /// Listens as long as somebody has what this gives.
    pub(crate) fn wakeups(&self) -> Wakeups {
        let Some(talk) = &self.talk else { return Wakeups::none() };
        let heard = talk.heard.subscribe();
        if let (Some(turn), Ok(runtime)) = (talk.listening.want(), Handle::try_current()) {
            runtime.spawn(listen(Arc::clone(talk), self.pool.clone(), turn));
        }
        heard.into()
    }

    async fn notify(&self) {
        let Some(talk) = &self.talk else { return };
        if let Err(error) = self.sql.notify.query().bind(&talk.process).execute(&self.pool).await {
            tracing::debug!(log = self.name, %error, "other processes were not told of an append");
        }
    }
}

async fn tell(store: Weak<Store>, mut turn: Turn) {
    while let Some(store) = store.upgrade() {
        turn.begin();
        store.notify().await;
        drop(store);
        sleep(PAUSE).await;
        if turn.is_over() {
            break;
        }
    }
}

async fn listen(talk: Arc<Talk>, pool: PgPool, mut turn: Turn) {
    loop {
        turn.begin();
        let closed = first(talk.heard.closed(), pool.close_event());
        first(closed, talk.keep_listening(&pool)).await;
        if pool.is_closed() || turn.is_over() {
            break;
        }
    }
}

impl Talk {
    async fn keep_listening(&self, pool: &PgPool) {
        let (shortest, longest) = BACK_OFF;
        let mut pause = shortest;
        loop {
            if let Err(error) = self.listen(pool, &mut pause).await {
                tracing::debug!(channel = self.channel, %error, "cannot hear of the appends of other processes");
            }
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Listens until the connection is lost. Sets the next pause back when it is sure that the connection is good.
    async fn listen(&self, pool: &PgPool, pause: &mut Duration) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&alone(pool)).await?;
        listener.eager_reconnect(false);
        listener.listen(&self.channel).await?;
        // What was said before this was not heard.
        self.heard.send_replace(());
        loop {
            match timeout(SILENCE.0, listener.try_recv()).await {
                Ok(said) => match said? {
                    Some(said) => self.hear(said.payload()),
                    None => return Ok(()),
                },
                Err(_) => {
                    let tried = timeout(SILENCE.1, listener.execute("SELECT 1")).await;
                    tried.map_err(|_| sqlx::Error::PoolTimedOut)??;
                }
            }
            *pause = BACK_OFF.0;
        }
    }

    /// Passes over what this process said itself.
    fn hear(&self, process: &str) {
        if process != self.process {
            self.heard.send_replace(());
        }
    }
}

/// A pool of one connection that is made as those of another pool are.
fn alone(pool: &PgPool) -> PgPool {
    let options = pool.options().clone().min_connections(0).max_connections(1);
    let address = pool.connect_options().as_ref().clone();
    options.idle_timeout(None).max_lifetime(None).connect_lazy_with(address)
}

/// Runs until one of two has ended.
async fn first(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Pending => other.as_mut().poll(context),
        ended => ended,
    })
    .await;
}
