//! A correct store with one fault.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use annalist_core::{
    Error,
    criteria::Criteria,
    finding::{VerifyCursor, VerifyPage},
    keys::SharedKeys,
    record::{Position, Record},
    rows::{Row, SharedRows},
    store::{
        AcceptedCommand, Append, AppendOutcome, Archive, ArchiveStep, Batch, CommandKey, Condition, Entry,
        EventRef, EventStore, FeedPage, ImportTransaction, LogId, Marker, PageLimit, PolicyCheckpoint,
        Prefix, Read, Receipt, Reservation, RestoreStep, Rewrite, RewriteStep, Settled, Snapshot,
        SnapshotKey, StoredType, Successors,
    },
    time::Timestamp,
};
use annalist_memory::Memory;

use super::{
    archives,
    changes::{
        broken_step, broken_types, changed_purge, conflict_of, count_item_by_item, forget_known_list,
        in_milliseconds, just_after, output_of, positions_of, read_ignoring_case, remove_spaces,
        without_command, without_tags, without_types,
    },
    chunks::broken_chunks,
    fault::Fault,
    imports,
    inline::BrokenInline,
    keys::{RecordedKeys, broken_keys},
    pages::{SettlesOnDrop, broken_recent_page},
    rows::BrokenRows,
    snapshots::BrokenSnapshots,
    verify::broken_page,
};

/// A correct store, wrapped in a fault.
pub(crate) struct BrokenStore {
    inner: Memory,
    fault: Fault,
    /// Positions of events that are appended but not yet visible.
    unsettled: Mutex<BTreeSet<Position>>,
    slow_appends: AtomicU64,
    /// Rows of a discarded build, which the next defined build gets.
    leftover_rows: Arc<Mutex<Vec<Row>>>,
    recorded_keys: Arc<Mutex<RecordedKeys>>,
}

impl BrokenStore {
    pub(crate) fn new(fault: Fault) -> Self {
        let (unsettled, slow_appends) = (Mutex::default(), AtomicU64::new(0));
        let (leftover_rows, recorded_keys) = Default::default();
        Self { inner: Memory::new(), fault, unsettled, slow_appends, leftover_rows, recorded_keys }
    }

    /// Appends, and hides the events from the feed for some steps of the scheduler.
    async fn append_slowly(&self, append: Append) -> Result<AppendOutcome<Receipt>, Error> {
        let (outcome, positions) = {
            // Locked during the append, which never waits: no reader sees an event before it is listed as unsettled.
            let mut unsettled = self.unsettled.lock().unwrap();
            let outcome = output_of(self.inner.append_one(append))?;
            let positions: Vec<Position> = positions_of(&outcome);
            unsettled.extend(&positions);
            (outcome, positions)
        };
        let _settles = SettlesOnDrop { unsettled: &self.unsettled, positions };
        for _ in 0..self.slow_appends.fetch_add(1, Ordering::Relaxed) % 7 {
            tokio::task::yield_now().await;
        }
        Ok(outcome)
    }

    /// Runs a read and finds the first gap while no append changes the log.
    fn with_first_gap<T>(&self, read: impl Future<Output = T>) -> (T, Option<Position>) {
        let unsettled = self.unsettled.lock().unwrap();
        (output_of(read), unsettled.first().copied())
    }

    /// The append as the broken store processes it.
    fn changed_append(&self, mut append: Append) -> Append {
        match self.fault {
            Fault::IgnoresConditions => append.conditions.clear(),
            Fault::ChecksOnlyFirstCondition => append.conditions.truncate(1),
            Fault::DropsCommandIds => append.key = None,
            Fault::DropsCommandIdsOfEmptyAppends if append.events.is_empty() => append.key = None,
            Fault::IgnoresCommandOfIds => append.key = append.key.as_ref().map(without_command),
            Fault::ReversesEvents => append.events.reverse(),
            Fault::DropsMetadata => append.metadata = Arc::default(),
            Fault::TruncatesTimes => append.recorded_at = in_milliseconds(append.recorded_at),
            Fault::ForgetsSuccessors => append.successors.iter_mut().for_each(|known| known.added.clear()),
            Fault::RemovesSpacesFromPayloads => append.events.iter_mut().for_each(remove_spaces),
            _ => {}
        }
        for Condition { criteria, .. } in &mut append.conditions {
            *criteria = self.changed_criteria(criteria);
        }
        append
    }

