//! Reads aggregates, rows and events directly from the log, now or at an earlier moment.

use std::{
    any::type_name,
    collections::HashMap,
    future::{Future, IntoFuture},
    iter,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
};

use super::{facade::App, stored_events::warn_of_unread_events};
use crate::{
    aggregate::{Aggregate, AggregateId, criteria_of, reads_context},
    criteria::{Criteria, Item},
    dispatch::AggregateVTable,
    error::{Error, Invalid},
    event::{Event, Recorded},
    execute::Executor,
    id::Id,
    panics::run_user_code,
    projection::{Projection, StoredKey, criteria_of_row, fold_in_memory},
    record::{Position, Record},
    store::{EventStore, Prefix, Read, Receipt, Successors},
    tag::Tag,
    time::Timestamp,
};

impl App {
    /// Loads the state of an aggregate, now or [`at`](Load::at) an earlier moment. Without events it is the initial state. If the log
    /// has events with this id that no type of the program reads, a warning names them, once for each type of aggregate.
    ///
    /// The id of an aggregate without `#[id]` is `()`.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// assert_eq!(app.load::<Account>(&id("a")).await?.cents, 10);
    /// assert!(!app.load::<Account>(&id("unknown")).await?.open);
    /// # Ok(())
    /// # });
    /// ```
    pub fn load<A: Aggregate>(&self, id: &A::Id) -> Load<A> {
        Load::new(Arc::clone(self.executor()), id.clone())
    }

    /// Reads the events of type `E` that carry an id, oldest first, with their times, actors and positions.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let history = app.history::<AccountEvent>(&id("a")).await?;
    /// assert_eq!(history.len(), 2);
    /// assert_eq!((&history[1].event, history[1].position.get()), (&deposited("a", 10), 2));
    /// # Ok(())
    /// # });
    /// ```
    pub fn history<E: Event>(&self, id: &impl Id) -> History<E> {
        History::new(Arc::clone(self.executor()), Tag::of(id))
    }

    /// Folds the row of a projection from its events, now or [`at`](Live::at) an earlier moment. The projection need not be
    /// registered. If its events do not carry the key as an id, all events of its types are read.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// let app = App::builder(Memory::new()).start().await?; // without the projection
    /// app.execute(open("ann", "Ann")).await?;
    /// assert_eq!(app.live::<Balance>(&id("ann")).await?.unwrap().owner, "Ann");
    /// # Ok(())
    /// # });
    /// ```
    pub fn live<P: Projection>(&self, key: &P::Key) -> Live<P> {
        Live::new(Arc::clone(self.executor()), key.clone())
    }

    /// Returns the part of the log that `.at(time)` sees: where it ends, and how many events recorded until then it hides because
    /// an earlier event has a later time. As of now, `hidden` is the figure to monitor: it is above 0 while the log has an event from
    /// the future.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::Timestamp;
    ///
    /// let prefix = app.prefix_at(Timestamp::now()).await?;
    /// assert_eq!((prefix.up_to.get(), prefix.hidden), (6, 0));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    pub async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        self.run("find the position of a time", prefix_at(&*self.executor().store, time)).await
    }
}

pub(super) type BoxedResult<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// An earlier moment of the log.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::Moment;
///
/// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
/// let moment = Moment::from(&receipt);
/// app.execute(Deposit { account: id("a"), cents: 100 }).await?;
/// assert_eq!(app.load::<Account>(&id("a")).at(moment).await?.cents, 15);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The log up to and including this position.
    Position(Position),
    /// The longest prefix of the log whose recorded times are not later than this time. Even if clocks jump, this is a state
    /// the log really had. It may be an earlier one than at that time: an event from the future hides all
    /// events after it. [`App::prefix_at`] returns where the prefix ends and how many events it hides; a warning is logged if it hides
    /// any.
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

/// Loads an aggregate when awaited.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let load = app.load::<Account>(&id("a")); // reads nothing yet
/// app.execute(Deposit { account: id("a"), cents: 5 }).await?;
/// assert_eq!(load.await?.cents, 15);
/// # Ok(())
/// # });
/// ```
///
/// # Errors
/// [`Error::Invalid`] if an event cannot be decoded; [`Error::Panicked`] if the code of the aggregate panics; another [`Error`]
/// if the store cannot answer.
#[must_use = "nothing is loaded before it is awaited"]
#[derive(Debug)]
pub struct Load<A: Aggregate> {
    executor: Arc<Executor>,
    id: A::Id,
    moment: Option<Moment>,
}

