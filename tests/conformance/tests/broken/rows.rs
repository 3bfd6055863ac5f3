//! A correct row store with one fault.

use std::{
    cmp::Ordering,
    sync::{Arc, Mutex},
};

use annalist_core::{
    Error,
    finding::{Finding, FindingKind, VerifyCursor, VerifyPage},
    payload::Payload,
    record::Position,
    rows::{
        Build, Checkpoint, Claim, CommitOutcome, Decimal, Difference, FollowerRequests, Inline,
        InlineOutcome, Key, Parked, PromoteOutcome, Row, RowChange, RowQuery, RowStore, SharedRows, Table,
        TimeOfDay, Value,
    },
    store::{EventStore, LogId},
    time::Timestamp,
};
use annalist_memory::Memory;
use tokio::task::yield_now;

use super::{
    compared::{replace_claim, replace_requests},
    inline::{FoldBehaviour, broken_fold},
    row_fault::RowFault,
};

/// A correct row store, wrapped in a fault.
pub(crate) struct BrokenRows {
    pub(crate) inner: SharedRows,
    pub(crate) log: Memory,
    pub(crate) fault: RowFault,
    /// Rows of a discarded build, which the next defined build gets.
    pub(crate) leftover_rows: Arc<Mutex<Vec<Row>>>,
}

impl BrokenRows {
    /// The table that the broken store uses instead.
    fn table(&self, table: &Table) -> Table {
        match self.fault {
            RowFault::MixesVersions => Table { version: 1, ..*table },
            RowFault::MixesBuilds => table.built(0),
            _ => *table,
        }
    }