    /// The criteria of a condition as the broken store checks them.
    fn changed_criteria(&self, criteria: &Criteria) -> Criteria {
        let items = criteria.items().iter();
        match self.fault {
            Fault::IgnoresTagsInConditions => items.map(without_tags).collect(),
            Fault::IgnoresTypesInConditions => items.map(without_types).collect(),
            Fault::ChecksOnlyFirstItem => items.take(1).cloned().collect(),
            Fault::ConflictsWithUnrelatedEvents if !criteria.items().is_empty() => Criteria::all(),
            _ => criteria.clone(),
        }
    }

    /// Removes the records that the broken store loses.
    fn remove_lost(&self, records: &mut Vec<Record>) {
        if self.fault == Fault::LosesEverySeventhEvent {
            records.retain(|record| record.position.get() % 7 != 0);
        }
    }

    async fn append_single(&self, append: Append) -> Result<AppendOutcome<Receipt>, Error> {
        let mut append = self.changed_append(append);
        if forget_known_list(&self.inner, self.fault, &mut append).await? {
            return Ok(AppendOutcome::SuccessorsChanged { index: 0 });
        }
        let original = append.clone();
        match self.fault {
            Fault::ChecksConditionsBeforeAppend => {
                if append.key.is_none()
                    && let Some(conflict) = conflict_of(&self.inner, &append).await?
                {
                    return Ok(conflict);
                }
                tokio::task::yield_now().await;
                append.conditions.clear();
            }
            Fault::ChecksConditionsBeforeCommandIds => {
                if let Some(conflict) = conflict_of(&self.inner, &append).await? {
                    return Ok(conflict);
                }
            }
            Fault::ChecksCommandIdsBeforeAppend => {
                if let Some(key) = append.key.take()
                    && let Some(receipt) = self.inner.receipt(&key).await?
                {
                    return Ok(AppendOutcome::Duplicate { index: 0, receipt });
                }
                tokio::task::yield_now().await;
                let outcome = self.inner.append_one(append).await?;
                if let (Some(key), AppendOutcome::Appended(_)) = (original.key, &outcome) {
                    self.inner.append_one(Append { key: Some(key), ..Append::default() }).await?;
                }
                return Ok(outcome);
            }
            Fault::SplitsAppends if append.events.len() > 1 && append.key.is_none() => {
                let second = append.events.split_off(append.events.len() / 2);
                let mut outcome = self.inner.append_one(append).await?;
                tokio::task::yield_now().await;
                if let AppendOutcome::Appended(first) = &mut outcome {
                    let rest = Append { events: second, conditions: vec![], journal: None, ..original };
                    if let AppendOutcome::Appended(rest) = self.inner.append_one(rest).await? {
                        first.events.extend(rest.events);
                    }
                }
                return Ok(outcome);
            }
            Fault::Rows(fault) => {
                let rows = Arc::new(self.inner.clone());
                return BrokenInline { log: &self.inner, rows, fault }.append(append).await;
            }
            _ if self.fault.has_gaps() => return self.append_slowly(append).await,
            _ => {}
        }
        let mut outcome = archives::append(&self.inner, self.fault, append).await?;
        match (self.fault, &mut outcome) {
            (Fault::ReversesReceipts, AppendOutcome::Appended(receipt)) => receipt.events.reverse(),
            (Fault::ReportsFirstCondition, AppendOutcome::Conflict { condition, .. }) => *condition = 0,
            (Fault::ReportsOldestMatch, AppendOutcome::Conflict { condition, conflicting_position, .. }) => {
                let Condition { criteria, marker } = original.conditions[*condition].clone();
                let newer = Read::all(criteria).after(marker.settled());
                *conflicting_position = self.inner.read(&[newer]).await?[0].records[0].position;
            }
            (Fault::WritesRefusedEvents, AppendOutcome::Conflict { .. }) => {
                let events = original.events.into_iter().take(1).collect();
                self.inner.append_one(Append { events, ..Append::default() }).await?;
            }
            (Fault::StoresCommandIdsOfRefusedAppends, AppendOutcome::Conflict { .. }) => {
                self.inner.append_one(Append { key: original.key, ..Append::default() }).await?;
            }
            (Fault::JournalsDuplicates, AppendOutcome::Duplicate { .. }) => {
                self.inner.append_one(Append { journal: original.journal, ..Append::default() }).await?;
            }
            _ => {}
        }
        Ok(outcome)
    }
}

