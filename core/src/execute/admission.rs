//! Admits commands that change the same aggregate one after the other.

use std::{mem, sync::Arc};

use tokio::time::Instant;

use super::{
    activity::Step, aggregate_key::AggregateKey, batch::CommandBatch, commit, detach::DetachOnDrop,
    executor::Executor, keyed_queue::QueueGuard, pending_events::BatchOutcome, prepared::PreparedCommand,
};
use crate::{criteria::Criteria, dispatch::AggregateVTable, error::Error};

/// The permission to decide: the command is at the head of the queues of the aggregates that it changes.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// Sorted by aggregate.
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
        let changed = reads
            .map(|(vtable, key)| (*vtable, key))
            .filter(|(vtable, _)| all_reads || command.profile.writes_aggregate(vtable.aggregate));
        let keys = in_queue_order(changed);
        let is_batchable = !unbatched && keys.iter().all(|(_, vtable)| !vtable.uses_context);
        // A batch is passed on in the queue of the first aggregate, with the guards of all.
        let mut batchable =
            is_batchable.then(|| keys.iter().skip(1).map(|(key, _)| (*key).clone()).collect());
        let guards = Vec::with_capacity(keys.len());
        let mut admission = Self { guards, unbatched, ..Self::default() };
        for (key, vtable) in keys {
            if admission.holds(key) {
                continue;
            }
            let entered_at = Instant::now();
            let queues = &command.executor.queues;
            let head = queues.acquire(key.clone(), &command.activity, batchable.take(), deadline).await;
            let (guard, mut batch) = head.map_err(|holder| Error::Busy {
                command: command.name,
                aggregate: key.describe((vtable.name)()),
                waited: entered_at.elapsed(),
                holder: holder.activity.command,
                held: holder.since.elapsed(),
                step: holder.activity.step().description(),
            })?;
            let passed = mem::take(&mut batch.guards);
            passed.iter().for_each(|guard| guard.set_holder(&command.activity));
            admission.guards.push(guard);
            admission.guards.extend(passed);
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

    /// Returns `true` if the command is at the head of the queue of this aggregate. A batch has a condition on each such aggregate,
    /// and its events are folded into their states.
    pub(super) fn holds(&self, key: &AggregateKey) -> bool {
        holds(&self.guards, key)
    }

    /// Passes the batch to the next waiter, which decides on top of it, or writes it. The write completes even if the caller is
    /// cancelled. Returns the outcome of the append that the command has added, once it is known; `None` if it has added none, or if
    /// another command that held the batch was cancelled before the batch was written.
    pub(super) async fn flush_or_pass(mut self, executor: &Arc<Executor>) -> Option<BatchOutcome> {
        let mut receiver = None;
        if self.can_pass(executor) {
            receiver = self.batch.await_last();
            match self.pass_to_next() {
                Some(returned) => self = returned,
                None => return receiver?.await.ok(),
            }
        }
        let Self { guards, batch, .. } = self;
        let own = DetachOnDrop::new(Box::pin(commit::commit(Arc::clone(executor), guards, batch))).await;
        match receiver {
            Some(receiver) => receiver.await.ok(),
            None => own,
        }
    }

    /// Returns `true` if the next waiter waits for no other aggregate and can decide on top of the batch.
    fn can_pass(&mut self, executor: &Executor) -> bool {
        let Some(first) = self.guards.first() else { return false };
        let next_decides = !self.unbatched
            && first.next_is_batchable(|key| self.holds(key))
            && self.batch.has_room(executor.max_batch());
        if !next_decides {
            return false;
        }
        let keys: Vec<AggregateKey> = self.guards.iter().map(|guard| guard.key().clone()).collect();
        self.batch.fold_pending(&keys, &executor.codec)
    }

    /// Passes guards and batch to the next waiter. Returns them if there is none any more.
    fn pass_to_next(mut self) -> Option<Self> {
        let first = self.guards.remove(0);
        let batch = CommandBatch { guards: self.guards, ..self.batch };
        let (first, mut batch) = first.pass_to_next(batch, |batch, key| holds(&batch.guards, key))?;
        let mut guards = mem::take(&mut batch.guards);
        guards.insert(0, first);
        Some(Self { guards, batch, unbatched: false })
    }
}

/// Returns `true` if one of the guards, which are sorted, is that of the aggregate.
fn holds(guards: &[QueueGuard<AggregateKey, CommandBatch>], key: &AggregateKey) -> bool {
    guards.binary_search_by(|guard| guard.key().cmp(key)).is_ok()
}

/// Each aggregate once, so that no command waits for itself, and sorted, so that no two commands wait for each other.
fn in_queue_order<'a>(
    changed: impl Iterator<Item = (&'static AggregateVTable, &'a AggregateKey)>,
) -> Vec<(&'a AggregateKey, &'static AggregateVTable)> {
    let mut keys: Vec<_> = changed.map(|(vtable, key)| (key, vtable)).collect();
    keys.sort_unstable_by_key(|(key, _)| *key);
    keys.dedup_by_key(|(key, _)| *key);
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
        let (one, two) = (AggregateVTable::of::<One>(), AggregateVTable::of::<Two>());
        let key = |aggregate: TypeId, name: &str| {
            AggregateKey::of(aggregate, Some(Tag::new("thing", name).unwrap()))
        };
        let (a, b, c) = (key(one.aggregate, "a"), key(one.aggregate, "b"), key(two.aggregate, "a"));
        let singleton = AggregateKey::of(two.aggregate, None);
        let mut named = [(one, &b), (two, &c), (one, &a), (one, &b), (two, &singleton), (two, &c)];
        let order = |named: [_; 6]| -> Vec<&AggregateKey> {
            in_queue_order(named.into_iter()).into_iter().map(|(key, _)| key).collect()
        };
        let expected = order(named);
        assert!(expected.is_sorted_by(|before, after| before < after), "{expected:?}");
        assert_eq!(expected.len(), 4);
        for _ in 0..20 {
            fastrand::shuffle(&mut named);
            assert_eq!(order(named), expected);
        }
    }
}
