//! Reading entities directly from their events, now or as of a moment.

use std::{
    any::type_name,
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
};

use super::App;
use crate::{
    aggregate::{Aggregate, AggregateId, criteria_of},
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    event::{Event, Recorded},
    panics::run_user_code,
    projection::{Projection, criteria_of_row, fold_in_memory},
    record::{Position, Record},
    store::{Read, Receipt},
    tag::Tag,
    time::Timestamp,
};

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A moment in the life of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// As the log was when its last event stood at this position.
    Position(Position),
    /// As of a time: the longest prefix of the log whose recorded times are not later. Clocks may jump; this always is
    /// a state that the log was in.
    Time(Timestamp),
}

impl From<Position> for Moment {
    fn from(position: Position) -> Self {
        Self::Position(position)
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<&Receipt> for Moment {
    fn from(receipt: &Receipt) -> Self {
        Self::Position(receipt.position())
    }
}

/// An aggregate that is about to be loaded; `.await` it.
#[must_use = "nothing is loaded before it is awaited"]
#[derive(Debug)]
pub struct Load<A: Aggregate> {
    app: App,
    id: A::Id,
    moment: Option<Moment>,
}

impl<A: Aggregate> Load<A> {
    pub(super) fn new(app: App, id: A::Id) -> Self {
        Self { app, id, moment: None }
    }

    /// As it was at a position, at a time, or right after a receipt's command.
    pub fn at(self, moment: impl Into<Moment>) -> Self {
        Self { moment: Some(moment.into()), ..self }
    }

    async fn run(self) -> Result<A, Error> {
        A::EVENTS.iter().try_for_each(|types| self.app.inner.registry.claim(types))?;
        let up_to = self.app.up_to(self.moment).await?;
        let (criteria, tag) =
            run_user_code(type_name::<A>(), || Ok((criteria_of::<A>(&self.id)?, self.id.instance_tag()?)))?;
        let (mut state, after) = match self.app.kept_state::<A>(tag, up_to).await {
            Some(kept) => kept,
            None => (run_user_code(type_name::<A>(), || Ok(A::initial(self.id)))?, Position::START),
        };
        let read = Read { payload_only: !A::USES_CONTEXT, ..Read::all(criteria).after(after).up_to(up_to) };
        let codec = &self.app.inner.codec;
        let mut fold = |records: Vec<Record>| {
            run_user_code(type_name::<A>(), || {
                records.iter().try_for_each(|record| state.fold_record(record, codec))
            })
        };
        self.app.inner.store.read_chunked(&read, &mut fold).await?;
        Ok(state)
    }
}

impl<A: Aggregate> IntoFuture for Load<A> {
    type Output = Result<A, Error>;
    type IntoFuture = Answer<A>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// A row that is about to be folded from its events, without a table; `.await` it.
#[must_use = "nothing is read before it is awaited"]
#[derive(Debug)]
pub struct Live<P: Projection> {
    app: App,
    key: P::Key,
    moment: Option<Moment>,
}

impl<P: Projection> Live<P> {
    pub(super) fn new(app: App, key: P::Key) -> Self {
        Self { app, key, moment: None }
    }

    /// As it was at a position, at a time, or right after a receipt's command.
    pub fn at(self, moment: impl Into<Moment>) -> Self {
        Self { moment: Some(moment.into()), ..self }
    }

    async fn run(self) -> Result<Option<P>, Error> {
        let criteria = run_user_code(type_name::<P>(), || criteria_of_row::<P>(&self.key))?;
        let mut records = Vec::new();
        let mut add = |part: Vec<Record>| {
            records.extend(part);
            Ok(())
        };
        self.app.read(criteria, self.moment, &mut add).await?;
        let codec = &self.app.inner.codec;
        run_user_code(type_name::<P>(), || Ok(fold_in_memory::<P>(&records, codec)?.remove(&self.key)))
    }
}

impl<P: Projection> IntoFuture for Live<P> {
    type Output = Result<Option<P>, Error>;
    type IntoFuture = Answer<Option<P>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The events of an entity that are about to be read; `.await` it.
#[must_use = "nothing is read before it is awaited"]
#[derive(Debug)]
pub struct History<E> {
    app: App,
    tag: Result<Tag, Invalid>,
    moment: Option<Moment>,
    events: PhantomData<fn() -> E>,
}

impl<E: Event> History<E> {
    pub(super) fn new(app: App, tag: Result<Tag, Invalid>) -> Self {
        Self { app, tag, moment: None, events: PhantomData }
    }

    /// Only up to a position, a time, or a receipt's command.
    pub fn at(self, moment: impl Into<Moment>) -> Self {
        Self { moment: Some(moment.into()), ..self }
    }

    async fn run(self) -> Result<Vec<Recorded<E>>, Error> {
        let types = const { &E::TYPES };
        self.app.inner.registry.claim(types)?;
        let criteria = Item::any().types(types.names()).tag(self.tag?).into();
        let codec = &self.app.inner.codec;
        let mut events = Vec::new();
        let mut decode = |records: Vec<Record>| {
            run_user_code(type_name::<E>(), || {
                records.iter().try_for_each(|record| record.decode_into(codec, &mut events))
            })
        };
        self.app.read(criteria, self.moment, &mut decode).await?;
        Ok(events)
    }
}

impl<E: Event> IntoFuture for History<E> {
    type Output = Result<Vec<Recorded<E>>, Error>;
    type IntoFuture = Answer<Vec<Recorded<E>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl App {
    /// A long past comes in parts, and is never in memory at once.
    async fn read(
        &self,
        criteria: Criteria,
        moment: Option<Moment>,
        each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<(), Error> {
        let read = Read::all(criteria).up_to(self.up_to(moment).await?);
        self.inner.store.read_chunked(&read, each).await.map(drop)
    }

    async fn up_to(&self, moment: Option<Moment>) -> Result<Position, Error> {
        match moment {
            None => Ok(Position::END),
            Some(Moment::Position(position)) => Ok(position),
            Some(Moment::Time(time)) => self.inner.store.position_at(time).await,
        }
    }
}
