//! A row store with calls that check their own result, and short constructors for tables, values and changes.

use std::{ops::Deref, panic::Location};

use annalist_core::{
    Error,
    record::Position,
    rows::{
        Anchor, Bound, Build, Checkpoint, Column, ColumnType, CommitOutcome, Date, Decimal, Filter, Key,
        Parked, PromoteOutcome, Role, Row, RowChange, RowQuery, SharedRows, Sort, Table, TimeOfDay, Value,
    },
    store::LogId,
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    Failure,
    failure::{Outcome, located},
    support::{fixtures::payload, handle::Handle},
};

/// A row store and the log that its rows are built from.
#[derive(Clone)]
pub(crate) struct TestRows {
    store: SharedRows,
    pub(crate) log: LogId,
}

impl Deref for TestRows {
    type Target = SharedRows;

    fn deref(&self) -> &SharedRows {
        &self.store
    }
}

impl Handle {
    /// The row store of the event store. Cases that use it need [`Capability::Rows`](crate::Capability::Rows).
    pub(crate) fn rows(&self) -> TestRows {
        let store = self.row_store().expect("cases about rows run only on a store with rows");
        TestRows { store, log: self.log_id() }
    }
}

impl TestRows {
    /// Rows of a log in any row store.
    pub(crate) fn new(store: SharedRows, log: LogId) -> Self {
        Self { store, log }
    }

    pub(crate) fn store(&self) -> SharedRows {
        SharedRows::clone(&self.store)
    }

    /// Defines the table for the log.
    #[track_caller]
    pub(crate) fn define_table(&self, table: &Table) -> impl Future<Output = Outcome<Checkpoint>> {
        located(Location::caller(), async move { Ok(self.define(table, "", self.log).await?) })
    }

    /// The checkpoint of a defined table.
    #[track_caller]
    pub(crate) fn checkpoint_of(&self, table: &Table) -> impl Future<Output = Outcome<Checkpoint>> {
        located(Location::caller(), async move {
            let checkpoint = self.checkpoint(table.projection, table.version).await?;
            checkpoint
                .ok_or_else(|| Failure::new(format!("`{}` was defined, but has no checkpoint", table.name())))
        })
    }

    /// The build of a defined table.
    #[track_caller]
    pub(crate) fn build_of(&self, table: &Table) -> impl Future<Output = Outcome<Build>> {
        located(Location::caller(), async move {
            let builds = self.builds(table.projection).await?;
            let build = builds.into_iter().find(|build| build.order() == table.order());
            build.ok_or_else(|| {
                Failure::new(format!("`{}` was defined, but is missing in `builds`", table.name()))
            })
        })
    }

    /// Promotes a build and expects that it becomes live.
    #[track_caller]
    pub(crate) fn expect_promoted(&self, table: &Table, compare: bool) -> impl Future<Output = Outcome> {
        located(Location::caller(), async move {
            match self.promote(table, compare).await? {
                PromoteOutcome::Done => Ok(()),
                other => Err(Failure::new(format!(
                    "`promote` of `{}` must return `Done`, but returned {other:?}",
                    table.name()
                ))),
            }
        })
    }

    /// Commits a change and expects that it is written.
    #[track_caller]
    pub(crate) fn expect_committed(&self, change: RowChange) -> impl Future<Output = Outcome> {
        located(Location::caller(), async move {
            match self.commit(change).await? {
                CommitOutcome::Done => Ok(()),
                CommitOutcome::Stale(checkpoint) => Err(Failure::new(format!(
                    "the change starts at the checkpoint: `commit` must return `Done`, but returned `Stale` at {checkpoint}"
                ))),
            }
        })
    }

    /// Commits a change and expects that it is stale. Returns the position of the checkpoint.
    #[track_caller]
    pub(crate) fn expect_stale(&self, change: RowChange) -> impl Future<Output = Outcome<Position>> {
        located(Location::caller(), async move {
            match self.commit(change).await? {
                CommitOutcome::Stale(checkpoint) => Ok(checkpoint),
                CommitOutcome::Done => Err(Failure::new(
                    "the change does not start at the checkpoint: `commit` must return `Stale`, but returned `Done`",
                )),
            }
        })
    }

