//! Rows and checkpoints in memory: the reference of what a store of rows promises.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashSet},
};

use annalist_core::{
    criteria::{Criteria, Item},
    error::Error,
    record::{Position, Record},
    rows::{
        Anchor, Build, BuildId, Checkpoint, CommitOutcome, Difference, Folded, Inline, InlineOutcome, Key,
        Parked, PromoteOutcome, Row, RowChange, RowQuery, Sort, Table, Value,
    },
    store::{Append, LogId},
    time::Timestamp,
};

use crate::log::Log;

/// The builds of all projections.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    builds: BTreeMap<BuildId, Kept>,
}

/// One build.
#[derive(Debug)]
struct Kept {
    shape: String,
    log: LogId,
    checkpoint: Checkpoint,
    live: bool,
    /// The types that its fold takes, while it is inline.
    inline: Option<HashSet<&'static str>>,
    rows: BTreeMap<OrderedKey, Row>,
    parked: BTreeMap<Position, Parked>,
    updated_at: Timestamp,
}

/// A key in the order in which every store sorts keys.
#[derive(Clone, Debug)]
struct OrderedKey(Key);

impl Ord for OrderedKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let different =
            self.0.iter().zip(&other.0).map(|(one, other)| one.order(other)).find(|order| order.is_ne());
        different.unwrap_or_else(|| self.0.len().cmp(&other.0.len()))
    }
}

impl PartialOrd for OrderedKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
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
    pub(crate) fn builds(&self, projection: &str) -> Vec<Build> {
        let own = self.builds.iter().filter(|(id, _)| id.projection == projection);
        own.map(|(id, kept)| Build {
            version: id.version,
            build: id.build,
            shape: kept.shape.clone(),
            log: kept.log,
            live: kept.live,
            inline: kept.inline.is_some(),
            checkpoint: kept.checkpoint.clone(),
            updated_at: kept.updated_at,
        })
        .collect()
    }

    pub(crate) fn define(&mut self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        table.check()?;
        let kept = self.builds.entry(table.into()).or_insert_with(|| Kept::new(table.shape(), log));
        table.check_stored(&kept.shape, kept.log, log)?;
        Ok(kept.checkpoint.clone())
    }

    pub(crate) fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let kept = self.kept(table)?;
        Ok(keys.iter().map(|key| kept.rows.get(&OrderedKey(key.clone())).cloned()).collect())
    }

    pub(crate) fn commit(&mut self, change: RowChange<'_>) -> Result<CommitOutcome, Error> {
        let table = change.table;
        let kept = self.kept_mut(table)?;
        if kept.inline.is_some() {
            return Err(table.kept_inline());
        }
        let Checkpoint { position, parked, .. } = kept.checkpoint;
        if (position, parked) != (change.from, change.parked) {
            return Ok(CommitOutcome::Stale(position));
        }
        kept.write(table, Folded { upserts: change.upserts, deletes: change.deletes });
        change.unpark.iter().for_each(|position| drop(kept.parked.remove(position)));
        kept.parked.extend(change.park.into_iter().map(|parked| (parked.position, parked)));
        kept.move_to(change.to, change.anchor);
        Ok(CommitOutcome::Done)
    }

    pub(crate) fn report(&mut self, table: &Table, stopped: Option<&str>) {
        if let Some(kept) = self.builds.get_mut(&table.into()) {
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

    pub(crate) fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        Ok(self.kept(table)?.parked.values().cloned().collect())
    }

    pub(crate) fn promote(&mut self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        let new = self.kept(table)?;
        let live = self.builds.iter().find(|(id, kept)| id.projection == table.projection && kept.live);
        if let Some((id, live)) = live {
            match table.order().cmp(&(id.version, id.build)) {
                Ordering::Equal => return Ok(PromoteOutcome::Done),
                Ordering::Less => return Ok(PromoteOutcome::Superseded),
                Ordering::Greater if compare => {
                    table.check_comparable(&live.shape)?;
                    if let Some(answer) = new.unlike(live) {
                        return Ok(answer);
                    }
                }
                Ordering::Greater => {}
            }
        }
        for (id, kept) in self.builds.iter_mut().filter(|(id, _)| id.projection == table.projection) {
            kept.live = (id.version, id.build) == table.order();
        }
        Ok(PromoteOutcome::Done)
    }

    pub(crate) fn discard(&mut self, table: &Table) -> Result<bool, Error> {
        let id = table.into();
        if self.builds.get(&id).is_some_and(|kept| kept.live || kept.inline.is_some()) {
            return Err(table.in_use());
        }
        Ok(self.builds.remove(&id).is_some())
    }

    pub(crate) fn make_inline(&mut self, inline: &dyn Inline, log: &Log) -> Result<InlineOutcome, Error> {
        let kept = self.kept(inline.table())?;
        if kept.inline.is_some() {
            return Ok(InlineOutcome::Done);
        }
        if kept.log != log.id() {
            return Err(inline.table().not_beside_its_log());
        }
        let filter: Criteria = Item::any().types(inline.types().iter().copied()).into();
        let behind = log.feed(&filter, kept.checkpoint.position, InlineOutcome::AT_MOST + 1).records;
        if behind.len() > InlineOutcome::AT_MOST || kept.checkpoint.parked > 0 {
            return Ok(InlineOutcome::Behind);
        }
        let folded = kept.fold(inline, &behind)?;
        let kept = self.kept_mut(inline.table())?;
        kept.write(inline.table(), folded);
        kept.move_to(log.head(), behind.last().map(Anchor::of));
        kept.inline = Some(inline.types().iter().copied().collect());
        Ok(InlineOutcome::Done)
    }

    pub(crate) fn make_async(&mut self, table: &Table, log: &Log) -> Result<Checkpoint, Error> {
        let kept = self.kept_mut(table)?;
        if kept.inline.take().is_some() {
            kept.move_to(log.head(), log.last().map(Anchor::of));
        }
        Ok(kept.checkpoint.clone())
    }

    /// The inline builds that an append has to bring, if it brings others.
    pub(crate) fn inline_missed(&self, append: &Append) -> Option<Vec<BuildId>> {
        let takes = |kept: &Kept| {
            let types = kept.inline.as_ref();
            types.is_some_and(|types| append.events.iter().any(|event| types.contains(event.name())))
        };
        let wanted: Vec<_> =
            self.builds.iter().filter(|(_, kept)| takes(kept)).map(|(id, _)| id.clone()).collect();
        let mut brought: Vec<BuildId> = append.inline.iter().map(|inline| inline.table().into()).collect();
        brought.sort_unstable();
        (wanted != brought).then_some(wanted)
    }

    /// Folds what appends would write into the inline builds that they bring: into all of them or none. Each append brings
    /// every build that folds its types, so a build may see the events of all.
    pub(crate) fn fold_inline(&mut self, appends: &[Append], log: &Log) -> Result<(), Error> {
        let brought = appends.iter().flat_map(|append| &append.inline);
        let inline: BTreeMap<BuildId, _> = brought.map(|inline| (inline.table().into(), inline)).collect();
        if inline.is_empty() {
            return Ok(());
        }
        let records = log.drafted(appends);
        let folded = inline.values().map(|inline| self.kept(inline.table())?.fold(&***inline, &records));
        let folded: Vec<Folded> = folded.collect::<Result<_, _>>()?;
        for (inline, folded) in inline.values().zip(folded) {
            self.kept_mut(inline.table())?.write(inline.table(), folded);
        }
        Ok(())
    }

    fn kept(&self, table: &Table) -> Result<&Kept, Error> {
        self.builds.get(&table.into()).ok_or_else(|| table.undefined())
    }

    fn kept_mut(&mut self, table: &Table) -> Result<&mut Kept, Error> {
        self.builds.get_mut(&table.into()).ok_or_else(|| table.undefined())
    }
}

