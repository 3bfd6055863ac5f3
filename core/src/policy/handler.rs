//! The batch handler of a policy: reacts to one event, sends its commands, and only then handles the next.

use std::{borrow::Cow, collections::VecDeque, num::NonZeroUsize, sync::Arc};

use async_trait::async_trait;
use tokio::sync::Mutex;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::{
    OnError, OnReject, Policy,
    command_ids::{CommandWithId, with_ids},
    criteria_of,
    react::{Reacted, react},
};
use crate::{
    codec::Codec,
    criteria::Criteria,
    daemon::{BatchHandler, BatchResult, Parking, PoisonEvent, order_keys, park_failed, park_waiting},
    error::{Error, ExecuteError, Invalid},
    execute::{DetachOnDrop, ExecuteOptions, Executor},
    record::{CommandId, Metadata, Name, Position, Record},
    rows::{Parked, Table},
    telemetry::{is_traceparent, policy_span},
};

/// Handles the events of a policy.
pub(super) struct PolicyHandler<P> {
    pub(super) policy: Arc<P>,
    pub(super) executor: Arc<Executor>,
    pub(super) codec: Codec,
    pub(super) table: Table,
    /// The commands of the current event, until all are done. The lock is never taken; it makes the handler `Sync`, which
    /// commands need not be.
    pub(super) pending: Mutex<Option<PendingCommands>>,
    /// The event that failed last, and how often.
    pub(super) failures: Option<(Uuid, u32)>,
}

/// The commands of an event, some of which may be sent already.
pub(super) struct PendingCommands {
    event: Uuid,
    /// The commands that are not sent yet, with their ids.
    queue: VecDeque<CommandWithId>,
    /// Whether the handler awaited something.
    waited: bool,
    /// The number of commands that were sent.
    sent: usize,
}

/// Why an event could not be handled.
enum Failure {
    /// A store does not respond.
    Store(Error),
    /// A command was rejected.
    Rejected(String),
    /// The handler or a command failed. The next try may succeed.
    Failed(String),
    /// The stored event is damaged: no try can succeed.
    Damaged(String),
    /// No try can succeed, and neither can other events: the policy stops, whatever its options.
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

    fn is_newer(&self, record: &Record) -> bool {
        P::EVENTS.iter().any(|types| types.is_newer(&record.name, record.version))
    }

    /// Stops after an event with side effects, so that the checkpoint is saved before the next; events without are handled
    /// together.
    async fn handle(
        &mut self,
        records: &[Record],
        _: Position,
        parking: &Parking,
    ) -> Result<BatchResult, Error> {
        let (mut parking, mut result, single_attempt) =
            (Cow::Borrowed(parking), BatchResult::default(), parking.single_attempt());
        for (index, record) in records.iter().enumerate() {
            let keys = order_keys(record, P::ORDER_BY);
            let (parked, has_effects) = match parking.blocked_by(&keys, record.position) {
                Some(blocker) => {
                    let needs_newer = parking.needs_newer(&keys);
                    (Some(park_waiting(record, keys, blocker, needs_newer)), false)
                }
                None => {
                    match self.handle_event(record, single_attempt).instrument(span_of::<P>(record)).await {
                        Ok(Handled::Done { has_effects }) => (None, has_effects),
                        Ok(Handled::GaveUp { error, attempts, parks: true }) if parking.can_park() => {
                            let parked = park_failed(record, keys, error, self.is_newer(record));
                            (Some(Parked { attempts, ..parked }), true)
                        }
                        Ok(Handled::GaveUp { error, .. }) => {
                            result.poison = Some(PoisonEvent { index, error });
                            break;
                        }
                        Ok(Handled::Failed(error)) => {
                            (result.poison, result.retry_later) = (Some(PoisonEvent { index, error }), true);
                            break;
                        }
                        // Commit the events before it first. Its commands stay pending until it comes again as the first one.
                        Err(_) if index > 0 && !single_attempt => {
                            result.processed = NonZeroUsize::new(index);
                            break;
                        }
                        Err(error) => return Err(error),
                    }
                }
            };
            if let Some(parked) = parked {
                parking.to_mut().add(&parked);
                result.park.push(parked);
            }
            if has_effects && !single_attempt {
                result.processed = NonZeroUsize::new(index + 1);
                break;
            }
        }
        Ok(result)
    }
}

fn span_of<P: Policy>(record: &Record) -> Span {
    policy_span(P::NAME, record.id, record.position, || record.trace())
}

/// Result of one try to handle an event.
enum Handled {
    Done {
        /// Whether it may have had side effects: it sent commands, or its handler awaited something.
        has_effects: bool,
    },
    /// The next try may succeed.
    Failed(String),
    /// It will not be tried again.
    GaveUp { error: String, attempts: u32, parks: bool },
}

