//! Sound rows with one fault.

use std::{
    cmp::Ordering,
    sync::{Arc, Mutex},
};

use annalist_core::{
    Error,
    payload::Payload,
    record::Position,
    rows::{
        Bound, Build, Checkpoint, CommitOutcome, Difference, Filter, Inline, InlineOutcome, Key, Parked,
        PromoteOutcome, Row, RowChange, RowQuery, RowStore, SharedRows, Table, Value,
    },
    store::{EventStore, LogId},
    time::Timestamp,
};
use annalist_memory::Memory;
use tokio::task::yield_now;

use super::{
    inline::{How, bent},
    row_fault::RowFault,
};

/// Sound rows behind a fault.
pub(crate) struct BrokenRows {
    pub(crate) inner: SharedRows,
    pub(crate) log: Memory,
    pub(crate) fault: RowFault,
    /// Rows that stay when their build is discarded.
    pub(crate) left: Arc<Mutex<Vec<Row>>>,
}

impl BrokenRows {
    fn table(&self, table: &Table) -> Table {
        match self.fault {
            RowFault::MixesVersions => Table { version: 1, ..*table },
            RowFault::MixesBuilds => table.built(0),
            _ => *table,
        }
    }

    fn stored(&self, value: &mut Value) {
        match (self.fault, &*value) {
            (RowFault::CutsTimes, Value::Time(time)) => {
                *value = Value::Time(Timestamp::from_micros(time.as_micros().div_euclid(1_000) * 1_000));
            }
            (RowFault::TidiesJson, Value::Json(json)) => {
                *value = Value::Json(Payload::from_stored(json.as_str().replace(' ', "")));
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // that is the fault
            (RowFault::RoundsNumbers, Value::Int(number)) => *value = Value::Int(*number as f64 as i64),
            (RowFault::TakesEmptyTextForNothing, Value::Text(text)) if text.is_empty() => {
                *value = Value::Null;
            }
            _ => {}
        }
    }

    /// Fills what is nothing in new rows from the old ones.
    async fn merged(&self, change: &mut RowChange) -> Result<(), Error> {
        let keys: Vec<Key> = change.upserts.iter().map(|row| change.table.key_of(row)).collect();
        let old = self.inner.rows(&change.table, &keys).await?;
        for (new, old) in change.upserts.iter_mut().zip(old) {
            for (new, old) in new.iter_mut().zip(old.into_iter().flatten()) {
                if *new == Value::Null {
                    *new = old;
                }
            }
        }
        Ok(())
    }

    fn order(&self, one: &Value, other: &Value) -> Ordering {
        match (self.fault, one, other) {
            (RowFault::SortsLikeADictionary, Value::Text(one), Value::Text(other)) => {
                one.to_lowercase().cmp(&other.to_lowercase()).then_with(|| one.cmp(other))
            }
            (RowFault::SortsNothingLast, one, other) => {
                (*one == Value::Null).cmp(&(*other == Value::Null)).then_with(|| one.order(other))
            }
            _ => one.order(other),
        }
    }

    fn holds(&self, Filter { column, bound }: &Filter, row: &Row) -> bool {
        let value = &row[*column];
        match (self.fault, bound, value) {
            (RowFault::TakesPrefixesForPatterns, Bound::Prefix(start), Value::Text(text)) => {
                like(start, text)
            }
            (RowFault::ComparesWithoutCase, Bound::Equal(Value::Text(wanted)), Value::Text(text)) => {
                text.to_lowercase() == wanted.to_lowercase()
            }
            (RowFault::TakesNothingForSmall, Bound::Below(_) | Bound::AtMost(_), Value::Null) => true,
            _ => bound.matches(value),
        }
    }

    /// Filters, sorts and cuts all rows: with the fault of this store.
    async fn search(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let all = RowQuery { filters: vec![], sort: None, after: None, limit: usize::MAX, ..query.clone() };
        let mut rows = self.inner.find(&all).await?;
        let count = if self.fault == RowFault::UsesTheFirstFilterOnly { 1 } else { usize::MAX };
        rows.retain(|row| query.filters.iter().take(count).all(|filter| self.holds(filter, row)));
        let descending = query.sort.is_some_and(|sort| sort.descending);
        let turned = |order: Ordering| if descending { order.reverse() } else { order };
        let place = |row: &Row| (query.sort.map(|sort| row[sort.column].clone()), query.table.key_of(row));
        let compare = |one: &(Option<Value>, Key), other: &(Option<Value>, Key)| {
            let sorted = one.0.iter().zip(&other.0).map(|(one, other)| self.order(one, other));
            let keys = one.1.iter().zip(&other.1).map(|(one, other)| one.order(other));
            let (sorted, keys) =
                (sorted.fold(Ordering::Equal, Ordering::then), keys.fold(Ordering::Equal, Ordering::then));
            let ties_turn = self.fault != RowFault::SortsTiesOneWay;
            turned(sorted).then(if ties_turn { turned(keys) } else { keys })
        };
        rows.sort_by(|one, other| compare(&place(one), &place(other)));
        if let Some(after) = &query.after {
            let repeats = self.fault == RowFault::RepeatsAtPageBorders;
            rows.retain(|row| match compare(&place(row), after) {
                Ordering::Greater => true,
                Ordering::Equal => repeats,
                Ordering::Less => false,
            });
            if self.fault == RowFault::SkipsAtPageBorders && rows.len() > 1 {
                rows.remove(0);
            }
        }
        rows.truncate(if self.fault == RowFault::IgnoresTheLimit { usize::MAX } else { query.limit });
        Ok(rows)
    }
}

/// Whether a text matches a pattern with `%` behind it.
fn like(pattern: &str, text: &str) -> bool {
    // A long one is none: the pattern is taken apart letter by letter, on the stack.
    if pattern.len() > 100 || !pattern.contains(['%', '_']) {
        return text.starts_with(pattern);
    }
    let mut letters = pattern.chars();
    match letters.next() {
        None => true,
        Some('%') => text
            .char_indices()
            .map(|(at, _)| &text[at..])
            .chain([""])
            .any(|rest| like(letters.as_str(), rest)),
        Some(letter) => {
            let mut rest = text.chars();
            rest.next().is_some_and(|found| {
                (letter == '_' || letter == found) && like(letters.as_str(), rest.as_str())
            })
        }
    }
}

#[async_trait::async_trait]
impl RowStore for BrokenRows {
    fn describe_rows(&self) -> String {
        format!("rows that are broken: {:?}", self.fault)
    }

    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        let known = self.checkpoint(table.projection, table.version).await?;
        let answer = self.inner.define(&self.table(table), log).await;
        if self.fault == RowFault::LeavesRowsOfTheDiscarded && known.is_none() {
            let left = std::mem::take(&mut *self.left.lock().unwrap());
            self.write(table, left, vec![]).await?;
        }
        match (self.fault, answer, known) {
            (RowFault::TakesAnyShape, Err(error), Some(known)) if error.to_string().contains("version") => {
                Ok(known)
            }
            (RowFault::TakesAnyLog, Err(error), Some(known)) if error.to_string().contains("log") => {
                Ok(known)
            }
            (RowFault::MovesBackOnDefine, Ok(now), _) => Ok(Checkpoint { position: Position::START, ..now }),
            (_, answer, _) => answer,
        }
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        let mut builds = self.inner.builds(projection).await?;
        match self.fault {
            RowFault::ListsBuildsFromTheNewest => builds.reverse(),
            RowFault::LeavesTheOldBuildLive => {
                let live = builds.iter().rposition(|build| build.live).map_or(0, |last| last + 1);
                builds[..live].iter_mut().for_each(|build| build.live = true);
            }
            _ => {}
        }
        Ok(builds)
    }

