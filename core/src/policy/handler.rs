//! Runs a policy on the events of a feed: it reacts to one, its commands are sent, and only then comes the next.

use std::{borrow::Cow, num::NonZeroUsize, sync::Arc};

use async_trait::async_trait;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    Commands, OnError, OnReject, Policy, criteria_of,
    react::{Reacted, react},
};
use crate::{
    app::{App, AppSlot, Call},
    codec::Codec,
    criteria::Criteria,
    daemon::{BatchHandler, BatchResult, Parking, PoisonEvent, park_failed, park_waiting},
    error::{Error, ExecuteError},
    record::{Metadata, Name, Position, Record},
    rows::{Parked, Table},
    tag::Tag,
};

/// A policy at work.
pub(super) struct PolicyHandler<P> {
    pub(super) policy: Arc<P>,
    pub(super) app: AppSlot,
    pub(super) codec: Codec,
    pub(super) table: Table,
    /// The commands of the event that it has come to, as long as not all of them have an answer. The lock is never taken: it
    /// makes `Sync` what holds commands, which need not be.
    pub(super) pending: Mutex<Option<PendingCommands>>,
    /// The event at which it failed last, and how often.
    pub(super) tried: Option<(Uuid, u32)>,
}

/// Commands to be sent.
pub(super) struct PendingCommands {
    event: Uuid,
    commands: Commands,
    waited: bool,
    next: usize,
}

/// Why an event is not done with.
enum Failure {
    /// A store does not answer.
    Store(Error),
    /// A command was rejected.
    Rejected(String),
    /// The reaction failed, or a command did. The next try may succeed.
    Failed(String),
    /// No try would succeed, and neither would that of another event.
    Fatal(String),
}

#[async_trait]
impl<P: Policy> BatchHandler for PolicyHandler<P> {
    fn table(&self) -> &Table {
        &self.table
    }

    fn filter(&self) -> Criteria {
        criteria_of::<P>()
    }

    /// What was done is written down before more is done. Events about which nothing was done are passed over together.
    async fn handle(
        &mut self,
        records: &[Record],
        _: Position,
        parking: &Parking,
    ) -> Result<BatchResult, Error> {
        let (mut parking, mut taken, once) =
            (Cow::Borrowed(parking), BatchResult::default(), parking.single_attempt());
        for (index, record) in records.iter().enumerate() {
            let keys: Vec<String> = record.tags.iter().map(Tag::to_string).collect();
            let (parked, acted) = match parking.blocked_by(&keys) {
                Some(before) => (Some(park_waiting(record, keys, before)), false),
                None => match self.handle_event(record, once).await {
                    Ok(Handled::Done { acted }) => (None, acted),
                    Ok(Handled::GivenUp { error, attempts, parks: true }) if parking.can_park() => {
                        tracing::error!(policy = P::NAME, event = %record.id, error, "the event is parked");
                        (Some(Parked { attempts, ..park_failed(record, keys, error) }), true)
                    }
                    Ok(Handled::GivenUp { error, .. }) => {
                        taken.poison = Some(PoisonEvent { index, error });
                        break;
                    }
                    Ok(Handled::Failed(error)) => {
                        (taken.poison, taken.retry_later) = (Some(PoisonEvent { index, error }), true);
                        break;
                    }
                    // It is the first one when it comes again, and its commands are still at hand.
                    Err(_) if index > 0 && !once => {
                        taken.processed = NonZeroUsize::new(index);
                        break;
                    }
                    Err(error) => return Err(error),
                },
            };
            if let Some(parked) = parked {
                parking.to_mut().add(&parked);
                taken.park.push(parked);
            }
            if acted && !once {
                taken.processed = NonZeroUsize::new(index + 1);
                break;
            }
        }
        Ok(taken)
    }
}

/// What came of a try to be done with an event.
enum Handled {
    Done {
        /// Whether it sent commands, or its handler waited for something.
        acted: bool,
    },
    /// The next try may succeed.
    Failed(String),
    /// There will be no other try.
    GivenUp { error: String, attempts: u32, parks: bool },
}

