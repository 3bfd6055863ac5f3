//! Projections that write their own tables with SQL, in the transaction that moves their checkpoint.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    codec::Codec,
    criteria::{Criteria, Item},
    daemon::{BatchHandler, BatchResult, Follower, FollowerSpec, Parking},
    error::{BoxError, Error, Invalid},
    event::{Event, Recorded, Types},
    record::{Position, Record},
    rows::{
        CommitOutcome, InTransaction, RowChange, RowStore, SharedRows, Table, Transactional, folded_events,
    },
};

/// A read model in tables of your own, on a store `S`. It receives batches of events, and the open transaction that moves
/// its checkpoint: each event takes effect exactly once.
///
/// ```
/// # use annalist_doc_tests::*;
/// # type Connection = Totals;
/// use annalist::{Memory, manual::Types, projection::{Batch, CustomProjection}, raw::error::BoxError};
/// use async_trait::async_trait;
///
/// /// The sum of the deposits of each account.
/// struct Sums;
///
/// #[async_trait]
/// impl CustomProjection<Database> for Sums {
///     const NAME: &'static str = "sums";
///     const EVENTS: &'static [Types] = &[AccountEvent::TYPES];
///
///     async fn set_up(&self, _: &mut Connection) -> Result<(), BoxError> {
///         Ok(()) // in SQL: CREATE TABLE IF NOT EXISTS totals …
///     }
///
///     async fn handle(&self, batch: Batch<'_>, connection: &mut Connection) -> Result<(), BoxError> {
///         for recorded in batch.events::<AccountEvent>()? {
///             let AccountEvent::Deposited { account, cents } = recorded.event else { continue };
///             *connection.entry(account.to_string()).or_default() += cents; // in SQL: UPDATE totals …
///         }
///         Ok(())
///     }
/// }
///
/// # run(async {
/// let database = Database::default();
/// let app = App::builder(Memory::new()).custom_projection(Sums, database.clone()).start().await?;
/// # app.execute(open("ann", "Ann")).await?;
/// app.execute(Deposit { account: id("ann"), cents: 5 }).await?;
/// app.wait_until_caught_up().await?;
/// assert_eq!(database.totals().await["ann"], 5);
/// # Ok(())
/// # });
/// ```
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a custom projection for `{S}`",
    note = "implement `CustomProjection<{S}>` for `{Self}`: it names its events and receives them in batches, with an open transaction"
)]
pub trait CustomProjection<S: Transactional>: Send + Sync + 'static {
    /// The stored name: `[a-z][a-z0-9_]*`, at most 48 bytes. No projection or policy of the log may have the same name.
    const NAME: &'static str;
    /// The version. A new version starts from the first event; choose other table names for it.
    const VERSION: u32 = 1;
    /// The events that it handles. They are stored with its checkpoint: if an event type is added or removed, or gets a new
    /// version, the app does not start until [`VERSION`](Self::VERSION) is raised, because earlier events of the type were not
    /// handled.
    const EVENTS: &'static [Types];

    /// Creates the tables, unless they exist. Called at each start, before the first batch.
    ///
    /// # Errors
    /// Any error of the database: the projection stops.
    async fn set_up(&self, connection: &mut S::Connection) -> Result<(), BoxError>;

    /// Writes the changes of a batch of events. The framework commits the transaction afterwards: do not commit or roll back.
    ///
    /// # Errors
    /// Any error: the transaction is rolled back, and the events come again one by one until the event at fault is found. The
    /// projection stops before it.
    async fn handle(&self, batch: Batch<'_>, connection: &mut S::Connection) -> Result<(), BoxError>;
}

/// Consecutive events of a custom projection, in the order of the log.
///
/// ```
/// # use annalist_doc_tests::*;
/// # use annalist::{Memory, manual::Types, projection::{Batch, CustomProjection}, raw::error::BoxError};
/// # struct Counts;
/// # #[async_trait::async_trait]
/// # impl CustomProjection<Database> for Counts {
/// # const NAME: &'static str = "counts";
/// # const EVENTS: &'static [Types] = &[AccountEvent::TYPES];
/// # async fn set_up(&self, _: &mut Totals) -> Result<(), BoxError> { Ok(()) }
/// async fn handle(&self, batch: Batch<'_>, connection: &mut Totals) -> Result<(), BoxError> {
///     let events = batch.events::<AccountEvent>()?;
///     assert_eq!(events.len(), batch.records().len()); // the projection reads no other events
///     *connection.entry("events".into()).or_default() += 1;
///     Ok(())
/// }
/// # }
///
/// # run(async {
/// # let database = Database::default();
/// # let app = App::builder(Memory::new()).custom_projection(Counts, database.clone()).start().await?;
/// # app.execute(open("ann", "Ann")).await?;
/// # app.wait_until_caught_up().await?;
/// assert_eq!(database.totals().await["events"], 1);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    records: &'a [Record],
    codec: &'a Codec,
}