impl Kept {
    fn new(shape: String, log: LogId) -> Self {
        Self {
            shape,
            log,
            checkpoint: Checkpoint::default(),
            live: false,
            inline: None,
            rows: BTreeMap::new(),
            parked: BTreeMap::new(),
            updated_at: Timestamp::now(),
        }
    }

    /// Where its rows stand in the log; none at the end of it, where all inline builds are.
    fn stands(&self) -> Option<Position> {
        self.inline.is_none().then_some(self.checkpoint.position)
    }

    fn write(&mut self, table: &Table, folded: Folded) {
        for key in folded.deletes {
            self.rows.remove(&OrderedKey(key));
        }
        for row in folded.upserts {
            self.rows.insert(OrderedKey(table.key_of(&row)), row);
        }
    }

    fn move_to(&mut self, position: Position, anchor: Option<Anchor>) {
        let anchor = anchor.or(self.checkpoint.anchor);
        self.checkpoint = Checkpoint { position, anchor, parked: self.parked.len() as u64, stopped: None };
        self.updated_at = Timestamp::now();
    }

    /// What an inline fold makes of records and the rows as they are.
    fn fold(&self, inline: &dyn Inline, records: &[Record]) -> Result<Folded, Error> {
        let matching = records.iter().filter(|record| inline.types().contains(&&*record.name));
        let matching: Vec<Record> = matching.cloned().collect();
        let drafted = matching.iter().cloned().map(|record| Record { position: Position::START, ..record });
        let keys = inline.keys(&drafted.collect::<Vec<_>>())?;
        let row = |key: Key| (key.clone(), self.rows.get(&OrderedKey(key)).cloned());
        Ok(inline.fold(&matching, keys.into_iter().map(row).collect())?)
    }

    /// What a comparison says against taking over from the live build, if anything.
    fn unlike(&self, live: &Self) -> Option<PromoteOutcome> {
        let parked = self.checkpoint.parked > 0 || live.checkpoint.parked > 0;
        if parked || self.stands() != live.stands() {
            return Some(PromoteOutcome::NotComparable);
        }
        let difference = self.difference(live);
        (!difference.is_none()).then_some(PromoteOutcome::Differs(difference))
    }

    fn difference(&self, live: &Self) -> Difference {
        let mut difference = Difference::default();
        let keys: BTreeSet<_> = self.rows.keys().chain(live.rows.keys()).collect();
        for key in keys {
            let count = match (live.rows.get(key), self.rows.get(key)) {
                (Some(_), None) => &mut difference.missing,
                (None, Some(_)) => &mut difference.added,
                (live, new) if live != new => &mut difference.changed,
                _ => continue,
            };
            *count += 1;
            difference.example.get_or_insert_with(|| key.0.clone());
        }
        difference
    }
}

/// The sort value and the key of a row.
fn place(query: &RowQuery<'_>, row: &Row) -> (Value, OrderedKey) {
    let sorted = query.sort.map_or(Value::Null, |sort| row[sort.column].clone());
    (sorted, OrderedKey(query.table.key_of(row)))
}

fn compare(sort: Option<Sort>, one: &(Value, OrderedKey), other: &(Value, OrderedKey)) -> Ordering {
    let order = one.0.order(&other.0).then_with(|| one.1.cmp(&other.1));
    if sort.is_some_and(|sort| sort.descending) { order.reverse() } else { order }
}
