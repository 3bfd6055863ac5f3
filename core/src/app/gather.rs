//! What a command knows of the states that it reads: remembered, or read.

use std::slice;

use super::{
    chain::Turn,
    request::Request,
    states::{Instance, Remembered},
};
use crate::{
    dispatch::{Folded, Known},
    error::Error,
    panics::run_user_code,
    record::Record,
    store::Marker,
};

/// What is known of each state.
pub(super) struct Gathered {
    pub(super) known: Vec<Known>,
    /// Whether the log said all of it just now, in one answer. If not, only what is appended under it is right.
    pub(super) certain: bool,
}

impl Request {
    /// What is remembered of each state, and the rest from the log; when `fresh`, everything from the log.
    pub(super) async fn gather(&self, turn: &Turn, fresh: bool) -> Result<Gathered, Error> {
        let mut known: Vec<_> =
            (0..self.instances.len()).map(|index| self.remembered(index, turn, fresh)).collect();
        let certain = known.iter().all(Option::is_none);
        if known.iter().any(Option::is_none) {
            if certain && !fresh && self.habit.finds_nothing() {
                let nothing = self.instances.iter().map(|_| Known::nothing());
                return Ok(Gathered { known: nothing.collect(), certain: false });
            }
            self.read(&mut known, certain).await?;
        }
        Ok(Gathered { known: known.into_iter().flatten().collect(), certain })
    }

    /// Remembers what was folded.
    pub(super) fn remember(&self, known: Vec<Known>) {
        for (instance, state) in self.instances.iter().zip(known.into_iter().map(Remembered::of)) {
            if let Some(mut state) = state {
                self.app.keep_if_due(instance, &mut state);
                self.app.inner.states.put(instance.clone(), state);
            }
        }
    }

    fn remembered(&self, index: usize, turn: &Turn, fresh: bool) -> Option<Known> {
        let instance = self.shared(index)?;
        let remembered = || self.app.inner.states.get(instance).map(Remembered::known);
        turn.top(instance).or_else(|| if fresh { None } else { remembered() })
    }

    /// The aggregate of a state that the command gets to look at. One that it gets to keep is folded anew each time.
    pub(super) fn shared(&self, index: usize) -> Option<&Instance> {
        self.plan.kinds[index].shared.then(|| &self.instances[index])
    }

    /// Reads what is missing, in one call. Of a state that is known at an earlier moment, only what came later.
    async fn read(&self, known: &mut [Option<Known>], all: bool) -> Result<(), Error> {
        let missing: Vec<usize> = (0..known.len()).filter(|index| known[*index].is_none()).collect();
        let mut bases = Vec::with_capacity(missing.len());
        for index in &missing {
            bases.push(self.base(*index).await);
        }
        let is_new = all && bases.iter().all(Option::is_none);
        let (found, nothing) = match (missing.as_slice(), bases.as_mut_slice()) {
            ([index], [base]) => {
                let (found, nothing) = self.read_one(*index, base.take()).await?;
                (vec![found], nothing)
            }
            _ => self.read_several(&missing, bases).await?,
        };
        if is_new {
            self.habit.found(nothing);
        }
        missing.into_iter().zip(found).for_each(|(index, found)| known[index] = Some(found));
        Ok(())
    }

    /// A long past comes in parts, and is folded as it comes. Also says whether there was nothing.
    async fn read_one(&self, index: usize, base: Option<Remembered>) -> Result<(Known, bool), Error> {
        let read = &self.plan.reads[index];
        let Some(mut base) = base.or_else(|| self.plan.blank(index).map(Remembered::blank)) else {
            let batch = self.app.inner.store.read(slice::from_ref(read)).await?.pop();
            let known: Known = batch.map_or_else(Known::nothing, Known::from);
            let nothing = known.is_nothing();
            return Ok((known, nothing));
        };
        let mut nothing = true;
        let mut fold = |records: Vec<Record>| {
            nothing &= records.is_empty();
            self.fold(&mut base.state, &records)
        };
        let read = read.clone().after(base.marker.settled());
        let marker = self.app.inner.store.read_chunked(&read, &mut fold).await?;
        if !nothing {
            base.marker = marker;
        }
        Ok((base.known(), nothing))
    }

    async fn read_several(
        &self,
        missing: &[usize],
        bases: Vec<Option<Remembered>>,
    ) -> Result<(Vec<Known>, bool), Error> {
        let reads = missing.iter().zip(&bases).map(|(index, base)| {
            let read = self.plan.reads[*index].clone();
            base.as_ref().map_or(read.clone(), |base| read.after(base.marker.settled()))
        });
        let batches = self.app.inner.store.read(&reads.collect::<Vec<_>>()).await?;
        let nothing = batches.iter().all(|batch| batch.records.is_empty());
        let known = bases.into_iter().zip(batches).map(|(base, batch)| match base {
            Some(mut base) if !batch.records.is_empty() => {
                self.fold(&mut base.state, &batch.records)?;
                Ok(Remembered::new(base.state, batch.marker).known())
            }
            Some(base) => Ok(base.known()),
            None => Ok(batch.into()),
        });
        Ok((known.collect::<Result<_, Error>>()?, nothing))
    }

    /// A state to read on from: one that is remembered but may be stale, or one that was kept beside the log.
    async fn base(&self, index: usize) -> Option<Remembered> {
        let instance = self.shared(index)?;
        match self.app.inner.states.take(instance).and_then(Remembered::if_foldable) {
            None => self.app.kept(self.plan.kinds[index], instance).await,
            stale => stale,
        }
    }

    fn fold(&self, state: &mut Folded, records: &[Record]) -> Result<(), Error> {
        let codec = &self.app.inner.codec;
        run_user_code(self.name, || records.iter().try_for_each(|record| state.fold(record, codec)))
    }
}

impl Remembered {
    /// Before the first event.
    fn blank(state: Folded) -> Self {
        Self::new(state, Marker::START)
    }

    /// Itself, if what comes later can be folded in: nobody looks at it, and it holds for a position of the log.
    fn if_foldable(mut self) -> Option<Self> {
        (self.marker.seen_unsettled() == 0 && self.state.is_alone()).then_some(self)
    }
}