impl<A: Aggregate> Load<A> {
    fn new(executor: Arc<Executor>, id: A::Id) -> Self {
        Self { executor, id, moment: None }
    }

    /// Loads the state at a position, at a time, or after the command of a receipt.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use std::time::Duration;
    ///
    /// use annalist::{Memory, Timestamp, testing::ManualClock};
    ///
    /// let noon: Timestamp = "2026-01-31T12:00:00Z".parse()?;
    /// let clock = ManualClock::at(noon);
    /// let app = App::builder(Memory::new()).clock(clock.clone()).start().await?;
    /// app.execute(open("ann", "Ann")).await?;
    /// clock.advance(Duration::from_secs(3600));
    /// app.execute(Deposit { account: id("ann"), cents: 5 }).await?;
    ///
    /// assert_eq!(app.load::<Account>(&id("ann")).at(noon).await?.cents, 0);
    /// # Ok(())
    /// # });
    /// ```
    pub fn at(self, moment: impl Into<Moment>) -> Self {
        Self { moment: Some(moment.into()), ..self }
    }

    async fn run(self) -> Result<A, Error> {
        let Self { executor, id, moment } = self;
        A::EVENTS.iter().try_for_each(|types| executor.registry.register(types))?;
        executor.registry.register_snapshots(AggregateVTable::of::<A>())?;
        let up_to = position_at(&*executor.store, moment).await?;
        let (criteria, tag) =
            run_user_code(type_name::<A>(), || Ok((criteria_of::<A>(&id)?, id.instance_tag()?)))?;
        let list = check_successors(&executor, &criteria, up_to).await?;
        let snapshot = executor.load_snapshot::<A>(tag.clone(), up_to, list.retag_version()).await;
        let (mut state, after) = match snapshot {
            Some(snapshot) => snapshot,
            None => (run_user_code(type_name::<A>(), || Ok(A::initial(id)))?, Position::START),
        };
        let read = Read {
            payload_only: const { !reads_context::<A>() },
            ..Read::all(criteria).after(after).up_to(up_to)
        };
        let codec = &executor.codec;
        let mut has_events = after > Position::START;
        let mut fold = |records: Vec<Record>| {
            has_events |= !records.is_empty();
            run_user_code(type_name::<A>(), || {
                records.iter().try_for_each(|record| state.fold_record(record, codec))
            })
        };
        executor.store.read_chunked(&read, &mut fold).await?;
        if let Some(tag) = tag.filter(|_| !has_events) {
            warn_of_unread_events(&executor, type_name::<A>(), tag).await;
        }
        Ok(state)
    }
}

impl<A: Aggregate> IntoFuture for Load<A> {
    type Output = Result<A, Error>;
    type IntoFuture = BoxedResult<A>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(until_ended(Arc::clone(&self.executor), type_name::<A>(), self.run()))
    }
}

/// Folds a row from its events when awaited, without a table.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let balance = app.live::<Balance>(&id("b")).await?;
/// assert_eq!(balance, app.find::<Balance>(&id("b")).await?);
/// # Ok(())
/// # });
/// ```
///
/// # Errors
/// [`Error::Invalid`] if an event cannot be decoded; [`Error::Panicked`] if the code of the projection panics; another [`Error`]
/// if the store cannot answer.
#[must_use = "nothing is read before it is awaited"]
#[derive(Debug)]
pub struct Live<P: Projection> {
    executor: Arc<Executor>,
    key: P::Key,
    moment: Option<Moment>,
}

impl<P: Projection> Live<P> {
    fn new(executor: Arc<Executor>, key: P::Key) -> Self {
        Self { executor, key, moment: None }
    }

    /// Folds the row at a position, at a time, or after the command of a receipt.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// app.execute(Deposit { account: id("a"), cents: 100 }).await?;
    /// assert_eq!(app.live::<Balance>(&id("a")).at(&receipt).await?.unwrap().cents, 15);
    /// # Ok(())
    /// # });
    /// ```
    pub fn at(self, moment: impl Into<Moment>) -> Self {
        Self { moment: Some(moment.into()), ..self }
    }

    async fn run(self) -> Result<Option<P>, Error> {
        let Self { executor, key, moment } = self;
        let (criteria, key) =
            run_user_code(type_name::<P>(), || Ok((criteria_of_row::<P>(&key)?, StoredKey::of(&key)?)))?;
        let codec = &executor.codec;
        let mut rows = HashMap::new();
        let mut fold = |records: Vec<Record>| {
            run_user_code(type_name::<P>(), || {
                fold_in_memory::<P>(&mut rows, &records, codec)?;
                // The events of the row may change other rows too.
                rows.retain(|stored, _| *stored == key);
                Ok(())
            })
        };
        read(&executor, criteria, moment, &mut fold).await?;
        Ok(rows.remove(&key))
    }
}

