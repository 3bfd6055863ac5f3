//! Admits commands that change the same aggregate one after the other.

use std::{collections::BTreeMap, mem, sync::Arc};

use super::{
    aggregate_key::AggregateKey, batch::CommandBatch, commit, detach::DetachOnDrop, executor::Executor,
    keyed_queue::QueueGuard, prepared::PreparedCommand,
};
use crate::criteria::Criteria;

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
    pub(super) async fn acquire(command: &PreparedCommand, all_reads: bool, unbatched: bool) -> Self {
        let reads = command.plan.aggregates.iter().zip(&command.aggregates);
        let changed =
            reads.filter(|(vtable, _)| all_reads || command.profile.writes_aggregate(vtable.aggregate));
        // Sorted, so that no two commands wait for each other; each aggregate once, so that no command waits for itself.
        let mut keys = BTreeMap::new();
        for (vtable, key) in changed {
            *keys.entry(key).or_insert(true) &= vtable.is_batchable();
        }
        let batchable = !unbatched && keys.len() == 1 && keys.values().all(|batchable| *batchable);
        let mut admission = Self { unbatched, ..Self::default() };
        for key in keys.into_keys() {
            let (guard, batch) = command.executor.queues.acquire(key.clone(), batchable).await;
            admission.guards.push(guard);
            admission.batch = batch;
        }
        admission
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
