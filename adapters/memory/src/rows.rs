//! Rows and checkpoints in memory: the reference of what a store of rows promises.

use std::collections::{BTreeMap, HashMap};

use annalist_core::{
    error::Error,
    record::Position,
    rows::{Checkpoint, Committed, Key, Row, RowChange, RowQuery, Sort, Table, Value},
    store::LogId,
};

/// The rows of all projections, by name and version.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    tables: HashMap<(String, u32), Kept>,
}

/// The rows of one projection.
#[derive(Debug)]
struct Kept {
    shape: String,
    log: LogId,
    checkpoint: Checkpoint,
    rows: BTreeMap<OrderedKey, Row>,
}

/// A key in the order in which every store sorts keys.
#[derive(Clone, Debug)]
struct OrderedKey(Key);

impl Ord for OrderedKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let different =
            self.0.iter().zip(&other.0).map(|(one, other)| one.order(other)).find(|order| order.is_ne());
        different.unwrap_or_else(|| self.0.len().cmp(&other.0.len()))
    }
}

impl PartialOrd for OrderedKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for OrderedKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for OrderedKey {}

impl Rows {
    pub(crate) fn define(&mut self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        table.check()?;
        let shape = table.shape();
        let kept = self.tables.entry((table.projection.to_owned(), table.version)).or_insert_with(|| Kept {
            shape: shape.clone(),
            log,
            checkpoint: Checkpoint { position: Position::START, anchor: None, stopped: None },
            rows: BTreeMap::new(),
        });
        table.check_stored(&kept.shape, kept.log, log)?;
        Ok(kept.checkpoint.clone())
    }

    pub(crate) fn checkpoint(&self, projection: &str, version: u32) -> Option<Checkpoint> {
        self.tables.get(&(projection.to_owned(), version)).map(|kept| kept.checkpoint.clone())
    }

    pub(crate) fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let kept = self.kept(table)?;
        Ok(keys.iter().map(|key| kept.rows.get(&OrderedKey(key.clone())).cloned()).collect())
    }

    pub(crate) fn commit(&mut self, change: RowChange<'_>) -> Result<Committed, Error> {
        let table = change.table;
        let kept = self.kept_mut(table)?;
        if kept.checkpoint.position != change.from {
            return Ok(Committed::Stale(kept.checkpoint.position));
        }
        kept.checkpoint.position = change.to;
        kept.checkpoint.anchor = change.anchor.or(kept.checkpoint.anchor);
        for key in change.deletes {
            kept.rows.remove(&OrderedKey(key));
        }
        for row in change.upserts {
            kept.rows.insert(OrderedKey(table.key_of(&row)), row);
        }
        Ok(Committed::Done)
    }

    pub(crate) fn report(&mut self, projection: &str, version: u32, stopped: Option<&str>) {
        if let Some(kept) = self.tables.get_mut(&(projection.to_owned(), version)) {
            kept.checkpoint.stopped = stopped.map(str::to_owned);
        }
    }

    pub(crate) fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let rows = self.kept(query.table)?.rows.values();
        let holds = |row: &&Row| query.filters.iter().all(|filter| filter.bound.holds(&row[filter.column]));
        let mut found: Vec<&Row> = rows.filter(holds).collect();
        // Rows come by their key, so a stable sort leaves those that are alike in the order of their keys.
        let place = |row: &Row| place(query, row);
        found.sort_by(|one, other| compare(query.sort, &place(one), &place(other)));
        if let Some((sorted, key)) = &query.after {
            let after = (sorted.clone().unwrap_or(Value::Null), OrderedKey(key.clone()));
            found.retain(|row| compare(query.sort, &place(row), &after).is_gt());
        }
        Ok(found.into_iter().take(query.limit).cloned().collect())
    }

    fn kept(&self, table: &Table) -> Result<&Kept, Error> {
        self.tables.get(&(table.projection.to_owned(), table.version)).ok_or_else(|| undefined(table))
    }

    fn kept_mut(&mut self, table: &Table) -> Result<&mut Kept, Error> {
        self.tables.get_mut(&(table.projection.to_owned(), table.version)).ok_or_else(|| undefined(table))
    }
}

/// The sort value and the key of a row.
fn place(query: &RowQuery<'_>, row: &Row) -> (Value, OrderedKey) {
    let sorted = query.sort.map_or(Value::Null, |sort| row[sort.column].clone());
    (sorted, OrderedKey(query.table.key_of(row)))
}

fn compare(sort: Option<Sort>, one: &(Value, OrderedKey), other: &(Value, OrderedKey)) -> std::cmp::Ordering {
    let order = one.0.order(&other.0).then_with(|| one.1.cmp(&other.1));
    if sort.is_some_and(|sort| sort.descending) { order.reverse() } else { order }
}

fn undefined(table: &Table) -> Error {
    Error::unusable(
        format!("use the rows of `{}`", table.name()),
        "the table was never defined in this store",
    )
}