    /// Defines the table and upserts rows, one position after its checkpoint.
    #[track_caller]
    pub(crate) fn write_rows(&self, table: &Table, rows: Vec<Row>) -> impl Future<Output = Outcome> {
        located(Location::caller(), async move {
            let from = self.define(table, "", self.log).await?.position.get();
            self.expect_committed(change(table, from, from + 1).upserting(rows)).await
        })
    }

    /// Every row, sorted by key.
    #[track_caller]
    pub(crate) fn all_rows(&self, table: &Table) -> impl Future<Output = Outcome<Vec<Row>>> {
        located(Location::caller(), async move { Ok(self.find(&select_all(table)).await?) })
    }

    /// The row with this key.
    #[track_caller]
    pub(crate) fn row(&self, table: &Table, key: Key) -> impl Future<Output = Outcome<Option<Row>>> {
        located(Location::caller(), async move {
            let mut found = self.rows(table, &[key]).await?;
            ensure_eq!(found.len(), 1, "number of results of a lookup of one key");
            Ok(found.remove(0))
        })
    }
}

/// Expects [`Error::Unusable`] and returns its text.
#[track_caller]
pub(crate) fn expect_unusable<T: std::fmt::Debug>(result: Result<T, Error>) -> Outcome<String> {
    match result {
        Err(error @ Error::Unusable { .. }) => Ok(error.to_string()),
        other => {
            Err(Failure::new(format!("the store must return `Error::Unusable`, but returned {other:?}")))
        }
    }
}

/// A column that is not nullable.
pub(crate) const fn column(name: &'static str, kind: ColumnType, role: Role) -> Column {
    Column { name, kind, nullable: false, role }
}

/// A nullable column.
pub(crate) const fn optional(name: &'static str, kind: ColumnType, role: Role) -> Column {
    Column { name, kind, nullable: true, role }
}

/// A table that is only known at run time.
pub(crate) fn table(projection: &str, version: u32, columns: Vec<Column>) -> Table {
    Table { projection: leak(projection), version, build: 0, columns: Vec::leak(columns) }
}

/// A name that is only known at run time.
pub(crate) fn leak(name: &str) -> &'static str {
    String::leak(name.to_owned())
}

/// The table of most cases: things with a number as key, an optional name and an optional amount.
pub(crate) const THINGS: Table = Table {
    projection: "things",
    version: 1,
    build: 0,
    columns: &[
        column("thing", ColumnType::Int, Role::Key),
        optional("name", ColumnType::Text, Role::Index),
        optional("amount", ColumnType::Int, Role::Index),
    ],
};

/// A row of [`THINGS`].
pub(crate) fn thing(number: i64, name: &str, amount: i64) -> Row {
    vec![int(number), text(name), int(amount)]
}

pub(crate) fn int(number: i64) -> Value {
    Value::Int(number)
}

pub(crate) fn float(number: f64) -> Value {
    Value::Float(number)
}

pub(crate) fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

pub(crate) fn uuid(number: u128) -> Value {
    Value::Uuid(Uuid::from_u128(number))
}

pub(crate) fn time(micros: i64) -> Value {
    Value::Time(Timestamp::from_micros(micros))
}

/// The day this many days after 1970-01-01.
pub(crate) fn date(days: i32) -> Value {
    Value::Date(Date::from_days(days).expect("a day between the years 1 and 9999"))
}

/// The time of day this many microseconds after midnight.
pub(crate) fn time_of_day(micros: i64) -> Value {
    Value::TimeOfDay(TimeOfDay::from_micros(micros).expect("a time of day"))
}

/// The decimal number with these digits, of which `scale` are after the point.
pub(crate) fn decimal(mantissa: i128, scale: u32) -> Value {
    Value::Decimal(Decimal::new(mantissa, scale).expect("a decimal number that fits"))
}