    async fn checkpoint(&self, projection: &str, version: u32) -> Result<Option<Checkpoint>, Error> {
        let version = if self.fault == RowFault::MixesVersions { 1 } else { version };
        self.inner.checkpoint(projection, version).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        let mut parked = self.inner.parked(&self.table(table)).await?;
        if self.fault == RowFault::ListsParkedByText {
            parked.sort_by_key(|one| one.position.to_string());
        }
        Ok(parked)
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        let table = &self.table(table);
        let compare = compare && self.fault != RowFault::ComparesNoRows;
        if compare && self.fault == RowFault::ComparesInSteps {
            return self.switch_in_steps(table).await;
        }
        let answer = self.inner.promote(table, compare).await;
        let over = async || self.inner.promote(table, false).await;
        match (self.fault, answer) {
            (RowFault::LetsOlderBuildsTakeOver, Ok(PromoteOutcome::Superseded)) => Ok(PromoteOutcome::Done),
            (RowFault::SwitchesToWhatIsNotThere, Err(_)) => Ok(PromoteOutcome::Done),
            (
                RowFault::ComparesKeysAlone,
                Ok(PromoteOutcome::Differs(Difference { missing: 0, added: 0, .. })),
            ) => over().await,
            (RowFault::SwitchesToWhatDiffers, Ok(answer @ PromoteOutcome::Differs(_))) => {
                over().await.map(|_| answer)
            }
            (RowFault::ComparesBuildsApart, Ok(PromoteOutcome::NotComparable)) => over().await,
            (RowFault::ComparesBesideParkedEvents, Ok(PromoteOutcome::NotComparable)) => {
                let builds = self.inner.builds(table.projection).await?;
                let aside = builds.iter().any(|build| build.checkpoint.parked > 0);
                if aside { over().await } else { Ok(PromoteOutcome::NotComparable) }
            }
            (RowFault::ComparesInlineBuildsByPosition, Ok(PromoteOutcome::Done)) => {
                let builds = self.inner.builds(table.projection).await?;
                let inline: Vec<_> = builds.iter().filter(|build| build.inline).collect();
                let apart =
                    inline.windows(2).any(|two| two[0].checkpoint.position != two[1].checkpoint.position);
                Ok(if apart { PromoteOutcome::NotComparable } else { PromoteOutcome::Done })
            }
            (RowFault::SwapsMissingAndAdded, Ok(PromoteOutcome::Differs(difference))) => {
                let Difference { missing, added, .. } = difference;
                Ok(PromoteOutcome::Differs(Difference { missing: added, added: missing, ..difference }))
            }
            (RowFault::NamesTheGreatestKey, Ok(PromoteOutcome::Differs(difference))) => {
                let [old, new] = self.both(table).await?;
                let unlike = old
                    .iter()
                    .filter(|row| !new.contains(row))
                    .chain(new.iter().filter(|row| !old.contains(row)));
                let mut keys: Vec<Key> = unlike.map(|row| table.key_of(row)).collect();
                keys.sort_by(|one, other| {
                    let columns = one.iter().zip(other).map(|(one, other)| one.order(other));
                    columns.fold(Ordering::Equal, Ordering::then)
                });
                Ok(PromoteOutcome::Differs(Difference { example: keys.pop(), ..difference }))
            }
            (_, answer) => answer,
        }
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        let table = &self.table(table);
        match self.fault {
            RowFault::DiscardsNothing => {
                let builds = self.inner.builds(table.projection).await?;
                return Ok(builds.iter().any(|build| build.order() == table.order()));
            }
            RowFault::DiscardsItsNeighbours => {
                for build in self.inner.builds(table.projection).await? {
                    if build.version == table.version && build.order() != table.order() {
                        let _ = self.inner.discard(&table.built(build.build)).await;
                    }
                }
            }
            RowFault::LeavesRowsOfTheDiscarded => {
                let all = RowQuery { table, filters: vec![], sort: None, after: None, limit: usize::MAX };
                *self.left.lock().unwrap() = self.inner.find(&all).await.unwrap_or_default();
            }
            _ => {}
        }
        match (self.fault, self.inner.discard(table).await) {
            (RowFault::DiscardsTheLiveBuild, Err(_)) | (RowFault::DiscardsWhatIsNotThere, Ok(_)) => Ok(true),
            (_, answer) => answer,
        }
    }

    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        match self.fault {
            RowFault::LosesTheTail => self.inner.make_inline(bent(&inline, How::Idle)).await,
            RowFault::CountsTheTailTwice => self.inner.make_inline(bent(&inline, How::Twice)).await,
            RowFault::GoesInlineInTwoSteps => {
                let table = inline.table();
                let answer = self.inner.make_inline(Arc::clone(&inline)).await?;
                if answer == InlineOutcome::Done {
                    self.inner.make_async(table).await?;
                    self.others_go_on(table).await?;
                    return self.inner.make_inline(bent(&inline, How::Idle)).await;
                }
                Ok(answer)
            }
            RowFault::GoesInlineFromFarBehind => {
                self.inner.make_inline(inline).await.map(|_| InlineOutcome::Done)
            }
            _ => self.inner.make_inline(inline).await,
        }
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        let table = &self.table(table);
        let builds = self.inner.builds(table.projection).await?;
        let came = builds.into_iter().find(|build| build.order() == table.order());
        match (self.fault, came) {
            (RowFault::StaysInline, Some(came)) => Ok(came.checkpoint),
            (RowFault::LeavesInlineWhereItCame, Some(came)) => {
                let left = self.inner.make_async(table).await?;
                let back = RowChange::new(table, left.position, came.checkpoint.position);
                self.inner.commit(back).await?;
                Ok(came.checkpoint)
            }
            _ => self.inner.make_async(table).await,
        }
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let mut rows = self.inner.rows(&self.table(table), keys).await?;
        if self.fault == RowFault::AnswersEachKeyOnce {
            let count = rows.len();
            let mut found: Vec<Row> = rows.into_iter().flatten().collect();
            found.sort_by(|one, other| table.key_of(one)[0].order(&table.key_of(other)[0]));
            found.dedup();
            rows = found.into_iter().map(Some).collect();
            rows.resize(count, None);
        }
        Ok(rows)
    }

    async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        let table = self.table(&change.table);
        let mut change = RowChange { table, ..change };
        change.upserts.iter_mut().flatten().for_each(|value| self.stored(value));
        let build = self.inner.builds(table.projection).await?;
        let build = build.into_iter().find(|build| build.order() == table.order());
        let Checkpoint { position: stands, parked, stopped, .. } =
            build.map(|build| build.checkpoint).unwrap_or_default();
        match self.fault {
            RowFault::ComparesNothing => change.from = stands,
            RowFault::ComparesNoNumberOfParked => change.parked = parked,
            RowFault::ForgetsToPark => change.park.clear(),
            RowFault::ForgetsToUnpark => change.unpark.clear(),
            RowFault::ParksAThousand => change.park.truncate(1_000),
            RowFault::KeepsTheFirstAttempt => {
                let known = self.inner.parked(&table).await?;
                change.park.retain(|one| known.iter().all(|known| known.position != one.position));
            }
            RowFault::CutsErrors => change.park.iter_mut().for_each(|one| {
                one.error = one.error.chars().take(1_000).collect();
            }),
            RowFault::SortsKeysOfParked => change.park.iter_mut().for_each(|one| one.keys.sort()),
            RowFault::ParksLater => return self.park_later(change).await,
            RowFault::KeepsReports | RowFault::EndsReportsWhenStale => {
                let answer = self.inner.commit(change).await?;
                let keeps = self.fault == RowFault::KeepsReports;
                if keeps == (answer == CommitOutcome::Done) {
                    self.inner.report(&table, stopped.as_deref().filter(|_| keeps)).await?;
                }
                return Ok(answer);
            }
            RowFault::TakesChangesOfInlineBuilds => {
                return match self.inner.commit(change).await {
                    Err(error) if error.to_string().contains("inline") => Ok(CommitOutcome::Done),
                    answer => answer,
                };
            }
            RowFault::ComparesBeforeItWrites if stands == change.from => {
                yield_now().await;
                let now = self.inner.checkpoint(table.projection, table.version).await?;
                change.from = now.map_or(change.from, |checkpoint| checkpoint.position);
            }
            RowFault::MovesTheCheckpointFirst => {
                let first = RowChange { upserts: vec![], deletes: vec![], ..change.clone() };
                let answer = self.inner.commit(first).await?;
                if answer == CommitOutcome::Done {
                    yield_now().await;
                    let (upserts, deletes) = (change.upserts, change.deletes);
                    self.write(&table, upserts, deletes).await?;
                }
                return Ok(answer);
            }
            RowFault::WritesRowsFirst if stands == change.from => {
                let (upserts, deletes) =
                    (std::mem::take(&mut change.upserts), std::mem::take(&mut change.deletes));
                self.write(&table, upserts, deletes).await?;
                yield_now().await;
            }
            RowFault::WritesWhatIsStale if stands != change.from => {
                self.write(&table, change.upserts, vec![]).await?;
                return Ok(CommitOutcome::Stale(stands));
            }
            RowFault::TellsTheWrongPlace if stands != change.from => {
                return Ok(CommitOutcome::Stale(change.from));
            }
            RowFault::ForgetsDeletes => change.deletes.clear(),
            RowFault::LosesRowsOfLargeChanges => change.upserts.truncate(1_000),
            RowFault::MergesRows => self.merged(&mut change).await?,
            RowFault::ForgetsAnchors => change.anchor = None,
            _ => {}
        }
        self.inner.commit(change).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        if self.fault == RowFault::ForgetsReports {
            return Ok(());
        }
        self.inner.report(&self.table(table), stopped).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let table = self.table(query.table);
        self.search(&RowQuery { table: &table, ..query.clone() }).await
    }
}

