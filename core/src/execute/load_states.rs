//! Loads the states of a command: from the batch, from the cache, from the log, or assumed empty.

use super::{batch::CommandBatch, executor::Executor, prepared::PreparedCommand, shared_reads::SharedReads};
use crate::{
    dispatch::{ErasedState, VersionedState},
    error::Error,
    panics::run_user_code,
    record::Record,
    store::{EventStore, Marker},
    telemetry::StateSource,
};

/// The states of a command.
pub(super) struct LoadedStates {
    pub(super) states: Vec<VersionedState>,
    /// Whether all of them were just read from the log, in one call. If not, a decision is valid only if an append that is based on it
    /// succeeds.
    pub(super) is_authoritative: bool,
    /// Whether others have changed an aggregate since its cached state.
    pub(super) has_news: bool,
    /// How many events were read and folded.
    pub(super) replayed: usize,
}

impl PreparedCommand {
    /// Takes states from the batch and the cache, and reads the others from the log. With `bypass_cache` all are read. Cached states and
    /// snapshots that were read before the last retag was complete are not used: `retags` is [`Successors::retag_version`] of the list
    /// that the command was checked with.
    ///
    /// [`Successors::retag_version`]: crate::store::Successors::retag_version
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or a record cannot be folded.
    pub(super) async fn load_states(
        &self,
        batch: &CommandBatch,
        bypass_cache: bool,
        retags: u64,
    ) -> Result<LoadedStates, Error> {
        let mut states: Vec<_> = (0..self.aggregates.len())
            .map(|index| self.known_state(index, batch, bypass_cache, retags))
            .collect();
        let missing = states.iter().filter(|state| state.is_none()).count();
        let is_authoritative = missing == states.len();
        let (mut has_news, mut replayed) = (false, 0);
        let metrics = &self.executor.metrics;
        if missing > 0 {
            if is_authoritative && !bypass_cache && self.profile.expects_no_history() {
                metrics.states(StateSource::Assumed, missing);
                // Assumed without a read. An append that is based on it conflicts if there are events.
                let states = (0..self.aggregates.len()).map(|index| self.initial(index, retags));
                let states = states.collect::<Result<_, _>>()?;
                return Ok(LoadedStates { states, is_authoritative: false, has_news, replayed });
            }
            metrics.states(StateSource::Log, missing);
            // On the heap, so that the future of a command that reads nothing is small.
            (has_news, replayed) = Box::pin(self.read_missing(&mut states, is_authoritative, retags)).await?;
            self.profile.metrics.replayed(self.name, replayed);
        }
        let states = states.into_iter().flatten().collect();
        Ok(LoadedStates { states, is_authoritative, has_news, replayed })
    }

    /// Caches states that were read.
    pub(super) fn cache_loaded(&self, states: Vec<VersionedState>) {
        let executor = &self.executor;
        for (key, mut state) in self.aggregates.iter().zip(states) {
            executor.save_snapshot_if_due(key, &mut state);
            executor.cache.put(key.clone(), state);
        }
    }

    fn known_state(
        &self,
        index: usize,
        batch: &CommandBatch,
        bypass_cache: bool,
        retags: u64,
    ) -> Option<VersionedState> {
        let key = &self.aggregates[index];
        let Executor { cache, store, metrics, .. } = &*self.executor;
        if let Some(state) = batch.speculative_state(key) {
            metrics.states(StateSource::Batch, 1);
            return Some(state);
        }
        let cached = if bypass_cache { None } else { cache.get(key, store.epoch(), retags) };
        cached.inspect(|_| metrics.states(StateSource::Cache, 1))
    }

    /// Reads the missing states in one call. If an earlier state of an aggregate is known, only later events are read. Returns
    /// whether there were later events, and how many events were read.
    async fn read_missing(
        &self,
        states: &mut [Option<VersionedState>],
        all: bool,
        retags: u64,
    ) -> Result<(bool, usize), Error> {
        let missing: Vec<usize> = (0..states.len()).filter(|index| states[*index].is_none()).collect();
        let (mut read, mut continues) = (Vec::with_capacity(missing.len()), false);
        for &index in &missing {
            let base = self.base_state(index, retags).await;
            continues |= base.is_some();
            read.push(base.map_or_else(|| self.initial(index, retags), Ok)?);
        }
        let replayed = match (missing.as_slice(), read.as_mut_slice()) {
            ([index], [state]) => self.read_one(*index, state).await?,
            _ => self.read_several(&missing, &mut read).await?,
        };
        if all && !continues {
            self.profile.record_read(replayed == 0);
        }
        missing.into_iter().zip(read).for_each(|(index, state)| states[index] = Some(state));
        Ok((continues && replayed > 0, replayed))
    }

    /// Brings one state up to date. Reads in chunks, so that a long history is not in memory at once. Returns how many events
    /// were read.
    async fn read_one(&self, index: usize, state: &mut VersionedState) -> Result<usize, Error> {
        let Executor { store, codec, .. } = &*self.executor;
        let mut replayed = 0;
        let erased = &mut state.state;
        let mut fold = |records: Vec<Record>| {
            replayed += records.len();
            let mut records = records.iter();
            run_user_code(self.name, || {
                records.try_for_each(|record| ErasedState::fold_into_each(&mut [&mut *erased], record, codec))
            })
        };
        let read = self.plan.reads[index].clone().after(state.marker.settled());
        let marker = store.read_chunked(&read, &mut fold).await?;
        check_epoch(&**store, state.marker, marker)?;
        if replayed > 0 {
            state.marker = marker;
        }
        Ok(replayed)
    }

    /// Brings several states up to date, all of them to one moment: a decision that is not appended is not checked again. Reads in
    /// chunks as [`read_one`](Self::read_one). Returns how many events were read.
    async fn read_several(&self, missing: &[usize], states: &mut [VersionedState]) -> Result<usize, Error> {
        let Executor { store, codec, .. } = &*self.executor;
        let mut shared = SharedReads::new(missing.iter().map(|index| &self.plan.reads[*index]).zip(&*states));
        let (reads, mut replayed) = (shared.reads().to_vec(), 0);
        let mut fold = |read: usize, records: Vec<Record>| {
            replayed += records.len();
            run_user_code(self.name, || shared.fold(read, &records, states, codec))
        };
        let markers = store.read_all_chunked(&reads, &mut fold).await?;
        for (read, marker) in markers.iter().enumerate() {
            for state in shared.states(read) {
                check_epoch(&**store, states[*state].marker, *marker)?;
            }
        }
        shared.set_markers(&markers, states);
        Ok(replayed)
    }

    /// A state to read on from: a cached one, which may be stale, or that of a snapshot.
    async fn base_state(&self, index: usize, retags: u64) -> Option<VersionedState> {
        let key = &self.aggregates[index];
        let epoch = self.executor.store.epoch();
        let cached = self.executor.cache.take(key).filter(|state| state.is_usable(epoch, retags));
        match cached.and_then(if_extensible) {
            None => self.executor.state_from_snapshot(self.plan.aggregates[index], key, retags).await,
            cached => cached,
        }
    }

    /// The state before the first event.
    fn initial(&self, index: usize, retags: u64) -> Result<VersionedState, Error> {
        let initial = run_user_code(self.name, || self.plan.initial(index))?;
        Ok(VersionedState { retags, ..initial })
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