    /// Changes a value to the one that the broken store writes.
    fn change_value(&self, value: &mut Value) {
        match (self.fault, &*value) {
            (RowFault::TruncatesTimes, Value::Time(time)) => {
                *value = Value::Time(Timestamp::from_micros(time.as_micros().div_euclid(1_000) * 1_000));
            }
            (RowFault::RemovesSpacesFromJson, Value::Json(json)) => {
                *value = Value::Json(Payload::from_stored(json.as_str().replace(' ', "")));
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // This is the fault.
            (RowFault::RoundsIntegers, Value::Int(number)) => *value = Value::Int(*number as f64 as i64),
            #[allow(clippy::cast_precision_loss)] // This is the fault.
            (RowFault::RoundsDecimals, Value::Decimal(number)) => {
                let rounded = number.mantissa() as f64 as i128;
                *value = Decimal::new(rounded, number.scale()).map_or(Value::Null, Value::Decimal);
            }
            (RowFault::TruncatesTimesOfDay, Value::TimeOfDay(time)) => {
                let truncated = TimeOfDay::from_micros(time.as_micros() / 1_000 * 1_000);
                *value = truncated.map_or(Value::Null, Value::TimeOfDay);
            }
            (RowFault::StoresEmptyTextAsNull, Value::Text(text)) if text.is_empty() => {
                *value = Value::Null;
            }
            _ => {}
        }
    }

    /// Replaces NULLs in new rows by the values of the old rows.
    async fn merge_old_values(&self, change: &mut RowChange) -> Result<(), Error> {
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
}

#[async_trait::async_trait]
impl RowStore for BrokenRows {
    fn describe_rows(&self) -> String {
        format!("rows with the fault {:?}", self.fault)
    }

    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        let stored = self.checkpoint(table.projection, table.version).await?;
        let events = if self.fault == RowFault::ForgetsFoldedEvents { "" } else { events };
        let result = self.inner.define(&self.table(table), events, log).await;
        if self.fault == RowFault::LeavesRowsOfDiscardedBuilds && stored.is_none() {
            let leftover = std::mem::take(&mut *self.leftover_rows.lock().unwrap());
            self.write(table, leftover, vec![]).await?;
        }
        match (self.fault, result, stored) {
            (RowFault::AcceptsOtherColumns, Err(error), Some(stored))
                if error.to_string().contains("version") =>
            {
                Ok(stored)
            }
            (RowFault::AcceptsOtherLogs, Err(error), Some(stored)) if error.to_string().contains("log") => {
                Ok(stored)
            }
            (RowFault::DefinesDeletedBuilds, Err(error), _) if error.to_string().contains("was deleted") => {
                Ok(Checkpoint::default())
            }
            (RowFault::ResetsCheckpointOnDefine, Ok(now), _) => {
                Ok(Checkpoint { position: Position::START, ..now })
            }
            (_, result, _) => result,
        }
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        let mut builds = self.inner.builds(projection).await?;
        match self.fault {
            RowFault::StoresRequestsForOneBuild => {
                builds.iter_mut().skip(1).for_each(|build| build.requests = FollowerRequests::default());
            }
            RowFault::ListsNewestBuildFirst => builds.reverse(),
            RowFault::LeavesOldBuildLive => {
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
        if self.fault == RowFault::SortsParkedByText {
            parked.sort_by_key(|one| one.position.to_string());
        }
        Ok(parked)
    }

    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        let mut page = self.inner.verify_rows(after).await?;
        match self.fault {
            RowFault::VerifiesNoBuilds => page.findings.clear(),
            RowFault::ReturnsNoReferences => page.references.clear(),
            RowFault::ReportsParkedEventsAsMissing if after.part == "parked" && page.rows > 0 => {
                page.findings.push(Finding::of(
                    FindingKind::Parked,
                    "build `things_v1`",
                    "its event is missing",
                ));
            }
            _ => {}
        }
        Ok(page)
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        let table = &self.table(table);
        let compare = compare && self.fault != RowFault::PromotesWithoutComparison;
        if compare && self.fault == RowFault::ComparesInSteps {
            return self.promote_in_steps(table).await;
        }
        let result = self.inner.promote(table, compare).await;
        let promote = async || self.inner.promote(table, false).await;
        match (self.fault, result) {
            (RowFault::ReportsOlderBuildsAsPromoted, Ok(PromoteOutcome::Superseded)) => {
                Ok(PromoteOutcome::Done)
            }
            (RowFault::ReportsUndefinedBuildsAsPromoted, Err(_)) => Ok(PromoteOutcome::Done),
            (
                RowFault::ComparesOnlyKeys,
                Ok(PromoteOutcome::Differs(Difference { missing: 0, added: 0, .. })),
            ) => promote().await,
            (RowFault::PromotesDifferentBuilds, Ok(result @ PromoteOutcome::Differs(_))) => {
                promote().await.map(|_| result)
            }
            (RowFault::PromotesIncomparableBuilds, Ok(PromoteOutcome::NotComparable)) => promote().await,
            (RowFault::PromotesDespiteParkedEvents, Ok(PromoteOutcome::NotComparable)) => {
                let builds = self.inner.builds(table.projection).await?;
                let any_parked = builds.iter().any(|build| build.checkpoint.parked > 0);
                if any_parked { promote().await } else { Ok(PromoteOutcome::NotComparable) }
            }
            (RowFault::ComparesPositionsOfInlineBuilds, Ok(PromoteOutcome::Done)) => {
                let builds = self.inner.builds(table.projection).await?;
                let inline: Vec<_> = builds.iter().filter(|build| build.inline).collect();
                let became_inline_apart =
                    inline.windows(2).any(|two| two[0].checkpoint.position != two[1].checkpoint.position);
                Ok(if became_inline_apart { PromoteOutcome::NotComparable } else { PromoteOutcome::Done })
            }
            (RowFault::SwapsMissingAndAdded, Ok(PromoteOutcome::Differs(difference))) => {
                let Difference { missing, added, .. } = difference;
                Ok(PromoteOutcome::Differs(Difference { missing: added, added: missing, ..difference }))
            }
            (RowFault::ReportsGreatestKey, Ok(PromoteOutcome::Differs(difference))) => {
                let [old, new] = self.live_and_new_rows(table).await?;
                let different = old
                    .iter()
                    .filter(|row| !new.contains(row))
                    .chain(new.iter().filter(|row| !old.contains(row)));
                let mut keys: Vec<Key> = different.map(|row| table.key_of(row)).collect();
                keys.sort_by(|one, other| {
                    let columns = one.iter().zip(other).map(|(one, other)| one.order(other));
                    columns.fold(Ordering::Equal, Ordering::then)
                });
                Ok(PromoteOutcome::Differs(Difference { example: keys.pop(), ..difference }))
            }
            (_, result) => result,
        }
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        let table = &self.table(table);
        match self.fault {
            RowFault::DiscardHasNoEffect => {
                let builds = self.inner.builds(table.projection).await?;
                return Ok(builds.iter().any(|build| build.order() == table.order()));
            }
            RowFault::DiscardsOtherBuilds => {
                for build in self.inner.builds(table.projection).await? {
                    if build.version == table.version && build.order() != table.order() {
                        let _ = self.inner.discard(&table.built(build.build)).await;
                    }
                }
            }
            RowFault::LeavesRowsOfDiscardedBuilds => {
                let all = RowQuery { table, filters: vec![], sort: None, after: None, limit: usize::MAX };
                *self.leftover_rows.lock().unwrap() = self.inner.find(&all).await.unwrap_or_default();
            }
            _ => {}
        }
        match (self.fault, self.inner.discard(table).await) {
            (RowFault::ReportsLiveBuildsAsDiscarded, Err(_))
            | (RowFault::ReportsUndefinedBuildsAsDiscarded, Ok(_)) => Ok(true),
            (_, result) => result,
        }
    }

    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        match self.fault {
            RowFault::LosesRemainingEvents => {
                self.inner.make_inline(broken_fold(&inline, FoldBehaviour::Nothing)).await
            }
            RowFault::FoldsRemainingEventsTwice => {
                self.inner.make_inline(broken_fold(&inline, FoldBehaviour::Twice)).await
            }
            RowFault::MakesInlineInTwoSteps => {
                let table = inline.table();
                let result = self.inner.make_inline(Arc::clone(&inline)).await?;
                if result == InlineOutcome::Done {
                    self.inner.make_async(table).await?;
                    self.wait_for_others(table).await?;
                    return self.inner.make_inline(broken_fold(&inline, FoldBehaviour::Nothing)).await;
                }
                Ok(result)
            }
            RowFault::ReportsBehindBuildsAsInline => {
                self.inner.make_inline(inline).await.map(|_| InlineOutcome::Done)
            }
            _ => self.inner.make_inline(inline).await,
        }
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        let table = &self.table(table);
        let builds = self.inner.builds(table.projection).await?;
        let before = builds.into_iter().find(|build| build.order() == table.order());
        match (self.fault, before) {
            (RowFault::MakeAsyncHasNoEffect, Some(before)) => Ok(before.checkpoint),
            (RowFault::MakeAsyncRestoresOldCheckpoint, Some(before)) => {
                let now = self.inner.make_async(table).await?;
                let back = RowChange::new(table, now.position, before.checkpoint.position);
                self.inner.commit(back).await?;
                Ok(before.checkpoint)
            }
            _ => self.inner.make_async(table).await,
        }
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let mut rows = self.inner.rows(&self.table(table), keys).await?;
        if self.fault == RowFault::ReturnsEachKeyOnce {
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
        change.upserts.iter_mut().flatten().for_each(|value| self.change_value(value));
        let build = self.inner.builds(table.projection).await?;
        let build = build.into_iter().find(|build| build.order() == table.order());
        let Checkpoint { position: current, parked, stopped, .. } =
            build.map(|build| build.checkpoint).unwrap_or_default();
        match self.fault {
            RowFault::IgnoresCheckpoint => change.from = current,
            RowFault::IgnoresParkedCount => change.parked = parked,
            RowFault::IgnoresPark => change.park.clear(),
            RowFault::IgnoresUnpark => change.unpark.clear(),
            RowFault::ParksAtMostThousandEvents => change.park.truncate(1_000),
            RowFault::NeverReplacesParked => {
                let stored = self.inner.parked(&table).await?;
                change.park.retain(|one| stored.iter().all(|stored| stored.position != one.position));
            }
            RowFault::TruncatesErrors => change.park.iter_mut().for_each(|one| {
                one.error = one.error.chars().take(1_000).collect();
            }),
            RowFault::SortsKeysOfParked => change.park.iter_mut().for_each(|one| one.keys.sort()),
            RowFault::ParksAfterCommit => return self.park_after_commit(change).await,
            RowFault::NeverClearsReports | RowFault::ClearsReportsOnStaleChanges => {
                let result = self.inner.commit(change).await?;
                let restores_on_success = self.fault == RowFault::NeverClearsReports;
                if restores_on_success == (result == CommitOutcome::Done) {
                    self.inner.report(&table, stopped.as_deref().filter(|_| restores_on_success)).await?;
                }
                return Ok(result);
            }
            RowFault::AcceptsChangesOfInlineBuilds => {
                return match self.inner.commit(change).await {
                    Err(error) if error.to_string().contains("inline") => Ok(CommitOutcome::Done),
                    result => result,
                };
            }
            RowFault::ComparesCheckpointBeforeWrite if current == change.from => {
                yield_now().await;
                let checkpoint = self.inner.checkpoint(table.projection, table.version).await?;
                change.from = checkpoint.map_or(change.from, |checkpoint| checkpoint.position);
            }
            RowFault::MovesCheckpointBeforeRows => {
                let first = RowChange { upserts: vec![], deletes: vec![], ..change.clone() };
                let result = self.inner.commit(first).await?;
                if result == CommitOutcome::Done {
                    yield_now().await;
                    let (upserts, deletes) = (change.upserts, change.deletes);
                    self.write(&table, upserts, deletes).await?;
                }
                return Ok(result);
            }
            RowFault::WritesRowsBeforeCheckpoint if current == change.from => {
                let (upserts, deletes) =
                    (std::mem::take(&mut change.upserts), std::mem::take(&mut change.deletes));
                self.write(&table, upserts, deletes).await?;
                yield_now().await;
            }
            RowFault::WritesStaleChanges if current != change.from => {
                self.write(&table, change.upserts, vec![]).await?;
                return Ok(CommitOutcome::Stale(current));
            }
            RowFault::ReportsWrongCheckpoint if current != change.from => {
                return Ok(CommitOutcome::Stale(change.from));
            }
            RowFault::IgnoresDeletes => change.deletes.clear(),
            RowFault::WritesAtMostThousandRows => change.upserts.truncate(1_000),
            RowFault::MergesRows => self.merge_old_values(&mut change).await?,
            RowFault::DropsAnchors => change.anchor = None,
            _ => {}
        }
        self.inner.commit(change).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        if self.fault == RowFault::IgnoresReports {
            return Ok(());
        }
        self.inner.report(&self.table(table), stopped).await
    }

    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error> {
        replace_claim(&*self.inner, self.fault, &self.table(table), expected, claim).await
    }

    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        replace_requests(&*self.inner, self.fault, &self.table(table), requests.clone()).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let table = self.table(query.table);
        self.find_with_fault(&RowQuery { table: &table, ..query.clone() }).await
    }

    async fn count_rows(&self, query: &RowQuery<'_>) -> Result<u64, Error> {
        let table = self.table(query.table);
        let query = RowQuery { table: &table, ..query.clone() };
        Ok(self.totals_with_fault(&query, None).await?.0)
    }

    async fn sum_column(&self, query: &RowQuery<'_>, column: usize) -> Result<i128, Error> {
        let table = self.table(query.table);
        let query = RowQuery { table: &table, ..query.clone() };
        Ok(self.totals_with_fault(&query, Some(column)).await?.1)
    }
}

impl BrokenRows {
    /// Reads the rows of the live build and of another build in two steps.
    async fn live_and_new_rows(&self, table: &Table) -> Result<[Vec<Row>; 2], Error> {
        let builds = self.inner.builds(table.projection).await?;
        let live = builds.iter().find(|build| build.live).map_or(table.order(), Build::order);
        let live = Table { version: live.0, build: live.1, ..*table };
        let all = |table| RowQuery { table, filters: vec![], sort: None, after: None, limit: usize::MAX };
        let old = self.inner.find(&all(&live)).await?;
        self.wait_for_others(table).await?;
        Ok([old, self.inner.find(&all(table)).await?])
    }

