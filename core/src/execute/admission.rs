//! Admits commands that change the same aggregate one after the other.

use std::{collections::BTreeMap, mem, sync::Arc};

use tokio::time::Instant;

use super::{
    activity::Step, aggregate_key::AggregateKey, batch::CommandBatch, commit, detach::DetachOnDrop,
    executor::Executor, keyed_queue::QueueGuard, prepared::PreparedCommand,
};
use crate::{criteria::Criteria, dispatch::AggregateVTable, error::Error};

/// The permission to decide: the command is at the head of the queues of the aggregates that it changes.
#[derive(Debug, Default)]
pub(super) struct Admission {
    guards: Vec<QueueGuard<AggregateKey, CommandBatch>>,
    /// The appends that other commands passed on.
    pub(super) batch: CommandBatch,
    /// Whether the command is written without waiting for the next one.
    unbatched: bool,
}

impl Admission {
    /// Waits for the aggregates that commands of this type change; with `all_reads`, after a conflict, for all aggregates that
    /// the command reads.
    ///
    /// # Errors
    /// [`Error::Busy`] if another command has one of them at the deadline. The command is then in no queue.
    pub(super) async fn acquire(
        command: &PreparedCommand,
        all_reads: bool,
        unbatched: bool,
        deadline: Instant,
    ) -> Result<Self, Error> {
        command.activity.begin(Step::Queued);
        let reads = command.plan.aggregates.iter().zip(&command.aggregates);
        let changed =
            reads.filter(|(vtable, _)| all_reads || command.profile.writes_aggregate(vtable.aggregate));
        let keys = in_queue_order(changed);
        let batchable = !unbatched && keys.len() == 1 && keys.values().all(|(batchable, _)| *batchable);
        let guards = Vec::with_capacity(keys.len());
        let mut admission = Self { guards, unbatched, ..Self::default() };
        for (key, (_, aggregate)) in keys {
            let entered_at = Instant::now();
            let queues = &command.executor.queues;
            let head = queues.acquire(key.clone(), &command.activity, batchable, deadline).await;
            let (guard, batch) = head.map_err(|holder| Error::Busy {
                command: command.name,
                aggregate: key.describe(aggregate),
                waited: entered_at.elapsed(),
                holder: holder.activity.command,
                held: holder.since.elapsed(),
                step: holder.activity.step().description(),
            })?;
            admission.guards.push(guard);
            admission.batch = batch;
        }
        Ok(admission)
    }

    /// Waits for the other processes that change the same aggregate, if there was a conflict or one is expected. Returns `false` if
    /// there is no reservation: without a reason for one, or from a store without reservations.
    pub(super) async fn reserve(&mut self, command: &PreparedCommand, after_conflict: bool) -> bool {
        let PreparedCommand { executor, plan, profile, .. } = command;
        if self.batch.has_pending() {
            return false;
        }
        let contention = &executor.contention;
        let reads = || plan.aggregates.iter().zip(&plan.reads).zip(&command.aggregates);
        let changed = || reads().filter(|((vtable, _), _)| profile.writes_aggregate(vtable.aggregate));
        if after_conflict {
            changed().for_each(|(_, key)| contention.record_conflict(key));
        } else if !reads().any(|(_, key)| contention.is_expected(key)) {
            return false;
        }
        let criteria: Vec<Criteria> = changed().map(|((_, read), _)| read.criteria.clone()).collect();
        if criteria.is_empty() {
            return false;
        }
        command.activity.begin(Step::Reserving);
        self.batch.reservation = executor.store.reserve(&criteria).await;
        !self.batch.reservation.is_none()
    }

    /// Returns `true` if the batch is one of commands on this aggregate.
    pub(super) fn is_for(&self, key: &AggregateKey) -> bool {
        matches!(self.guards.as_slice(), [guard] if guard.key() == key)
    }

