//! Loads the states of a command: from the batch, from the cache, from the log, or assumed empty.

use std::slice;

use super::{batch::CommandBatch, prepared::PreparedCommand};
use crate::{
    dispatch::{ErasedState, StateInput, VersionedState},
    error::Error,
    panics::run_user_code,
    record::Record,
    store::{EventStore, Marker},
};

/// The states of a command.
pub(super) struct LoadedStates {
    pub(super) states: Vec<StateInput>,
    /// Whether all of them were just read from the log, in one call. If not, a decision is valid only if an append that is based on it
    /// succeeds.
    pub(super) is_authoritative: bool,
    /// Whether others have changed an aggregate since its cached state.
    pub(super) has_news: bool,
}

impl PreparedCommand {
    /// Takes states from the batch and the cache, and reads the others from the log. With `bypass_cache` all are read.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or a record cannot be folded.
    pub(super) async fn load_states(
        &self,
        batch: &CommandBatch,
        bypass_cache: bool,
    ) -> Result<LoadedStates, Error> {
        let mut states: Vec<_> =
            (0..self.aggregates.len()).map(|index| self.known_state(index, batch, bypass_cache)).collect();
        let is_authoritative = states.iter().all(Option::is_none);
        let mut has_news = false;
        if states.iter().any(Option::is_none) {
            if is_authoritative && !bypass_cache && self.profile.expects_no_history() {
                let states = self.aggregates.iter().map(|_| StateInput::assumed_empty()).collect();
                return Ok(LoadedStates { states, is_authoritative: false, has_news });
            }
            // On the heap, so that the future of a command that reads nothing is small.
            has_news = Box::pin(self.read_missing(&mut states, is_authoritative)).await?;
        }
        let mut loaded = Vec::with_capacity(states.len());
        loaded.extend(states.into_iter().flatten());
        Ok(LoadedStates { states: loaded, is_authoritative, has_news })
    }

    /// Caches states that were read and folded.
    pub(super) fn cache_loaded(&self, states: Vec<StateInput>) {
        let executor = &self.executor;
        for (key, state) in self.aggregates.iter().zip(states.into_iter().map(StateInput::into_state)) {
            if let Some(mut state) = state {
                executor.save_snapshot_if_due(key, &mut state);
                executor.cache.put(key.clone(), state);
            }
        }
    }

    fn known_state(&self, index: usize, batch: &CommandBatch, bypass_cache: bool) -> Option<StateInput> {
        let key = self.cacheable(index)?;
        let cached =
            || if bypass_cache { None } else { self.executor.cache.get(key, self.executor.store.epoch()) };
        batch.speculative_state(key).or_else(cached).map(StateInput::from)
    }

    /// Reads the missing states in one call. If an earlier state of an aggregate is known, only later events are read. Returns
    /// whether there were later events.
    async fn read_missing(&self, states: &mut [Option<StateInput>], all: bool) -> Result<bool, Error> {
        let missing: Vec<usize> = (0..states.len()).filter(|index| states[*index].is_none()).collect();
        let mut bases = Vec::with_capacity(missing.len());
        for index in &missing {
            bases.push(self.base_state(*index).await);
        }
        let continues = bases.iter().any(Option::is_some);
        let is_new = all && !continues;
        let (read, is_empty) = match (missing.as_slice(), bases.as_mut_slice()) {
            ([index], [base]) => {
                let (state, is_empty) = self.read_one(*index, base.take()).await?;
                (vec![state], is_empty)
            }
            _ => self.read_several(&missing, bases).await?,
        };
        if is_new {
            self.profile.record_read(is_empty);
        }
        missing.into_iter().zip(read).for_each(|(index, state)| states[index] = Some(state));
        Ok(continues && !is_empty)
    }

    /// Reads one state in chunks, so that a long history is not in memory at once. Also returns whether no event was found.
    async fn read_one(
        &self,
        index: usize,
        base: Option<VersionedState>,
    ) -> Result<(StateInput, bool), Error> {
        let store = &self.executor.store;
        let read = &self.plan.reads[index];
        let initial =
            || self.plan.take_initial(index).map(|state| VersionedState { state, marker: Marker::START });
        let Some(mut state) = base.or_else(initial) else {
            let batch = store.read(slice::from_ref(read)).await?.pop();
            let input: StateInput = batch.map_or_else(StateInput::assumed_empty, StateInput::from);
            let is_empty = input.is_empty();
            return Ok((input, is_empty));
        };
        let mut is_empty = true;
        let mut fold = |records: Vec<Record>| {
            is_empty &= records.is_empty();
            self.fold(&mut state.state, &records)
        };
        let read = read.clone().after(state.marker.settled());
        let marker = store.read_chunked(&read, &mut fold).await?;
        check_epoch(&**store, state.marker, marker)?;
        if !is_empty {
            state.marker = marker;
        }
        Ok((state.into(), is_empty))
    }

    async fn read_several(
        &self,
        missing: &[usize],
        bases: Vec<Option<VersionedState>>,
    ) -> Result<(Vec<StateInput>, bool), Error> {
        let reads = missing.iter().zip(&bases).map(|(index, base)| {
            let read = self.plan.reads[*index].clone();
            base.as_ref().map_or(read.clone(), |base| read.after(base.marker.settled()))
        });
        let batches = self.executor.store.read(&reads.collect::<Vec<_>>()).await?;
        let is_empty = batches.iter().all(|batch| batch.records.is_empty());
        let states = bases.into_iter().zip(batches).map(|(base, batch)| match base {
            None => Ok(batch.into()),
            Some(mut base) => {
                check_epoch(&*self.executor.store, base.marker, batch.marker)?;
                if !batch.records.is_empty() {
                    self.fold(&mut base.state, &batch.records)?;
                    base.marker = batch.marker;
                }
                Ok(base.into())
            }
        });
        Ok((states.collect::<Result<_, Error>>()?, is_empty))
    }

    /// A state to read on from: a cached one, which may be stale, or that of a snapshot.
    async fn base_state(&self, index: usize) -> Option<VersionedState> {
        let key = self.cacheable(index)?;
        match self.executor.cache.take(key, self.executor.store.epoch()).and_then(if_extensible) {
            None => self.executor.state_from_snapshot(self.plan.aggregates[index], key).await,
            cached => cached,
        }
    }

    fn fold(&self, state: &mut ErasedState, records: &[Record]) -> Result<(), Error> {
        let codec = &self.executor.codec;
        run_user_code(self.name, || records.iter().try_for_each(|record| state.fold(record, codec)))
    }
}

/// Checks that a read which continued from a marker has read the same log: it has not lost events in between.
fn check_epoch(store: &dyn EventStore, base: Marker, read: Marker) -> Result<(), Error> {
    if base.is_of_epoch(read.epoch()) {
        return Ok(());
    }
    let operation = format!("read {}", store.describe());
    Err(Error::unavailable(operation, "the log has gone back to an earlier state in between; read it again"))
}

/// Returns the state if later events can be folded in: nothing else refers to it, and its marker is a position of the log.
fn if_extensible(mut state: VersionedState) -> Option<VersionedState> {
    (state.marker.seen_unsettled() == 0 && state.state.is_unshared()).then_some(state)
}