    /// Waits until concurrent tasks have appended events or moved the checkpoint, or for at most 1,000 steps of the
    /// scheduler.
    async fn wait_for_others(&self, table: &Table) -> Result<(), Error> {
        let target = self.progress(table).await? + 8;
        for _ in 0..1_000 {
            yield_now().await;
            if self.progress(table).await? >= target {
                break;
            }
        }
        Ok(())
    }

    /// The sum of the settled position and the position of a build.
    async fn progress(&self, table: &Table) -> Result<u64, Error> {
        let builds = self.inner.builds(table.projection).await?;
        let build = builds.into_iter().find(|build| build.order() == table.order());
        let position = build.map_or(Position::START, |build| build.checkpoint.position);
        Ok(self.log.settled().await?.position.get() + position.get())
    }

    /// Compares and promotes a build in separate steps.
    async fn promote_in_steps(&self, table: &Table) -> Result<PromoteOutcome, Error> {
        let builds = self.inner.builds(table.projection).await?;
        let is_compared = |build: &&Build| build.live || build.order() == table.order();
        let positions: Vec<Position> =
            builds.iter().filter(is_compared).map(|build| build.checkpoint.position).collect();
        if positions.windows(2).any(|two| two[0] != two[1]) {
            return Ok(PromoteOutcome::NotComparable);
        }
        let [old, new] = self.live_and_new_rows(table).await?;
        if old != new {
            return Ok(PromoteOutcome::Differs(Difference { changed: 1, ..Difference::default() }));
        }
        self.inner.promote(table, false).await
    }

    /// Commits a change, and parks and unparks its events in a second change.
    async fn park_after_commit(&self, mut change: RowChange) -> Result<CommitOutcome, Error> {
        let (park, unpark) = (std::mem::take(&mut change.park), std::mem::take(&mut change.unpark));
        let (table, to, parked) = (change.table, change.to, change.parked);
        let result = self.inner.commit(change).await?;
        if result == CommitOutcome::Done && !(park.is_empty() && unpark.is_empty()) {
            yield_now().await;
            let later = RowChange { parked, park, unpark, ..RowChange::new(&table, to, to) };
            self.inner.commit(later).await?;
        }
        Ok(result)
    }

    /// Writes rows without moving the checkpoint.
    async fn write(&self, table: &Table, upserts: Vec<Row>, deletes: Vec<Key>) -> Result<(), Error> {
        let checkpoint = self.inner.checkpoint(table.projection, table.version).await?;
        let at = checkpoint.map_or(Position::START, |checkpoint| checkpoint.position);
        let change = RowChange { upserts, deletes, ..RowChange::new(table, at, at) };
        self.inner.commit(change).await.map(drop)
    }
}
