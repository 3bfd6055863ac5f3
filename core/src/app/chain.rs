//! Decisions that are taken one on top of the other before the first of them is written, and then are written together.
//!
//! Whoever stands in front of the line of an aggregate decides and hands the state, with its own events folded in, to the
//! next one; the last one writes for all of them. Their answers, rejections too, wait for that.

use std::{iter, mem, sync::Arc};

use tokio::sync::oneshot;

use super::{
    App,
    lines::{Lines, Place},
    states::{Instance, Remembered},
};
use crate::{
    codec::Codec,
    criteria::Criteria,
    dispatch::Known,
    error::Error,
    panics::run_user_code,
    record::{Draft, Metadata, Position, Record},
    store::{Append, AppendOutcome, Marker, Receipt},
    time::Timestamp,
};

/// The lines of commands that change the same aggregate.
pub(super) type Queues = Lines<Instance, Chain>;

/// The turn of a command with the aggregates that it changes.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// In front of which lines it stands.
    pub(super) places: Vec<Place<Instance, Chain>>,
    /// What was decided before it and is not written yet.
    pub(super) chain: Chain,
    /// Whether it is written without waiting for those behind it.
    pub(super) alone: bool,
}

/// Bytes of payload behind which a chain is written without waiting for more.
const ENOUGH: usize = 1 << 20;

/// What is to be written together, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Chain {
    links: Vec<Link>,
    changed: Vec<Changed>,
    /// Those who write nothing, and whose answer is right if the chain is written.
    witnesses: Vec<oneshot::Sender<Fate>>,
}

#[derive(Debug)]
struct Link {
    append: Append,
    told: oneshot::Sender<Fate>,
}

/// A state whose aggregate is changed.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) instance: Instance,
    pub(super) criteria: Criteria,
    pub(super) state: Remembered,
    /// How many links are folded in.
    folded: usize,
}

/// What became of a decision.
#[derive(Debug)]
pub(super) enum Fate {
    Answered(AppendOutcome<Receipt>),
    Failed(Error),
    /// Nothing was written because of another one in its chain.
    Alone,
}

impl Turn {
    /// Whether something was decided before and is not written yet.
    pub(super) fn is_chained(&self) -> bool {
        !self.chain.links.is_empty()
    }

    /// The state on top of which the next one decides.
    pub(super) fn top(&self, instance: &Instance) -> Option<Known> {
        let mut changed = self.chain.changed.iter().filter(|changed| changed.folded > 0);
        changed.find(|changed| changed.instance == *instance).map(|changed| changed.state.clone().known())
    }

    /// Whether the chain is one of decisions on this aggregate.
    pub(super) fn is_of(&self, instance: &Instance) -> bool {
        matches!(self.places.as_slice(), [place] if place.of() == instance)
    }

    /// Whether an append can be written together with those that were decided before. Its conditions hold for the log
    /// before all of them, so none of their events may match; and a command id is accepted once.
    pub(super) fn accepts(&self, append: &Append) -> bool {
        self.chain.links.iter().all(|Link { append: earlier, .. }| {
            let same_id = match (&earlier.key, &append.key) {
                (Some(one), Some(other)) => one.id() == other.id(),
                _ => false,
            };
            let unseen = |draft: &Draft| {
                append
                    .conditions
                    .iter()
                    .any(|condition| condition.criteria.matches(draft.name(), draft.tags()))
            };
            !same_id && !earlier.events.iter().any(unseen)
        })
    }

    /// Adds an append and the states that it changes.
    pub(super) fn add(&mut self, append: Append, changed: Vec<Changed>) -> oneshot::Receiver<Fate> {
        let (told, fate) = oneshot::channel();
        self.chain.links.push(Link { append, told });
        self.chain.changed.extend(changed);
        fate
    }

    /// Adds a decision to write nothing.
    pub(super) fn witness(&mut self) -> oneshot::Receiver<Fate> {
        let (told, fate) = oneshot::channel();
        self.chain.witnesses.push(told);
        fate
    }

    /// Hands everything to the next command in line, which decides on top of it. What comes back is to be written now.
    pub(super) fn hand_on(mut self, app: &App) -> Option<Self> {
        let next = match self.places.as_slice() {
            [place] if !self.alone => place.is_joined() && self.chain.has_room(app.max_batch()),
            _ => false,
        };
        let Some(place) = self.places.pop_if(|place| next && self.chain.fold(place.of(), &app.inner.codec))
        else {
            return Some(self);
        };
        let (place, chain) = place.hand_on(mem::take(&mut self.chain))?;
        Some(Self { places: vec![place], chain, alone: false })
    }

    /// Writes what was decided, tells everybody and remembers the states.
    pub(super) async fn write(self, app: App) {
        let Self { places, chain: Chain { links, changed, witnesses }, .. } = self;
        let mut changed: Vec<_> =
            changed.into_iter().map(|changed| (changed.unfolded(&links), changed)).collect();
        let (appends, told): (Vec<_>, Vec<_>) =
            links.into_iter().map(|link| (link.append, link.told)).unzip();
        let fates: Box<dyn Iterator<Item = Fate> + Send> = match app.append(appends).await {
            Ok(AppendOutcome::Appended(receipts)) => {
                for (events, changed) in changed.drain(..) {
                    app.remember(changed, events, &receipts);
                }
                receipts.iter().for_each(|receipt| app.inner.watcher.appended(receipt.position()));
                let done = |receipt| Fate::Answered(AppendOutcome::Appended(receipt));
                tell(witnesses, iter::repeat_with(|| done(Receipt::default())));
                Box::new(receipts.into_iter().map(done))
            }
            Ok(refused) => {
                let refused = refused.map(|_| Receipt::default());
                Box::new((0..told.len()).map(move |one| fate_of(&refused, one)))
            }
            Err(error) => failed(error, told.len()),
        };
        // What the store refused may be stale, and is still a state to read on from.
        changed.into_iter().for_each(|(_, changed)| app.keep(changed));
        let several = told.len() > 1;
        tell(told, fates);
        if several || places.iter().any(Place::is_waited_for) {
            // Those who were told may have more to do. They line up before it goes on.
            tokio::task::yield_now().await;
        }
    }
}