    /// Passes the batch to the next waiter, which decides on top of it, or writes it. The write completes even if the caller is
    /// cancelled.
    pub(super) async fn flush_or_pass(self, executor: &Arc<Executor>) {
        if let Some(Self { guards, batch, .. }) = self.pass_to_next(executor) {
            DetachOnDrop::new(Box::pin(commit::commit(Arc::clone(executor), guards, batch))).await;
        }
    }

    /// Passes guard and batch to the next waiter. If there is none that can decide on top of the batch, returns what has to be
    /// written now.
    fn pass_to_next(mut self, executor: &Executor) -> Option<Self> {
        let next_decides = match self.guards.as_slice() {
            [guard] if !self.unbatched => {
                guard.next_is_batchable() && self.batch.has_room(executor.max_batch())
            }
            _ => false,
        };
        let can_pass = |guard: &mut QueueGuard<_, _>| {
            next_decides && self.batch.fold_pending(guard.key(), &executor.codec)
        };
        let Some(guard) = self.guards.pop_if(can_pass) else { return Some(self) };
        let (guard, batch) = guard.pass_to_next(mem::take(&mut self.batch))?;
        Some(Self { guards: vec![guard], batch, unbatched: false })
    }
}

/// Each aggregate once, so that no command waits for itself, and sorted, so that no two commands wait for each other: whether a
/// command on it alone can be batched, and the name of its Rust type.
fn in_queue_order<'a>(
    changed: impl Iterator<Item = (&'a AggregateVTable, &'a AggregateKey)>,
) -> BTreeMap<&'a AggregateKey, (bool, &'static str)> {
    let mut keys = BTreeMap::new();
    for (vtable, key) in changed {
        keys.entry(key).or_insert((true, vtable.name)).0 &= vtable.is_batchable();
    }
    keys
}

#[cfg(test)]
mod tests {
    use std::{any::TypeId, convert::Infallible};

    use super::*;
    use crate::{aggregate::Aggregate, codec::Codec, error::Invalid, event::Types, record::Record, tag::Tag};

    macro_rules! aggregate {
        ($name:ident) => {
            struct $name;

            impl Aggregate for $name {
                type Id = ();
                type Error = Infallible;
                const EVENTS: &'static [Types] = &[];
                const USES_CONTEXT: bool = false;

                fn initial((): ()) -> Self {
                    Self
                }

                fn fold_record(&mut self, _: &Record, _: &Codec) -> Result<(), Invalid> {
                    Ok(())
                }
            }
        };
    }

    aggregate!(One);
    aggregate!(Two);

    /// Whatever the fields of a command name in which order, its aggregates are locked in one order, each once.
    #[test]
    fn aggregates_are_queued_for_in_one_order_and_once() {
        let (one, two) = (AggregateVTable::of::<One>(true), AggregateVTable::of::<Two>(true));
        let owned = AggregateVTable::of::<Two>(false);
        let key = |aggregate: TypeId, name: &str| {
            AggregateKey::of(aggregate, Some(Tag::new("thing", name).unwrap()))
        };
        let (a, b, c) = (key(one.aggregate, "a"), key(one.aggregate, "b"), key(two.aggregate, "a"));
        let singleton = AggregateKey::of(two.aggregate, None);
        let mut named = [(&one, &b), (&two, &c), (&one, &a), (&one, &b), (&two, &singleton), (&owned, &c)];
        let expected: Vec<&AggregateKey> = in_queue_order(named.into_iter()).into_keys().collect();
        assert!(expected.is_sorted_by(|before, after| before < after), "{expected:?}");
        assert_eq!(expected.len(), 4);
        for _ in 0..20 {
            fastrand::shuffle(&mut named);
            let keys = in_queue_order(named.into_iter());
            // One of the two states of `c` cannot be batched.
            assert_eq!((keys[&a].0, keys[&c].0), (true, false));
            assert_eq!(keys.into_keys().collect::<Vec<_>>(), expected);
        }
    }
}
