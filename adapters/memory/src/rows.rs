//! Rows and checkpoints in memory: the reference implementation of a row store.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Bound,
};

use annalist_core::{
    criteria::{Criteria, Item},
    error::Error,
    record::{Position, Record},
    rows::{
        Anchor, Build, BuildId, Checkpoint, Claim, CommitOutcome, Difference, FoldedRows, FollowerRequests,
        Inline, InlineOutcome, Key, Parked, PromoteOutcome, PromotionStep, Row, RowChange, RowQuery, Sort,
        Table, Value,
    },
    store::{Append, LogId, PageLimit, PolicyCheckpoint},
    time::Timestamp,
};

use crate::log::Log;

/// The builds of all projections.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    builds: BTreeMap<BuildId, BuildData>,
    /// The requests to projections and policies, by name.
    requests: BTreeMap<String, FollowerRequests>,
}

/// One build.
#[derive(Debug)]
pub(crate) struct BuildData {
    shape: String,
    events: String,
    pub(crate) log: LogId,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) live: bool,
    /// The types that it folds, if it is inline.
    inline: Option<HashSet<&'static str>>,
    rows: BTreeMap<OrderedKey, Row>,
    pub(crate) parked: BTreeMap<Position, Parked>,
    updated_at: Timestamp,
    claim: Option<Claim>,
}