#[async_trait::async_trait]
impl EventStore for BrokenStore {
    fn describe(&self) -> String {
        format!("store with the fault {:?}", self.fault)
    }

    fn log_id(&self) -> LogId {
        self.inner.log_id()
    }

    fn epoch(&self) -> u64 {
        self.inner.epoch()
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        let mut batches = archives::read(&self.inner, self.fault, reads).await?;
        for (read, batch) in reads.iter().zip(&mut batches) {
            match self.fault {
                Fault::MarkerOfEmptyReadCoversFuture if batch.records.is_empty() => {
                    batch.marker = Marker::new(Position::END, 0);
                }
                Fault::MarkerIgnoresUpTo => {
                    batch.marker = Marker::new(self.inner.settled().await?.position, 0);
                }
                Fault::IgnoresCaseOfTags => *batch = read_ignoring_case(&self.inner, read).await?,
                Fault::ReadsItemByItem => {
                    let reads: Vec<Read> = read
                        .criteria
                        .items()
                        .iter()
                        .map(|item| Read { criteria: item.clone().into(), ..read.clone() })
                        .collect();
                    batch.records =
                        self.inner.read(&reads).await?.into_iter().flat_map(|batch| batch.records).collect();
                }
                Fault::ReadIgnoresAfter => {
                    *batch = self.inner.read(&[read.clone().after(Position::START)]).await?.remove(0);
                }
                _ => self.remove_lost(&mut batch.records),
            }
        }
        if self.fault == Fault::ReversesBatches {
            batches.reverse();
        }
        Ok(batches)
    }