impl<'a> Batch<'a> {
    /// Returns the events as stored.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # use annalist::{Memory, manual::Types, projection::{Batch, CustomProjection}, raw::error::BoxError};
    /// # struct Names;
    /// # #[async_trait::async_trait]
    /// # impl CustomProjection<Database> for Names {
    /// # const NAME: &'static str = "names";
    /// # const EVENTS: &'static [Types] = &[AccountEvent::TYPES];
    /// # async fn set_up(&self, _: &mut Totals) -> Result<(), BoxError> { Ok(()) }
    /// async fn handle(&self, batch: Batch<'_>, connection: &mut Totals) -> Result<(), BoxError> {
    ///     for record in batch.records() {
    ///         *connection.entry(record.name.to_string()).or_default() += 1;
    ///     }
    ///     Ok(())
    /// }
    /// # }
    ///
    /// # run(async {
    /// # let database = Database::default();
    /// # let app = App::builder(Memory::new()).custom_projection(Names, database.clone()).start().await?;
    /// # app.execute(open("ann", "Ann")).await?;
    /// # app.wait_until_caught_up().await?;
    /// assert_eq!(database.totals().await["account.opened"], 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn records(&self) -> &'a [Record] {
        self.records
    }

    /// Returns the events of type `E`, decoded, with times, actors and positions.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # use annalist::{Memory, manual::Types, projection::{Batch, CustomProjection}, raw::error::BoxError};
    /// # struct Owners;
    /// # #[async_trait::async_trait]
    /// # impl CustomProjection<Database> for Owners {
    /// # const NAME: &'static str = "owners";
    /// # const EVENTS: &'static [Types] = &[AccountEvent::TYPES];
    /// # async fn set_up(&self, _: &mut Totals) -> Result<(), BoxError> { Ok(()) }
    /// async fn handle(&self, batch: Batch<'_>, connection: &mut Totals) -> Result<(), BoxError> {
    ///     for recorded in batch.events::<AccountEvent>()? {
    ///         let actor = recorded.metadata.actor.ok_or("no actor")?;
    ///         *connection.entry(actor.to_string()).or_default() += 1;
    ///     }
    ///     Ok(())
    /// }
    /// # }
    ///
    /// # run(async {
    /// # let database = Database::default();
    /// # let app = App::builder(Memory::new()).custom_projection(Owners, database.clone()).start().await?;
    /// # app.execute(open("ann", "Ann")).actor("teller").await?;
    /// # app.wait_until_caught_up().await?;
    /// assert_eq!(database.totals().await["teller"], 1);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Invalid`] if one cannot be decoded.
    pub fn events<E: Event>(&self) -> Result<Vec<Recorded<E>>, Invalid> {
        let mut events = Vec::with_capacity(self.records.len());
        let own = self.records.iter().filter(|record| const { &E::TYPES }.reads(&record.name));
        for record in own {
            record.decode_into(self.codec, &mut events)?;
        }
        Ok(events)
    }
}

/// The follower of a custom projection, to be started.
pub(crate) fn custom_spec<S: Transactional, C: CustomProjection<S>>(projection: C, store: S) -> FollowerSpec {
    let (projection, store) = (Arc::new(projection), Arc::new(store));
    let rows: SharedRows = Arc::<S>::clone(&store);
    let make = |codec: &Codec| Arc::new(Custom { projection, store, codec: codec.clone() }) as _;
    FollowerSpec::new::<C>(make).rows(Some(rows)).without_rows(C::EVENTS)
}

/// A custom projection as a follower of the log.
struct Custom<C, S> {
    projection: Arc<C>,
    store: Arc<S>,
    codec: Codec,
}

impl<S: Transactional, C: CustomProjection<S>> Follower for Custom<C, S> {
    fn table(&self) -> Table {
        Table { projection: C::NAME, version: C::VERSION, build: 0, columns: &[] }
    }

    fn events(&self) -> String {
        folded_events::describe(C::EVENTS, |_, _| None)
    }

    fn batch_handler(&self, table: Table, _: SharedRows) -> Box<dyn BatchHandler> {
        let (projection, store) = (Arc::clone(&self.projection), Arc::clone(&self.store));
        Box::new(CustomHandler { table, projection, store, codec: self.codec.clone(), is_set_up: false })
    }
}

struct CustomHandler<C, S> {
    table: Table,
    projection: Arc<C>,
    store: Arc<S>,
    codec: Codec,
    is_set_up: bool,
}

#[async_trait]
impl<S: Transactional, C: CustomProjection<S>> BatchHandler for CustomHandler<C, S> {
    fn table(&self) -> &Table {
        &self.table
    }

    fn filter(&self) -> Criteria {
        Item::any().types(C::EVENTS.iter().flat_map(Types::names)).into()
    }

    fn events(&self) -> String {
        folded_events::describe(C::EVENTS, |_, _| None)
    }

    fn needs_setup(&self) -> bool {
        !self.is_set_up
    }

    /// Returns an empty result: the projection runs inside the transaction of the commit.
    async fn handle(&mut self, _: &[Record], _: Position, _: &Parking) -> Result<BatchResult, Error> {
        Ok(BatchResult::default())
    }

    async fn commit(
        &mut self,
        _: &dyn RowStore,
        records: &[Record],
        change: RowChange,
    ) -> Result<Result<CommitOutcome, String>, Error> {
        let batch = Batch { records, codec: &self.codec };
        let transaction =
            BatchTransaction { projection: &*self.projection, batch, needs_setup: self.needs_setup() };
        let committed = self.store.commit_with(change, &transaction).await?;
        if let Ok(CommitOutcome::Done) = committed {
            self.is_set_up = true;
        }
        let prefix = if self.is_set_up { "" } else { "the setup of its tables failed: " };
        Ok(committed.map_err(|error| format!("{prefix}{error}")))
    }
}

/// The setup and the batch, in one transaction.
struct BatchTransaction<'a, C> {
    projection: &'a C,
    batch: Batch<'a>,
    needs_setup: bool,
}

#[async_trait]
impl<S: Transactional, C: CustomProjection<S>> InTransaction<S> for BatchTransaction<'_, C> {
    async fn run(&self, connection: &mut S::Connection) -> Result<(), BoxError> {
        if self.needs_setup {
            self.projection.set_up(connection).await?;
        }
        if !self.batch.records.is_empty() {
            self.projection.handle(self.batch, connection).await?;
        }
        Ok(())
    }
}