/// A key, in the order in which every store sorts keys.
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
        let builds = self.builds.iter().filter(|(id, _)| id.projection == projection);
        let requests = self.requests.get(projection).cloned().unwrap_or_default();
        builds.map(|(id, data)| Build { requests: requests.clone(), ..data.to_build(id) }).collect()
    }

    pub(crate) fn define(&mut self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        table.check()?;
        if !self.builds.contains_key(&table.into()) {
            Build::check_new(&self.builds(table.projection), table)?;
        }
        let new = || BuildData::new(table.shape(), events.to_owned(), log);
        let build = self.builds.entry(table.into()).or_insert_with(new).to_build(&table.into());
        build.check_stored(table, events, log)?;
        Ok(build.checkpoint)
    }

    pub(crate) fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let data = self.data(table)?;
        Ok(keys.iter().map(|key| data.rows.get(&OrderedKey(key.clone())).cloned()).collect())
    }

    pub(crate) fn commit(&mut self, change: RowChange) -> Result<CommitOutcome, Error> {
        let table = &change.table;
        table.check_sealed(&change.upserts)?;
        let data = self.data_mut(table)?;
        if data.inline.is_some() {
            return Err(table.inline_error());
        }
        let Checkpoint { position, parked, .. } = data.checkpoint;
        if (position, parked) != (change.from, change.parked) {
            return Ok(CommitOutcome::Stale(position));
        }
        data.write(table, FoldedRows { upserts: change.upserts, deletes: change.deletes });
        change.unpark.iter().for_each(|position| drop(data.parked.remove(position)));
        data.parked.extend(change.park.into_iter().map(|parked| (parked.position, parked)));
        data.move_to(change.to, change.anchor);
        Ok(CommitOutcome::Done)
    }

    pub(crate) fn report(&mut self, table: &Table, stopped: Option<&str>) {
        if let Some(data) = self.builds.get_mut(&table.into()) {
            data.checkpoint.stopped = stopped.map(str::to_owned);
        }
    }

    pub(crate) fn count(&self, query: &RowQuery<'_>) -> Result<u64, Error> {
        Ok(self.data(query.table)?.matching(query).count() as u64)
    }

    pub(crate) fn replace_claim(
        &mut self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> bool {
        let data = self.builds.get_mut(&table.into()).filter(|data| data.claim == expected);
        data.map(|data| data.claim = claim).is_some()
    }

    pub(crate) fn replace_requests(&mut self, projection: &str, requests: &FollowerRequests) -> bool {
        let stored = self.requests.get(projection).map_or(0, |stored| stored.revision);
        let is_next = stored + 1 == requests.revision;
        if is_next {
            self.requests.insert(projection.to_owned(), requests.clone());
        }
        is_next
    }

    pub(crate) fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let mut found: Vec<&Row> = self.data(query.table)?.matching(query).collect();
        let sort_key = |row: &Row| sort_key(query, row);
        found.sort_by(|one, other| compare(query.sort, &sort_key(one), &sort_key(other)));
        if let Some((sorted, key)) = &query.after {
            let after = (sorted.clone().unwrap_or(Value::Null), OrderedKey(key.clone()));
            found.retain(|row| compare(query.sort, &sort_key(row), &after).is_gt());
        }
        Ok(found.into_iter().take(query.limit).cloned().collect())
    }

    pub(crate) fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        Ok(self.data(table)?.parked.values().cloned().collect())
    }

    pub(crate) fn promote(&mut self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        match Build::decide_promotion(&self.builds(table.projection), table, compare)? {
            PromotionStep::Finish(outcome) => return Ok(outcome),
            PromotionStep::Compare(live) => {
                let difference = self.data(table)?.difference(self.data(&live)?);
                if !difference.is_none() {
                    return Ok(PromoteOutcome::Differs(difference));
                }
            }
            PromotionStep::MakeLive => {}
        }
        for (id, data) in self.builds.iter_mut().filter(|(id, _)| id.projection == table.projection) {
            data.live = (id.version, id.build) == table.order();
        }
        Ok(PromoteOutcome::Done)
    }

    pub(crate) fn discard(&mut self, table: &Table) -> Result<bool, Error> {
        let id = table.into();
        if self.builds.get(&id).is_some_and(|data| data.live || data.inline.is_some()) {
            return Err(table.in_use_error());
        }
        Ok(self.builds.remove(&id).is_some())
    }

    pub(crate) fn make_inline(&mut self, inline: &dyn Inline, log: &Log) -> Result<InlineOutcome, Error> {
        let table = inline.table();
        let data = self.data(table)?;
        if let Some(outcome) = data.to_build(&table.into()).decide_inline(table, log.id())? {
            return Ok(outcome);
        }
        if log.successors().all().iter().any(|successor| inline.misses(successor)) {
            return Ok(InlineOutcome::Behind);
        }
        let filter: Criteria = Item::any().types(inline.types().iter().copied()).into();
        let missing = log.feed(&filter, data.checkpoint.position, PageLimit::CATCH_UP);
        if missing.is_full {
            return Ok(InlineOutcome::Behind);
        }
        let missing = missing.records;
        let folded = data.fold(inline, &missing)?;
        let data = self.data_mut(table)?;
        data.write(table, folded);
        data.move_to(log.head(), missing.last().map(Anchor::of));
        data.inline = Some(inline.types().iter().copied().collect());
        Ok(InlineOutcome::Done)
    }

    pub(crate) fn make_async(&mut self, table: &Table, log: &Log) -> Result<Checkpoint, Error> {
        let data = self.data_mut(table)?;
        if data.inline.take().is_some() {
            data.move_to(log.head(), log.last().map(Anchor::of));
        }
        Ok(data.checkpoint.clone())
    }

    /// The checkpoints of the policies of a log.
    pub(crate) fn policies(&self, log: LogId) -> Vec<PolicyCheckpoint> {
        let policies = self.builds.iter().filter(|(_, data)| data.is_policy_of(log));
        policies
            .map(|(id, data)| PolicyCheckpoint {
                name: id.projection.clone(),
                position: data.checkpoint.position,
                anchor: data.checkpoint.anchor,
                parked: data.parked.values().cloned().collect(),
            })
            .collect()
    }

    /// Sets the checkpoints of all of these policies of a log, or of none.
    pub(crate) fn import_policies(
        &mut self,
        policies: &BTreeMap<String, PolicyCheckpoint>,
        log: LogId,
    ) -> Result<(), Error> {
        let id = |name: &str| BuildId { projection: name.to_owned(), version: 1, build: 0 };
        for policy in policies.values() {
            let stored = self.builds.get(&id(&policy.name));
            if stored.is_some_and(|stored| !stored.is_policy_of(log) || stored.claim.is_some()) {
                return Err(policy.refused("import into the log in memory"));
            }
        }
        for policy in policies.values() {
            let mut data = BuildData::new(String::new(), String::new(), log);
            // It has started, so it does not start at the end.
            data.live = true;
            data.parked = policy.parked.iter().map(|parked| (parked.position, parked.clone())).collect();
            data.move_to(policy.position, policy.anchor);
            self.builds.insert(id(&policy.name), data);
        }
        Ok(())
    }

    /// The name of an inline build, if there is one.
    pub(crate) fn first_inline(&self) -> Option<String> {
        let (id, _) = self.builds.iter().find(|(_, data)| data.inline.is_some())?;
        Some(format!("{}_v{}", id.projection, id.version))
    }

    /// Returns the inline builds that an append must provide, if it provides others.
    pub(crate) fn missing_builds(&self, append: &Append) -> Option<Vec<BuildId>> {
        let folds = |data: &BuildData| {
            let types = data.inline.as_ref();
            types.is_some_and(|types| append.names_to_fold().any(|name| types.contains(name)))
        };
        let required = self.builds.iter().filter(|(_, data)| folds(data));
        append.missing_builds(required.map(|(id, _)| id.clone()))
    }

    /// Folds the events of appends, before they are written, into the inline builds that the appends provide: into all of them
    /// or none. Each append provides every build that folds its types, so a build may fold the events of all of them.
    pub(crate) fn fold_inline(&mut self, appends: &[Append], log: &Log) -> Result<(), Error> {
        let provided = appends.iter().flat_map(|append| &append.inline);
        let builds: BTreeMap<BuildId, _> = provided.map(|inline| (inline.table().into(), inline)).collect();
        if builds.is_empty() {
            return Ok(());
        }
        let records = Append::draft_records(appends, log.head());
        let folded = builds.values().map(|inline| self.data(inline.table())?.fold(&***inline, &records));
        let folded: Vec<FoldedRows> = folded.collect::<Result<_, _>>()?;
        for (inline, folded) in builds.values().zip(folded) {
            self.data_mut(inline.table())?.write(inline.table(), folded);
        }
        for append in appends.iter().filter(|append| append.adds_successors()) {
            for inline in &append.inline {
                let types = inline.types().iter().copied();
                self.data_mut(inline.table())?.inline.get_or_insert_default().extend(types);
            }
        }
        Ok(())
    }

    /// The builds after one, in their order.
    pub(crate) fn builds_after(&self, id: Option<&BuildId>) -> impl Iterator<Item = (&BuildId, &BuildData)> {
        let after = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.builds.range((after, Bound::Unbounded))
    }

    /// The builds of a projection.
    pub(crate) fn builds_of(&self, projection: &str) -> Vec<(&BuildId, &BuildData)> {
        self.builds.iter().filter(|(id, _)| id.projection == projection).collect()
    }

    /// The parked events after one, in the order of the builds and of the positions.
    pub(crate) fn parked_after(
        &self,
        last: Option<&(BuildId, Position)>,
    ) -> impl Iterator<Item = (&BuildId, &BuildData, &Parked)> {
        let from = last.map_or(Bound::Unbounded, |(id, _)| Bound::Included(id));
        let builds = self.builds.range((from, Bound::Unbounded));
        builds.flat_map(move |(id, data)| {
            let after =
                last.filter(|last| last.0 == *id).map_or(Bound::Unbounded, |last| Bound::Excluded(last.1));
            data.parked.range((after, Bound::Unbounded)).map(move |(_, parked)| (id, data, parked))
        })
    }

    fn data(&self, table: &Table) -> Result<&BuildData, Error> {
        self.builds.get(&table.into()).ok_or_else(|| table.undefined_error())
    }

    fn data_mut(&mut self, table: &Table) -> Result<&mut BuildData, Error> {
        self.builds.get_mut(&table.into()).ok_or_else(|| table.undefined_error())
    }
}