    async fn read_all_chunked(
        &self,
        reads: &[Read],
        each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Vec<Marker>, Error> {
        broken_chunks(&self.inner, self.fault, reads, each).await
    }

    async fn reserve(&self, criteria: &[Criteria]) -> Reservation {
        match self.fault {
            Fault::ReservesForAll => Reservation::new((), false),
            _ => self.inner.reserve(criteria).await,
        }
    }

    /// Returns 1 for most faults, because they show in single appends.
    fn max_batch(&self) -> usize {
        match self.fault {
            Fault::None | Fault::AppendsBatchesOneByOne | Fault::StoresOnlyFirstCommandIdOfBatch => {
                self.inner.max_batch()
            }
            _ => 1,
        }
    }

    async fn append(&self, mut appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        match self.fault {
            Fault::AppendsBatchesOneByOne => {
                let mut receipts = vec![];
                for append in appends {
                    match self.inner.append_one(append).await? {
                        AppendOutcome::Appended(receipt) => receipts.push(receipt),
                        refused => return Ok(refused.map(|_| vec![])),
                    }
                }
                Ok(AppendOutcome::Appended(receipts))
            }
            Fault::StoresOnlyFirstCommandIdOfBatch => {
                appends.iter_mut().skip(1).for_each(|append| append.key = None);
                self.inner.append(appends).await
            }
            _ if appends.len() == 1 => {
                let outcome = self.append_single(appends.remove(0)).await?;
                Ok(outcome.map(|receipt| vec![receipt]))
            }
            _ => self.inner.append(appends).await,
        }
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        match self.fault {
            Fault::IgnoresCommandOfIds => self.inner.receipt(&without_command(key)).await,
            _ => self.inner.receipt(key).await,
        }
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> {
        let limit = match self.fault {
            Fault::FeedIgnoresBytes => PageLimit::records(limit.records),
            _ => limit,
        };
        let (page, first_gap) = self.with_first_gap(self.inner.feed(filter, after, limit));
        let mut page = page?;
        self.remove_lost(&mut page.records);
        let is_cut = page.is_full && page.records.len() < limit.records;
        match (self.fault, first_gap) {
            (Fault::CutPageEndsAtSettledPosition, _) if is_cut => {
                page.up_to = self.inner.settled().await?.position;
            }
            (Fault::CutPageIsNotFull, _) if is_cut => page.is_full = false,
            (Fault::LargeEventDoesNotComeAlone, _) if is_cut => {
                page.records.retain(|record| record.data.as_str().len() <= limit.bytes);
            }
            (Fault::SkipsEventAfterFullPage, _) if page.records.len() == limit.records => {
                page.up_to = Position::new(page.up_to.get() + 1);
            }
            (Fault::FeedKnowsNoSuccessors, _) => page.successors = 0,
            (Fault::EmptyPageDoesNotAdvance, _) if page.records.is_empty() => page.up_to = after,
            (Fault::FeedSkipsGaps, Some(_)) => {
                let unsettled = self.unsettled.lock().unwrap();
                page.records.retain(|record| !unsettled.contains(&record.position));
            }
            (_, Some(gap)) if self.fault.stops_at_gaps() => {
                page.records.retain(|record| record.position < gap);
                page.is_full &= page.up_to < gap;
                page.up_to = page.up_to.min(Position::new(gap.get() - 1)).max(after);
            }
            _ => {}
        }
        Ok(page)
    }

    async fn recent_page(
        &self,
        filter: &Criteria,
        after: Position,
        limit: PageLimit,
    ) -> Result<Option<FeedPage>, Error> {
        broken_recent_page(&self.inner, self.fault, filter, after, limit).await
    }

    async fn settled(&self) -> Result<Settled, Error> {
        let (settled, first_gap) = self.with_first_gap(self.inner.settled());
        let mut settled = settled?;
        match (self.fault, first_gap) {
            (_, Some(gap)) if self.fault.stops_at_gaps() => settled.position = Position::new(gap.get() - 1),
            (Fault::ReportsTooManySettled, _) => settled.position = Position::new(settled.position.get() + 3),
            _ => {}
        }
        Ok(settled)
    }

    async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        if self.fault == Fault::UsesLastEventBeforeTime {
            let all = self.inner.read(&[Read::all(Criteria::all())]).await?.remove(0).records;
            let last = all.iter().rfind(|record| record.recorded_at <= time);
            let up_to = last.map_or(Position::START, |record| record.position);
            return Ok(Prefix { up_to, hidden: 0 });
        }
        let mut prefix = self.inner.prefix_at(time).await?;
        match self.fault {
            Fault::HidesHiddenEvents => prefix.hidden = 0,
            Fault::CountsAllLaterEventsAsHidden => {
                let settled = self.inner.settled().await?.position;
                prefix.hidden = settled.get().saturating_sub(prefix.up_to.get());
            }
            _ => {}
        }
        Ok(prefix)
    }

    async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
        match self.fault {
            Fault::JournalIgnoresBytes => self.inner.journal(after, PageLimit::records(limit.records)).await,
            _ => self.inner.journal(after, limit).await,
        }
    }

    fn row_store(&self) -> Option<SharedRows> {
        let inner = self.inner.row_store()?;
        match self.fault {
            Fault::Rows(fault) => {
                let (log, leftover_rows) = (self.inner.clone(), Arc::clone(&self.leftover_rows));
                Some(Arc::new(BrokenRows { inner, log, fault, leftover_rows }))
            }
            _ => Some(inner),
        }
    }