pub(crate) fn json(json: &str) -> Value {
    Value::Json(payload(json))
}

/// A change that only moves the checkpoint.
pub(crate) fn change(table: &Table, from: u64, to: u64) -> RowChange {
    let (from, to) = (Position::new(from), Position::new(to));
    RowChange::new(table, from, to)
}

/// An anchor at a position, with an event id derived from it.
pub(crate) fn anchor(position: u64) -> Anchor {
    Anchor { position: Position::new(position), event: Uuid::from_u128(u128::from(position) << 64 | 7) }
}

/// A parked event, with an id derived from its position.
pub(crate) fn parked(position: u64, keys: &[&str], error: &str, attempts: u32) -> Parked {
    let Anchor { position, event } = anchor(position);
    let keys = keys.iter().map(|&key| key.to_owned()).collect();
    Parked { position, event, keys, error: error.to_owned(), attempts, needs_newer: false }
}

/// Builder methods for a change.
pub(crate) trait RowChangeExt: Sized {
    fn upserting(self, rows: Vec<Row>) -> Self;
    fn deleting(self, keys: Vec<Key>) -> Self;
    fn with_anchor(self, anchor: Anchor) -> Self;
    /// Sets the expected number of parked events.
    fn if_parked(self, count: u64) -> Self;
    fn parking(self, events: Vec<Parked>) -> Self;
    fn unparking(self, positions: impl IntoIterator<Item = u64>) -> Self;
}

impl RowChangeExt for RowChange {
    fn upserting(self, rows: Vec<Row>) -> Self {
        Self { upserts: rows, ..self }
    }

    fn deleting(self, keys: Vec<Key>) -> Self {
        Self { deletes: keys, ..self }
    }

    fn with_anchor(self, anchor: Anchor) -> Self {
        Self { anchor: Some(anchor), ..self }
    }

    fn if_parked(self, count: u64) -> Self {
        Self { parked: count, ..self }
    }

    fn parking(self, events: Vec<Parked>) -> Self {
        Self { park: events, ..self }
    }

    fn unparking(self, positions: impl IntoIterator<Item = u64>) -> Self {
        Self { unpark: positions.into_iter().map(Position::new).collect(), ..self }
    }
}

/// A query for all rows, sorted by key.
pub(crate) fn select_all(table: &Table) -> RowQuery<'_> {
    RowQuery { table, filters: vec![], sort: None, after: None, limit: 1_000_000 }
}

/// Builder methods for a query.
pub(crate) trait RowQueryExt: Sized {
    fn filter(self, column: usize, bound: Bound) -> Self;
    fn order_by(self, column: usize, descending: bool) -> Self;
    /// Starts after a row of the previous page.
    fn after_row(self, row: &Row) -> Self;
    fn limit(self, limit: usize) -> Self;
}

impl RowQueryExt for RowQuery<'_> {
    fn filter(mut self, column: usize, bound: Bound) -> Self {
        self.filters.push(Filter { column, bound });
        self
    }

    fn order_by(self, column: usize, descending: bool) -> Self {
        Self { sort: Some(Sort { column, descending }), ..self }
    }

    fn after_row(self, row: &Row) -> Self {
        let sorted = self.sort.map(|sort| row[sort.column].clone());
        Self { after: Some((sorted, self.table.key_of(row))), ..self }
    }

    fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}

/// Version and build number of the live builds.
pub(crate) fn live_builds(builds: &[Build]) -> Vec<(u32, u32)> {
    builds.iter().filter(|build| build.live).map(Build::order).collect()
}

/// Compares keys column by column.
pub(crate) fn compare_keys(one: &Key, other: &Key) -> std::cmp::Ordering {
    let different = one.iter().zip(other).map(|(one, other)| one.order(other)).find(|order| order.is_ne());
    different.unwrap_or(std::cmp::Ordering::Equal)
}