impl<P: Policy> PolicyHandler<P> {
    /// Tries once, and decides what a failure leads to.
    async fn handle_event(&mut self, record: &Record, single_attempt: bool) -> Result<Handled, Error> {
        let before =
            self.failures.take().filter(|(event, _)| *event == record.id).map_or(0, |(_, tries)| tries);
        let is_single = single_attempt || self.is_newer(record);
        let (attempts, max) = (before + 1, if is_single { 1 } else { P::TRIES });
        let (error, parks) = match self.react_and_send(record).await {
            Ok(has_effects) => return Ok(Handled::Done { has_effects }),
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Failed(error)) if attempts < max => {
                self.failures = Some((record.id, attempts));
                return Ok(Handled::Failed(format!("try {attempts} of {max} failed: {error}")));
            }
            Err(Failure::Failed(error) | Failure::Damaged(error)) => (error, P::ON_ERROR == OnError::Park),
            Err(Failure::Rejected(error)) => (error, P::ON_REJECT == OnReject::Park),
            Err(Failure::Fatal(error)) => (error, false),
        };
        *self.pending.get_mut() = None;
        Ok(Handled::GaveUp { error, attempts, parks })
    }

    /// Calls the handler and sends the commands that were not sent yet. Returns whether there may have been side effects.
    async fn react_and_send(&mut self, record: &Record) -> Result<bool, Failure> {
        let mut pending = match self.pending.get_mut().take().filter(|pending| pending.event == record.id) {
            Some(pending) => pending,
            None => {
                let reacted = react(&*self.policy, record, &self.codec).await.map_err(Failure::Failed)?;
                let Reacted { commands, waited } = reacted;
                let queue =
                    with_ids::<P>(record, commands).map_err(|error| Failure::Failed(error.to_string()))?;
                PendingCommands { event: record.id, queue, waited, sent: 0 }
            }
        };
        let result = self.send(record, &mut pending).await;
        let has_effects = pending.waited || pending.sent > 0;
        *self.pending.get_mut() = result.is_err().then_some(pending);
        result.map(|()| has_effects)
    }

    /// Sends the remaining commands in order. A command that is being executed when the policy is aborted, because its app was
    /// dropped, completes.
    async fn send(&self, record: &Record, pending: &mut PendingCommands) -> Result<(), Failure> {
        if pending.queue.is_empty() {
            return Ok(());
        }
        let metadata = record.metadata().map_err(|damaged| Failure::Damaged(damaged.to_string()))?;
        check_hops::<P>(metadata, self.executor.settings.max_hops)?;
        while let Some((id, command)) = pending.queue.pop_front() {
            let name = command.name();
            let options = options::<P>(record.id, metadata, id.clone());
            let (command, result) =
                DetachOnDrop::new(command.send(Arc::clone(&self.executor), options)).await;
            match result {
                Ok(_) => {}
                Err(ExecuteError::Rejected(rejection)) if P::ON_REJECT == OnReject::Ignore => {
                    tracing::debug!(
                        name = P::NAME,
                        event = %record.id,
                        position = record.position.get(),
                        command = name,
                        reason = rejection,
                        "the command is rejected, which the policy ignores"
                    );
                }
                Err(error) => {
                    pending.queue.push_front((id, command));
                    return Err(Failure::of(name, error));
                }
            }
            pending.sent += 1;
        }
        Ok(())
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
            // A process with a newer program can run the policy.
            ExecuteError::Invalid(error @ Invalid::Superseded { .. }) => {
                Self::Fatal(format!("the command `{command}`: {error}"))
            }
            error => Self::Failed(format!("the command `{command}`: {error}")),
        }
    }
}

/// Refuses to send commands beyond the maximum: policies that trigger each other would never end.
fn check_hops<P: Policy>(metadata: &Metadata, max: u32) -> Result<(), Failure> {
    let (name, hops) = (P::NAME, metadata.hops);
    if hops < max {
        return Ok(());
    }
    let sender = metadata.actor.as_ref().and_then(|actor| actor.as_str().strip_prefix(ACTOR));
    let cause = match sender {
        Some(other) if other != name => {
            format!("`{name}` reacts to the commands of `{other}`, and policies trigger each other")
        }
        _ => format!("`{name}` reacts to its own commands"),
    };
    Err(Failure::Fatal(format!(
        "{cause}: {hops} policies in a row led from a user command to this event, the maximum; end the chain in a handler, or \
         raise `max_hops`"
    )))
}

const ACTOR: &str = "policy:";

/// The options of a command.
fn options<P: Policy>(cause: Uuid, metadata: &Metadata, id: CommandId) -> ExecuteOptions {
    let inherited = |name: &Option<Name>| name.as_ref().map(|name| Cow::from(name.as_str().to_owned()));
    ExecuteOptions {
        id: Some(id),
        actor: Some(format!("{ACTOR}{}", P::NAME).into()),
        correlation: inherited(&metadata.correlation),
        causation: Some(cause.to_string().into()),
        // A log may have other texts, which were stored before they were checked.
        trace: inherited(&metadata.trace).filter(|trace| is_traceparent(trace)),
        hops: metadata.hops + 1,
    }
}