impl BrokenRows {
    /// The rows of the live build, and those of another.
    async fn both(&self, table: &Table) -> Result<[Vec<Row>; 2], Error> {
        let builds = self.inner.builds(table.projection).await?;
        let live = builds.iter().find(|build| build.live).map_or(table.order(), Build::order);
        let live = Table { version: live.0, build: live.1, ..*table };
        let all = |table| RowQuery { table, filters: vec![], sort: None, after: None, limit: usize::MAX };
        let old = self.inner.find(&all(&live)).await?;
        self.others_go_on(table).await?;
        Ok([old, self.inner.find(&all(table)).await?])
    }

    /// Lets others append, or move a build, if there are any who do.
    async fn others_go_on(&self, table: &Table) -> Result<(), Error> {
        let enough = self.progress(table).await? + 8;
        for _ in 0..1_000 {
            yield_now().await;
            if self.progress(table).await? >= enough {
                break;
            }
        }
        Ok(())
    }

    /// How far the log and a build are, together.
    async fn progress(&self, table: &Table) -> Result<u64, Error> {
        let builds = self.inner.builds(table.projection).await?;
        let build = builds.into_iter().find(|build| build.order() == table.order());
        let stands = build.map_or(Position::START, |build| build.checkpoint.position);
        Ok(self.log.settled().await?.position.get() + stands.get())
    }

