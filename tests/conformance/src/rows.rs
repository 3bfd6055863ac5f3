//! What cases about rows are made of: a store of rows with the questions that are asked again and again, and short
//! words for tables, values and changes.

use std::{ops::Deref, panic::Location};

use annalist_core::{
    Error,
    record::Position,
    rows::{
        Anchor, Bound, Build, Checkpoint, Column, ColumnType, CommitOutcome, Filter, Key, Parked,
        PromoteOutcome, Role, Row, RowChange, RowQuery, SharedRows, Sort, Table, Value,
    },
    store::LogId,
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    Failure,
    failure::Outcome,
    given::payload,
    log::{Handle, asked},
};

/// A store of rows and the log that its rows are made of.
#[derive(Clone)]
pub(crate) struct Rows {
    store: SharedRows,
    log: LogId,
}

impl Deref for Rows {
    type Target = SharedRows;

    fn deref(&self) -> &SharedRows {
        &self.store
    }
}

impl Handle {
    /// The store's own rows. Cases that ask for them need [`Capability::Rows`](crate::Capability::Rows).
    pub(crate) fn rows(&self) -> Rows {
        let store = self.row_store().expect("only a store with rows gets cases about them");
        Rows { store, log: self.log_id() }
    }
}

impl Rows {
    /// Rows of a log in any store.
    pub(crate) fn of(store: SharedRows, log: LogId) -> Self {
        Self { store, log }
    }

    /// The store itself.
    pub(crate) fn shared(&self) -> SharedRows {
        SharedRows::clone(&self.store)
    }

    /// Makes the table, or finds it.
    #[track_caller]
    pub(crate) fn defined(&self, table: &Table) -> impl Future<Output = Outcome<Checkpoint>> {
        asked(Location::caller(), async move { Ok(self.define(table, self.log).await?) })
    }

    /// The checkpoint of a table that is there.
    #[track_caller]
    pub(crate) fn standing(&self, table: &Table) -> impl Future<Output = Outcome<Checkpoint>> {
        asked(Location::caller(), async move {
            let checkpoint = self.checkpoint(table.projection, table.version).await?;
            checkpoint
                .ok_or_else(|| Failure::new(format!("`{}` was defined, but has no checkpoint", table.name())))
        })
    }

    /// A build that is there.
    #[track_caller]
    pub(crate) fn build(&self, table: &Table) -> impl Future<Output = Outcome<Build>> {
        asked(Location::caller(), async move {
            let builds = self.builds(table.projection).await?;
            let build = builds.into_iter().find(|build| build.order() == table.order());
            build.ok_or_else(|| Failure::new(format!("`{}` was defined, but is no build", table.name())))
        })
    }

    /// Makes a build live that has to take over.
    #[track_caller]
    pub(crate) fn goes_live(&self, table: &Table, compare: bool) -> impl Future<Output = Outcome> {
        asked(Location::caller(), async move {
            match self.promote(table, compare).await? {
                PromoteOutcome::Done => Ok(()),
                other => Err(Failure::new(format!(
                    "`{}` must take over, but the answer is {other:?}",
                    table.name()
                ))),
            }
        })
    }

    /// Commits what must go through now.
    #[track_caller]
    pub(crate) fn done(&self, change: RowChange<'_>) -> impl Future<Output = Outcome> {
        asked(Location::caller(), async move {
            match self.commit(change).await? {
                CommitOutcome::Done => Ok(()),
                CommitOutcome::Stale(at) => Err(Failure::new(format!(
                    "the change starts where the build stands, but is refused: it stands at {at}"
                ))),
            }
        })
    }

    /// Commits what starts elsewhere than the checkpoint stands; gives where that is.
    #[track_caller]
    pub(crate) fn stale(&self, change: RowChange<'_>) -> impl Future<Output = Outcome<Position>> {
        asked(Location::caller(), async move {
            match self.commit(change).await? {
                CommitOutcome::Stale(at) => Ok(at),
                CommitOutcome::Done => {
                    Err(Failure::new("the change starts elsewhere than the build stands, but was done"))
                }
            }
        })
    }

    /// Defines the table and writes rows, whatever the checkpoint says.
    #[track_caller]
    pub(crate) fn write(&self, table: &Table, rows: Vec<Row>) -> impl Future<Output = Outcome> {
        asked(Location::caller(), async move {
            let from = self.define(table, self.log).await?.position.get();
            self.done(change(table, from, from + 1).writes(rows)).await
        })
    }

    /// Every row, by key.
    #[track_caller]
    pub(crate) fn all(&self, table: &Table) -> impl Future<Output = Outcome<Vec<Row>>> {
        asked(Location::caller(), async move { Ok(self.find(&everything(table)).await?) })
    }

    /// The row with a key.
    #[track_caller]
    pub(crate) fn row(&self, table: &Table, key: Key) -> impl Future<Output = Outcome<Option<Row>>> {
        asked(Location::caller(), async move {
            let mut found = self.rows(table, &[key]).await?;
            ensure_eq!(found.len(), 1, "answers for one key");
            Ok(found.remove(0))
        })
    }
}