    fn key_store(&self) -> Option<SharedKeys> {
        Some(broken_keys(self.inner.key_store()?, self.fault, &self.recorded_keys))
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        let settled = self.settled().await?.position;
        let (after, up_to) = match self.fault {
            Fault::CountIncludesAfter => (Position::new(after.get().saturating_sub(1)), up_to.min(settled)),
            Fault::CountExcludesUpTo => (after, Position::new(up_to.min(settled).get().saturating_sub(1))),
            Fault::CountsUnsettledEvents => (after, up_to),
            _ => (after, up_to.min(settled)),
        };
        if self.fault == Fault::CountsItemByItem {
            return count_item_by_item(&self.inner, criteria, after, up_to).await;
        }
        self.inner.count(criteria, after, up_to).await
    }

    async fn stored_types(&self) -> Result<Vec<StoredType>, Error> {
        Ok(broken_types(self.fault, self.inner.stored_types().await?))
    }

    async fn count_type(&self, name: &str, version: Option<u32>, limit: u64) -> Result<u64, Error> {
        let version = version.filter(|_| self.fault != Fault::CountsAllVersions);
        let limit = if self.fault == Fault::CountsTypesWithoutLimit { u64::MAX } else { limit };
        self.inner.count_type(name, version, limit).await
    }

    async fn successors(&self) -> Result<Successors, Error> {
        self.inner.successors().await
    }

    async fn rewrite(&self, step: RewriteStep) -> Result<Rewrite, Error> {
        self.inner.rewrite(broken_step(&self.inner, self.fault, step).await?).await
    }

    async fn archives(&self) -> Result<Vec<Archive>, Error> {
        self.inner.archives().await
    }

    async fn archive(&self, step: ArchiveStep) -> Result<Archive, Error> {
        archives::step(&self.inner, self.fault, step).await
    }

    async fn restore(&self, step: RestoreStep) -> Result<Archive, Error> {
        archives::restore(&self.inner, self.fault, step).await
    }

    async fn tombstones(&self, after: Position, limit: PageLimit) -> Result<Vec<EventRef>, Error> {
        archives::tombstones(&self.inner, self.fault, after, limit).await
    }

    async fn event_at(&self, position: Position) -> Result<Option<EventRef>, Error> {
        archives::event_at(&self.inner, self.fault, position).await
    }

    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        match self.fault {
            Fault::Snapshots(fault) => BrokenSnapshots { inner: &self.inner, fault }.load(key).await,
            _ => self.inner.snapshot(key).await,
        }
    }

    async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        let inner = &self.inner;
        match self.fault {
            Fault::Snapshots(fault) => BrokenSnapshots { inner, fault }.save(key, snapshot).await,
            _ => self.inner.save_snapshot(key, snapshot).await,
        }
    }

    async fn purge_command_ids(&self, before: Timestamp, ids: Range<&str>) -> Result<u64, Error> {
        let (before, ids) = changed_purge(self.fault, before, ids);
        self.inner.purge_command_ids(before, ids).await
    }

    async fn purge_journal(&self, before: Timestamp) -> Result<u64, Error> {
        let later = self.fault == Fault::PurgesTooManyJournalEntries;
        self.inner.purge_journal(if later { just_after(before) } else { before }).await
    }

    async fn command_ids(&self, after: &str, limit: PageLimit) -> Result<Vec<AcceptedCommand>, Error> {
        imports::command_ids(&self.inner, self.fault, after, limit).await
    }

    async fn policies(&self) -> Result<Vec<PolicyCheckpoint>, Error> {
        self.inner.policies().await
    }

    async fn import(&self) -> Result<Box<dyn ImportTransaction>, Error> {
        imports::begin(&self.inner, self.fault).await
    }

    async fn verify(&self, up_to: Position, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        broken_page(&self.inner, self.fault, up_to, after).await
    }
}