impl BuildData {
    fn new(shape: String, events: String, log: LogId) -> Self {
        Self {
            shape,
            events,
            log,
            checkpoint: Checkpoint::default(),
            live: false,
            inline: None,
            rows: BTreeMap::new(),
            parked: BTreeMap::new(),
            updated_at: Timestamp::now(),
            claim: None,
        }
    }

    /// Whether it is the checkpoint of a policy of this log: it folds nothing.
    fn is_policy_of(&self, log: LogId) -> bool {
        self.log == log && self.shape.is_empty() && self.events.is_empty()
    }

    fn to_build(&self, id: &BuildId) -> Build {
        Build {
            version: id.version,
            build: id.build,
            shape: self.shape.clone(),
            events: self.events.clone(),
            log: self.log,
            live: self.live,
            inline: self.inline.is_some(),
            checkpoint: self.checkpoint.clone(),
            updated_at: self.updated_at,
            claim: self.claim,
            requests: FollowerRequests::default(),
        }
    }

    /// The rows that match the filters of a query.
    fn matching(&self, query: &RowQuery<'_>) -> impl Iterator<Item = &Row> {
        let holds = |row: &&Row| query.filters.iter().all(|filter| filter.bound.matches(&row[filter.column]));
        self.rows.values().filter(holds)
    }

    fn write(&mut self, table: &Table, folded: FoldedRows) {
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

    /// Folds records into the rows.
    fn fold(&self, inline: &dyn Inline, records: &[Record]) -> Result<FoldedRows, Error> {
        let matching = records.iter().filter(|record| inline.types().contains(&&*record.name));
        let matching: Vec<Record> = matching.cloned().collect();
        let drafts = matching.iter().cloned().map(|record| Record { position: Position::START, ..record });
        let keys = inline.keys(&drafts.collect::<Vec<_>>())?;
        let row = |key: Key| (key.clone(), self.rows.get(&OrderedKey(key)).cloned());
        Ok(inline.fold(&matching, keys.into_iter().map(row).collect())?)
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

/// The value by which a query sorts a row, then its key.
fn sort_key(query: &RowQuery<'_>, row: &Row) -> (Value, OrderedKey) {
    let sorted = query.sort.map_or(Value::Null, |sort| row[sort.column].clone());
    (sorted, OrderedKey(query.table.key_of(row)))
}

fn compare(sort: Option<Sort>, one: &(Value, OrderedKey), other: &(Value, OrderedKey)) -> Ordering {
    let order = one.0.order(&other.0).then_with(|| one.1.cmp(&other.1));
    if sort.is_some_and(|sort| sort.descending) { order.reverse() } else { order }
}