/// What the error of a store that cannot be used so says.
#[track_caller]
pub(crate) fn unusable<T: std::fmt::Debug>(answer: Result<T, Error>) -> Outcome<String> {
    match answer {
        Err(error @ Error::Unusable { .. }) => Ok(error.to_string()),
        other => Err(Failure::new(format!("the answer must be `Unusable`, but is {other:?}"))),
    }
}

/// A column that must not be empty.
pub(crate) const fn column(name: &'static str, kind: ColumnType, role: Role) -> Column {
    Column { name, kind, nullable: false, role }
}

/// A column that may be empty.
pub(crate) const fn optional(name: &'static str, kind: ColumnType, role: Role) -> Column {
    Column { name, kind, nullable: true, role }
}

/// A table of columns that are only known while the case runs.
pub(crate) fn table(projection: &str, version: u32, columns: Vec<Column>) -> Table {
    Table { projection: forever(projection), version, build: 0, columns: Vec::leak(columns) }
}

/// A name that is only known while the case runs.
pub(crate) fn forever(name: &str) -> &'static str {
    String::leak(name.to_owned())
}

/// Things with a number, an optional name and an optional amount: enough for most cases.
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

pub(crate) fn json(json: &str) -> Value {
    Value::Json(payload(json))
}

/// A change that only moves the checkpoint.
pub(crate) fn change(table: &Table, from: u64, to: u64) -> RowChange<'_> {
    let (from, to) = (Position::new(from), Position::new(to));
    RowChange::new(table, from, to)
}

/// An anchor at a position, with an id made of it.
pub(crate) fn anchor(position: u64) -> Anchor {
    Anchor { position: Position::new(position), event: Uuid::from_u128(u128::from(position) << 64 | 7) }
}

/// An event that is parked, with an id made of its position.
pub(crate) fn parked(position: u64, keys: &[&str], error: &str, attempts: u32) -> Parked {
    let Anchor { position, event } = anchor(position);
    let keys = keys.iter().map(|&key| key.to_owned()).collect();
    Parked { position, event, keys, error: error.to_owned(), attempts }
}

/// What can be put on a change.
pub(crate) trait Does: Sized {
    fn writes(self, rows: Vec<Row>) -> Self;
    fn deletes(self, keys: Vec<Key>) -> Self;
    fn anchored(self, anchor: Anchor) -> Self;
    /// If so many events are parked.
    fn with(self, parked: u64) -> Self;
    fn parks(self, events: Vec<Parked>) -> Self;
    fn unparks(self, positions: impl IntoIterator<Item = u64>) -> Self;
}

impl Does for RowChange<'_> {
    fn writes(self, rows: Vec<Row>) -> Self {
        Self { upserts: rows, ..self }
    }

    fn deletes(self, keys: Vec<Key>) -> Self {
        Self { deletes: keys, ..self }
    }

    fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor: Some(anchor), ..self }
    }

    fn with(self, parked: u64) -> Self {
        Self { parked, ..self }
    }

    fn parks(self, events: Vec<Parked>) -> Self {
        Self { park: events, ..self }
    }

    fn unparks(self, positions: impl IntoIterator<Item = u64>) -> Self {
        Self { unpark: positions.into_iter().map(Position::new).collect(), ..self }
    }
}

/// A query for all rows, by key.
pub(crate) fn everything(table: &Table) -> RowQuery<'_> {
    RowQuery { table, filters: vec![], sort: None, after: None, limit: 1_000_000 }
}

/// What can be put on a query.
pub(crate) trait Asks: Sized {
    fn whose(self, column: usize, bound: Bound) -> Self;
    fn by(self, column: usize, descending: bool) -> Self;
    fn behind(self, row: &Row) -> Self;
    fn first(self, limit: usize) -> Self;
}

impl Asks for RowQuery<'_> {
    fn whose(mut self, column: usize, bound: Bound) -> Self {
        self.filters.push(Filter { column, bound });
        self
    }

    fn by(self, column: usize, descending: bool) -> Self {
        Self { sort: Some(Sort { column, descending }), ..self }
    }

    fn behind(self, row: &Row) -> Self {
        let sorted = self.sort.map(|sort| row[sort.column].clone());
        Self { after: Some((sorted, self.table.key_of(row))), ..self }
    }

    fn first(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}

/// Which builds are live.
pub(crate) fn live(builds: &[Build]) -> Vec<(u32, u32)> {
    builds.iter().filter(|build| build.live).map(Build::order).collect()
}

pub(crate) fn keys_in_order(one: &Key, other: &Key) -> std::cmp::Ordering {
    let different = one.iter().zip(other).map(|(one, other)| one.order(other)).find(|order| order.is_ne());
    different.unwrap_or(std::cmp::Ordering::Equal)
}