impl<P: Policy> PolicyHandler<P> {
    /// Tries once, and decides what it means if that fails.
    async fn handle_event(&mut self, record: &Record, once: bool) -> Result<Handled, Error> {
        let before = self.tried.take().filter(|(event, _)| *event == record.id).map_or(0, |(_, tries)| tries);
        let (attempts, most) = (before + 1, if once { 1 } else { P::TRIES });
        let (error, parks) = match self.answer(record).await {
            Ok(acted) => return Ok(Handled::Done { acted }),
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Failed(error)) if attempts < most => {
                self.tried = Some((record.id, attempts));
                return Ok(Handled::Failed(format!("try {attempts} of {most} failed: {error}")));
            }
            Err(Failure::Failed(error)) => (error, P::ON_ERROR == OnError::Park),
            Err(Failure::Rejected(error)) => (error, P::ON_REJECT == OnReject::Park),
            Err(Failure::Fatal(error)) => (error, false),
        };
        *self.pending.get_mut() = None;
        Ok(Handled::GivenUp { error, attempts, parks })
    }

    /// Reacts to an event and sends its commands, as far as that was not done yet. Gives whether anything was done.
    async fn answer(&mut self, record: &Record) -> Result<bool, Failure> {
        let mut pending = match self.pending.get_mut().take().filter(|pending| pending.event == record.id) {
            Some(pending) => pending,
            None => {
                let reacted = react(&*self.policy, record, &self.codec).await.map_err(Failure::Failed)?;
                let Reacted { commands, waited } = reacted;
                PendingCommands { event: record.id, commands, waited, next: 0 }
            }
        };
        let sent = self.send(record, &mut pending).await;
        let acted = pending.waited || !pending.commands.is_empty();
        *self.pending.get_mut() = sent.is_err().then_some(pending);
        sent.map(|()| acted)
    }

    /// Sends what has no answer yet, in order. The app is held for one command at a time: one that was dropped can go.
    async fn send(&self, record: &Record, pending: &mut PendingCommands) -> Result<(), Failure> {
        while let Some(command) = pending.commands.get_mut(pending.next) {
            let app = self.app().await.map_err(Failure::Store)?;
            let metadata = record.metadata().map_err(|damaged| Failure::Fatal(damaged.to_string()))?;
            check_hops::<P>(metadata, app.max_hops())?;
            let name = command.name();
            match command.send(call::<P>(Call::new(app), record.id, metadata, pending.next)).await {
                Ok(_) => {}
                Err(ExecuteError::Rejected(rejection)) if P::ON_REJECT == OnReject::Ignore => {
                    tracing::debug!(policy = P::NAME, event = %record.id, command = name, rejection, "rejected");
                }
                Err(error) => return Err(Failure::of(name, error)),
            }
            pending.next += 1;
        }
        Ok(())
    }

    async fn app(&self) -> Result<App, Error> {
        let app = self.app.wait().await.upgrade();
        app.ok_or_else(|| Error::unavailable(format!("send commands of `{}`", P::NAME), "the app is gone"))
    }
}

impl Failure {
    fn of(command: &str, error: ExecuteError<String>) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => {
                Self::Rejected(format!("the command `{command}` was rejected: {rejection}"))
            }
            ExecuteError::OutcomeUnknown(error) => Self::Store(error),
            ExecuteError::Unavailable(error) if error.is_unavailable() => Self::Store(error),
            ExecuteError::Unavailable(error) => Self::Fatal(format!("the command `{command}`: {error}")),
            error => Self::Failed(format!("the command `{command}`: {error}")),
        }
    }
}

/// Whoever reacts to what it causes would go on for ever.
fn check_hops<P: Policy>(metadata: &Metadata, most: u32) -> Result<(), Failure> {
    let (name, hops) = (P::NAME, metadata.hops);
    if hops < most {
        return Ok(());
    }
    let asked = metadata.actor.as_ref().and_then(|actor| actor.as_str().strip_prefix(ACTOR));
    let cause = match asked {
        Some(other) if other != name => format!("`{name}` reacts to what `{other}` causes, and so on"),
        _ => format!("`{name}` reacts to what it causes"),
    };
    Err(Failure::Fatal(format!(
        "{cause}: {hops} policies in a row stand between somebody's command and this event, and `{name}` would be one more; \
         let a handler leave out the events that end the chain, or allow more with `max_hops`"
    )))
}

const ACTOR: &str = "policy:";

/// What is said about a command: whose it is, and why.
fn call<P: Policy>(call: Call, cause: Uuid, metadata: &Metadata, index: usize) -> Call {
    let inherited = |name: &Option<Name>| name.as_ref().map(|name| name.as_str().to_owned().into());
    Call {
        id: Some(format!("policy/{}/{cause}/{index}", P::NAME).into()),
        actor: Some(format!("{ACTOR}{}", P::NAME).into()),
        correlation: inherited(&metadata.correlation),
        causation: Some(cause.to_string().into()),
        trace: inherited(&metadata.trace),
        hops: metadata.hops + 1,
        ..call
    }
}