impl<P: Projection> IntoFuture for Live<P> {
    type Output = Result<Option<P>, Error>;
    type IntoFuture = BoxedResult<Option<P>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(until_ended(Arc::clone(&self.executor), type_name::<P>(), self.run()))
    }
}

/// Reads the events that carry an id when awaited.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// app.execute(Deposit { account: id("a"), cents: 5 }).actor("ann").await?;
/// let history = app.history::<AccountEvent>(&id("a")).await?;
/// assert_eq!(history[2].event, deposited("a", 5));
/// assert_eq!(history[2].metadata.actor.as_ref().unwrap().as_str(), "ann");
/// # Ok(())
/// # });
/// ```
///
/// # Errors
/// [`Error::Invalid`] if the id makes no valid tag or an event cannot be decoded; another [`Error`] if the store cannot answer.
#[must_use = "nothing is read before it is awaited"]
#[derive(Debug)]
pub struct History<E> {
    executor: Arc<Executor>,
    tag: Result<Tag, Invalid>,
    moment: Option<Moment>,
    events: PhantomData<fn() -> E>,
}

impl<E: Event> History<E> {
    fn new(executor: Arc<Executor>, tag: Result<Tag, Invalid>) -> Self {
        Self { executor, tag, moment: None, events: PhantomData }
    }

    /// Reads only the events up to a position, a time, or the command of a receipt.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::Position;
    ///
    /// let history = app.history::<AccountEvent>(&id("a")).at(Position::new(1)).await?;
    /// assert_eq!(history.len(), 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn at(self, moment: impl Into<Moment>) -> Self {
        Self { moment: Some(moment.into()), ..self }
    }

    async fn run(self) -> Result<Vec<Recorded<E>>, Error> {
        let Self { executor, tag, moment, .. } = self;
        let types = const { &E::TYPES };
        executor.registry.register(types)?;
        let criteria = Item::any().types(types.names()).tag(tag?).into();
        let codec = &executor.codec;
        let mut events = Vec::new();
        let mut decode = |records: Vec<Record>| {
            run_user_code(type_name::<E>(), || {
                records.iter().try_for_each(|record| record.decode_into(codec, &mut events))
            })
        };
        read(&executor, criteria, moment, &mut decode).await?;
        Ok(events)
    }
}

impl<E: Event> IntoFuture for History<E> {
    type Output = Result<Vec<Recorded<E>>, Error>;
    type IntoFuture = BoxedResult<Vec<Recorded<E>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(until_ended(Arc::clone(&self.executor), type_name::<E>(), self.run()))
    }
}

/// Reads from the log, unless the runtime of the app has ended.
pub(super) async fn until_ended<T>(
    executor: Arc<Executor>,
    what: &str,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    executor.watcher.runtime().run(|| format!("load `{what}`"), call).await
}

/// Reads in chunks, so that a long history is not in memory at once.
pub(super) async fn read(
    executor: &Executor,
    criteria: Criteria,
    moment: Option<Moment>,
    each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
) -> Result<(), Error> {
    let up_to = position_at(&*executor.store, moment).await?;
    check_successors(executor, &criteria, up_to).await?;
    let read = Read::all(criteria).up_to(up_to);
    executor.store.read_chunked(&read, each).await.map(drop)
}

/// Checks that a read selects the successors of the event names that it selects, as far as this process knows them. Returns the list.
async fn check_successors(
    executor: &Executor,
    criteria: &Criteria,
    up_to: Position,
) -> Result<Arc<Successors>, Error> {
    executor.watcher.successors().check(iter::once(criteria), up_to).await
}

async fn position_at(store: &dyn EventStore, moment: Option<Moment>) -> Result<Position, Error> {
    match moment {
        None => Ok(Position::END),
        Some(Moment::Position(position)) => Ok(position),
        Some(Moment::Time(time)) => prefix_at(store, time).await.map(|prefix| prefix.up_to),
    }
}

async fn prefix_at(store: &dyn EventStore, time: Timestamp) -> Result<Prefix, Error> {
    let prefix = store.prefix_at(time).await?;
    if prefix.hidden > 0 {
        tracing::warn!(
            %time,
            up_to = %prefix.up_to,
            hidden = prefix.hidden,
            "the log as of this time ends before an event with a later time, because a clock was wrong: later events that were \
             recorded until this time are not included"
        );
    }
    Ok(prefix)
}