fn tell(told: Vec<oneshot::Sender<Fate>>, fates: impl Iterator<Item = Fate>) {
    // Who has gone is not interested.
    told.into_iter().zip(fates).for_each(|(told, fate)| drop(told.send(fate)));
}

/// The fate of one of several appends that were refused together. A conflict and missing inline builds concern all of them.
fn fate_of(refused: &AppendOutcome<Receipt>, one: usize) -> Fate {
    match refused {
        AppendOutcome::Duplicate { index, .. } if *index != one => Fate::Alone,
        refused => Fate::Answered(refused.clone()),
    }
}

/// A lost answer is lost for all. With every other error nothing was written, and each may ask by itself whose error it is.
fn failed(error: Error, links: usize) -> Box<dyn Iterator<Item = Fate> + Send> {
    match error {
        error if links == 1 => Box::new(iter::once(Fate::Failed(error))),
        Error::OutcomeUnknown { operation, reason, source } => {
            let source = source.map(Arc::<dyn std::error::Error + Send + Sync>::from);
            Box::new(iter::repeat_with(move || {
                let (operation, reason) = (operation.clone(), reason.clone());
                let source = source.as_ref().map(|source| Box::new(Arc::clone(source)) as _);
                Fate::Failed(Error::OutcomeUnknown { operation, reason, source })
            }))
        }
        _ => Box::new(iter::repeat_with(|| Fate::Alone)),
    }
}

impl Chain {
    fn has_room(&self, most: usize) -> bool {
        let events = self.links.iter().flat_map(|link| &link.append.events);
        self.links.len() < most && events.map(|event| event.data().as_str().len()).sum::<usize>() < ENOUGH
    }

    /// Folds in what is not folded yet of this aggregate. The positions are not known; a fold that might ask for them waits until
    /// they are.
    fn fold(&mut self, instance: &Instance, codec: &Codec) -> bool {
        let Some(index) = self.changed.iter().position(|changed| changed.instance == *instance) else {
            return false;
        };
        let changed = &mut self.changed[index];
        if changed.state.state.kind.uses_context {
            return false;
        }
        let events = changed.unfolded(&self.links);
        changed.folded = self.links.len();
        let folded = changed.fold(events, codec, |_| Position::START);
        if !folded {
            self.changed.swap_remove(index);
        }
        folded
    }
}

/// An event that is to be folded into a state, with its link and its number in it.
struct Unfolded {
    link: usize,
    nth: usize,
    draft: Draft,
    recorded_at: Timestamp,
    metadata: Metadata,
}

impl Changed {
    pub(super) fn new(instance: Instance, criteria: Criteria, state: Remembered) -> Self {
        Self { instance, criteria, state, folded: 0 }
    }

    fn unfolded(&self, links: &[Link]) -> Vec<Unfolded> {
        let mut unfolded = Vec::new();
        for (link, Link { append, .. }) in links.iter().enumerate().skip(self.folded) {
            let metadata = if self.state.state.kind.uses_context {
                append.metadata.clone()
            } else {
                Metadata::default()
            };
            let events = append.events.iter().enumerate();
            let matching = events.filter(|(_, draft)| self.criteria.matches(draft.name(), draft.tags()));
            unfolded.extend(matching.map(|(nth, draft)| Unfolded {
                link,
                nth,
                draft: draft.clone(),
                recorded_at: append.recorded_at,
                metadata: metadata.clone(),
            }));
        }
        unfolded
    }

    /// Whether all of them could be folded. If not, the state cannot be used any more.
    fn fold(
        &mut self,
        events: Vec<Unfolded>,
        codec: &Codec,
        position: impl Fn(&Unfolded) -> Position,
    ) -> bool {
        let state = &mut self.state.state;
        let folded = run_user_code("a fold", || {
            events.into_iter().try_for_each(|event| {
                let position = position(&event);
                let record: Record = event.draft.record(position, event.recorded_at, event.metadata);
                state.fold(&record, codec)
            })
        });
        folded.is_ok()
    }
}

impl App {
    /// Folds what was just written into a state, and remembers it.
    fn remember(&self, mut changed: Changed, events: Vec<Unfolded>, receipts: &[Receipt]) {
        let position = |event: &Unfolded| {
            let stored = receipts.get(event.link).and_then(|receipt| receipt.events.get(event.nth));
            stored.map_or(Position::START, |stored| stored.position)
        };
        if !changed.fold(events, &self.inner.codec, position) {
            return;
        }
        if let Some(last) =
            receipts.iter().max_by_key(|receipt| receipt.position()).filter(|last| !last.events.is_empty())
        {
            changed.state.marker = Marker::after(last);
        }
        self.keep_if_due(&changed.instance, &mut changed.state);
        self.inner.states.put(changed.instance, changed.state);
    }

    /// Remembers a state into which nothing was folded that might not be in the log.
    fn keep(&self, changed: Changed) {
        if changed.folded == 0 {
            self.inner.states.put(changed.instance, changed.state);
        }
    }
}