    async fn switch_in_steps(&self, table: &Table) -> Result<PromoteOutcome, Error> {
        let builds = self.inner.builds(table.projection).await?;
        let stands = |build: &&Build| build.live || build.order() == table.order();
        let stand: Vec<Position> =
            builds.iter().filter(stands).map(|build| build.checkpoint.position).collect();
        if stand.windows(2).any(|two| two[0] != two[1]) {
            return Ok(PromoteOutcome::NotComparable);
        }
        let [old, new] = self.both(table).await?;
        if old != new {
            return Ok(PromoteOutcome::Differs(Difference { changed: 1, ..Difference::default() }));
        }
        self.inner.promote(table, false).await
    }

    async fn park_later(&self, mut change: RowChange) -> Result<CommitOutcome, Error> {
        let (park, unpark) = (std::mem::take(&mut change.park), std::mem::take(&mut change.unpark));
        let (table, to, parked) = (change.table, change.to, change.parked);
        let answer = self.inner.commit(change).await?;
        if answer == CommitOutcome::Done && !(park.is_empty() && unpark.is_empty()) {
            yield_now().await;
            let later = RowChange { parked, park, unpark, ..RowChange::new(&table, to, to) };
            self.inner.commit(later).await?;
        }
        Ok(answer)
    }

    /// Writes rows wherever the checkpoint stands, and leaves it there.
    async fn write(&self, table: &Table, upserts: Vec<Row>, deletes: Vec<Key>) -> Result<(), Error> {
        let stands = self.inner.checkpoint(table.projection, table.version).await?;
        let at = stands.map_or(Position::START, |checkpoint| checkpoint.position);
        let change = RowChange { upserts, deletes, ..RowChange::new(table, at, at) };
        self.inner.commit(change).await.map(drop)
    }
}
