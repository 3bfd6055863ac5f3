//! A sound store with one fault.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use annalist_core::{
    Error,
    criteria::{Criteria, Item},
    payload::Payload,
    record::{Draft, Metadata, Name, Position, Record},
    rows::{Row, SharedRows},
    store::{
        Append, AppendOutcome, Batch, CommandKey, Condition, Entry, EventStore, FeedPage, LogId, Marker,
        Read, Receipt, Settled, Snapshot, SnapshotKey,
    },
    tag::Tag,
    time::Timestamp,
};
use annalist_memory::Memory;
use tokio::task::yield_now;

use super::{fault::Fault, inline::Beside, rows::BrokenRows, snapshots::BrokenSnapshots};

/// A sound store behind a fault.
pub(crate) struct Broken {
    inner: Memory,
    fault: Fault,
    /// Positions that writers have drawn and the feed cannot see yet.
    on_their_way: Mutex<BTreeSet<Position>>,
    calls: AtomicU64,
    /// Rows that stay when their build is discarded.
    left: Arc<Mutex<Vec<Row>>>,
}

impl Broken {
    pub(crate) fn new(fault: Fault) -> Self {
        let (on_their_way, calls, left) = (Mutex::default(), AtomicU64::new(0), Arc::default());
        Self { inner: Memory::new(), fault, on_their_way, calls, left }
    }

    fn has_gaps(&self) -> bool {
        self.fault == Fault::GapsAndNaiveFeed || self.is_patient()
    }

    fn is_patient(&self) -> bool {
        matches!(self.fault, Fault::GapsAndPatientFeed | Fault::CountsWhatIsOnItsWay)
    }

    /// Appends, and keeps the events from the feed for some steps of the scheduler.
    async fn append_slowly(&self, append: Append) -> Result<AppendOutcome<Receipt>, Error> {
        let positions: Vec<Position>;
        let answer = {
            // Held over the append, which never waits: nobody sees an event that is not yet known to be on its way.
            let mut on_their_way = self.on_their_way.lock().unwrap();
            let answer = now(self.inner.append_one(append))?;
            positions = match &answer {
                AppendOutcome::Appended(receipt) => {
                    receipt.events.iter().map(|event| event.position).collect()
                }
                _ => vec![],
            };
            on_their_way.extend(&positions);
            answer
        };
        let _arrives = Arrives { store: self, positions };
        for _ in 0..self.calls.fetch_add(1, Ordering::Relaxed) % 7 {
            yield_now().await;
        }
        Ok(answer)
    }

    /// An answer and the first gap at one moment: of an event that came in between, the feed would not know that it is on
    /// its way.
    fn with_first_gap<T>(&self, answer: impl Future<Output = T>) -> (T, Option<Position>) {
        let on_their_way = self.on_their_way.lock().unwrap();
        (now(answer), on_their_way.first().copied())
    }

    async fn refused(&self, append: &Append) -> Result<Option<AppendOutcome<Receipt>>, Error> {
        let conditions = append.conditions.clone();
        let answer = self.inner.append_one(Append { conditions, ..Append::default() }).await?;
        Ok(matches!(answer, AppendOutcome::Conflict { .. }).then_some(answer))
    }

    /// What the store makes of an append before it looks at it.
    fn distorted(&self, mut append: Append) -> Append {
        match self.fault {
            Fault::AcceptsEverything => append.conditions.clear(),
            Fault::WatchesOnlyTheFirstCondition => append.conditions.truncate(1),
            Fault::ForgetsCommandIds => append.key = None,
            Fault::ForgetsAppendsOfNothing if append.events.is_empty() => append.key = None,
            Fault::KnowsIdsOfOtherCommands => append.key = append.key.as_ref().map(without_command),
            Fault::ReordersEvents => append.events.reverse(),
            Fault::DropsMetadata => append.metadata = Metadata::default(),
            Fault::CutsTimes => {
                append.recorded_at =
                    Timestamp::from_micros(append.recorded_at.as_micros().div_euclid(1_000) * 1_000);
            }
            Fault::ChangesPayloads => append.events.iter_mut().for_each(tidy),
            _ => {}
        }
        for Condition { criteria, .. } in &mut append.conditions {
            *criteria = self.watched(criteria);
        }
        append
    }

    fn watched(&self, criteria: &Criteria) -> Criteria {
        let items = criteria.items().iter();
        match self.fault {
            Fault::IgnoresTagsInConditions => {
                items.map(|item| Item::any().types(item.type_names().iter().cloned())).collect()
            }
            Fault::IgnoresTypesInConditions => {
                items.map(|item| item.tags().iter().cloned().fold(Item::any(), Item::tag)).collect()
            }
            Fault::WatchesOnlyTheFirstItem => items.take(1).cloned().collect(),
            Fault::ConflictsTooEagerly if !criteria.items().is_empty() => Criteria::all(),
            _ => criteria.clone(),
        }
    }

    /// The records that the store admits to have.
    fn admitted(&self, records: &mut Vec<Record>) {
        if self.fault == Fault::LosesEverySeventhEvent {
            records.retain(|record| record.position.get() % 7 != 0);
        }
    }

    /// All records, filtered by tags whose case does not count.
    async fn read_without_case(&self, read: &Read) -> Result<Batch, Error> {
        let everything = Read { criteria: Criteria::all(), ..read.clone() };
        let mut batch = self.inner.read(&[everything]).await?.remove(0);
        let folded = |tag: &Tag| Tag::parse(tag.as_str().to_ascii_lowercase()).unwrap();
        let fold = |item: &Item| {
            item.tags()
                .iter()
                .map(folded)
                .fold(Item::any().types(item.type_names().iter().cloned()), Item::tag)
        };
        let criteria: Criteria = read.criteria.items().iter().map(fold).collect();
        batch.records.retain(|record| {
            criteria.matches(&record.name, &record.tags.iter().map(folded).collect::<Vec<_>>())
        });
        Ok(batch)
    }
}

/// Lets the feed see positions again, also when the writer was dropped.
struct Arrives<'a> {
    store: &'a Broken,
    positions: Vec<Position>,
}

impl Drop for Arrives<'_> {
    fn drop(&mut self) {
        let mut on_their_way = self.store.on_their_way.lock().unwrap();
        on_their_way.retain(|position| !self.positions.contains(position));
    }
}

/// The answer of a future that never waits.
fn now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("the store in memory never waits"),
    }
}

fn without_command(key: &CommandKey) -> CommandKey {
    let name = |text: &str| Name::new("name", text.to_owned()).unwrap();
    CommandKey::new(name(key.id()), name("any"), [])
}

/// Takes the spaces out of a payload, as a store that parses it might.
fn tidy(draft: &mut Draft) {
    let (name, text) = (Cow::Owned(draft.name().to_owned()), draft.data().as_str().replace(' ', ""));
    // The draft gets another id, too; a store that builds events anew loses more than it thinks.
    *draft =
        Draft::new(name, draft.version(), draft.tags().iter().cloned(), Payload::from_stored(text)).unwrap();
}

impl Broken {
    async fn append_single(&self, append: Append) -> Result<AppendOutcome<Receipt>, Error> {
        let mut append = self.distorted(append);
        let original = append.clone();
        match self.fault {
            Fault::ChecksBeforeItAppends => {
                if append.key.is_none()
                    && let Some(refused) = self.refused(&append).await?
                {
                    return Ok(refused);
                }
                yield_now().await;
                append.conditions.clear();
            }
            Fault::ChecksConditionsBeforeIds => {
                if let Some(refused) = self.refused(&append).await? {
                    return Ok(refused);
                }
            }
            Fault::LooksIdsUpTooEarly => {
                if let Some(key) = append.key.take()
                    && let Some(receipt) = self.inner.receipt(&key).await?
                {
                    return Ok(AppendOutcome::Duplicate { index: 0, receipt });
                }
                yield_now().await;
                let answer = self.inner.append_one(append).await?;
                if let (Some(key), AppendOutcome::Appended(_)) = (original.key, &answer) {
                    self.inner.append_one(Append { key: Some(key), ..Append::default() }).await?;
                }
                return Ok(answer);
            }
            Fault::HalfWrites if append.events.len() > 1 && append.key.is_none() => {
                let second = append.events.split_off(append.events.len() / 2);
                let mut answer = self.inner.append_one(append).await?;
                yield_now().await;
                if let AppendOutcome::Appended(first) = &mut answer {
                    let rest = Append { events: second, conditions: vec![], journal: None, ..original };
                    if let AppendOutcome::Appended(rest) = self.inner.append_one(rest).await? {
                        first.events.extend(rest.events);
                    }
                }
                return Ok(answer);
            }
            Fault::Rows(fault) => {
                let rows = Arc::new(self.inner.clone());
                return Beside { log: &self.inner, rows, fault }.append(append).await;
            }
            _ if self.has_gaps() => return self.append_slowly(append).await,
            _ => {}
        }
        let mut answer = self.inner.append_one(append).await?;
        match (self.fault, &mut answer) {
            (Fault::SwapsReceipts, AppendOutcome::Appended(receipt)) => receipt.events.reverse(),
            (Fault::NamesTheWrongCondition, AppendOutcome::Conflict { condition, .. }) => *condition = 0,
            (Fault::NamesTheFirstMatch, AppendOutcome::Conflict { condition, conflicting_position, .. }) => {
                let Condition { criteria, marker } = original.conditions[*condition].clone();
                let newer = Read::all(criteria).after(marker.settled());
                *conflicting_position = self.inner.read(&[newer]).await?[0].records[0].position;
            }
            (Fault::WritesWhatItRefuses, AppendOutcome::Conflict { .. }) => {
                let events = original.events.into_iter().take(1).collect();
                self.inner.append_one(Append { events, ..Append::default() }).await?;
            }
            (Fault::RemembersWhatItRefused, AppendOutcome::Conflict { .. }) => {
                self.inner.append_one(Append { key: original.key, ..Append::default() }).await?;
            }
            (Fault::JournalsWhatItKnows, AppendOutcome::Duplicate { .. }) => {
                self.inner.append_one(Append { journal: original.journal, ..Append::default() }).await?;
            }
            _ => {}
        }
        Ok(answer)
    }
}

#[async_trait::async_trait]
impl EventStore for Broken {
    fn describe(&self) -> String {
        format!("store that is broken: {:?}", self.fault)
    }

    fn log_id(&self) -> LogId {
        self.inner.log_id()
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        let mut batches = self.inner.read(reads).await?;
        for (read, batch) in reads.iter().zip(&mut batches) {
            match self.fault {
                Fault::DoesNotGuardEmptyReads if batch.records.is_empty() => {
                    batch.marker = Marker::new(Position::END, 0);
                }
                Fault::MarksBeyondWhatWasRead => {
                    batch.marker = Marker::new(self.inner.settled().await?.position, 0);
                }
                Fault::ComparesTagsWithoutCase => *batch = self.read_without_case(read).await?,
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
                Fault::ReadsFromTheStart => {
                    *batch = self.inner.read(&[read.clone().after(Position::START)]).await?.remove(0);
                }
                _ => self.admitted(&mut batch.records),
            }
        }
        if self.fault == Fault::SwapsAnswers {
            batches.reverse();
        }
        Ok(batches)
    }

    /// Most faults show in single appends.
    fn max_batch(&self) -> usize {
        match self.fault {
            Fault::None | Fault::AppendsOneByOne | Fault::RemembersOneIdOfAll => self.inner.max_batch(),
            _ => 1,
        }
    }

    async fn append(&self, mut appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        match self.fault {
            Fault::AppendsOneByOne => {
                let mut receipts = vec![];
                for append in appends {
                    match self.inner.append_one(append).await? {
                        AppendOutcome::Appended(receipt) => receipts.push(receipt),
                        refused => return Ok(refused.map(|_| vec![])),
                    }
                }
                Ok(AppendOutcome::Appended(receipts))
            }
            Fault::RemembersOneIdOfAll => {
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
            Fault::KnowsIdsOfOtherCommands => self.inner.receipt(&without_command(key)).await,
            _ => self.inner.receipt(key).await,
        }
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: usize) -> Result<FeedPage, Error> {
        let (page, first_gap) = self.with_first_gap(self.inner.feed(filter, after, limit));
        let mut page = page?;
        self.admitted(&mut page.records);
        match (self.fault, first_gap) {
            (Fault::SkipsAtPageBorders, _) if page.records.len() == limit => {
                page.up_to = Position::new(page.up_to.get() + 1);
            }
            (Fault::DoesNotMoveOn, _) if page.records.is_empty() => page.up_to = after,
            (Fault::GapsAndNaiveFeed, Some(_)) => {
                let on_their_way = self.on_their_way.lock().unwrap();
                page.records.retain(|record| !on_their_way.contains(&record.position));
            }
            (_, Some(gap)) if self.is_patient() => {
                page.records.retain(|record| record.position < gap);
                page.up_to = page.up_to.min(Position::new(gap.get() - 1)).max(after);
            }
            _ => {}
        }
        Ok(page)
    }

    async fn settled(&self) -> Result<Settled, Error> {
        let (settled, first_gap) = self.with_first_gap(self.inner.settled());
        let mut settled = settled?;
        match (self.fault, first_gap) {
            (_, Some(gap)) if self.is_patient() => settled.position = Position::new(gap.get() - 1),
            (Fault::SettlesTooEarly, _) => settled.position = Position::new(settled.position.get() + 3),
            _ => {}
        }
        Ok(settled)
    }

    async fn position_at(&self, time: Timestamp) -> Result<Position, Error> {
        if self.fault == Fault::TakesTheLastEventBeforeATime {
            let all = self.inner.read(&[Read::all(Criteria::all())]).await?.remove(0).records;
            let last = all.iter().rfind(|record| record.recorded_at <= time);
            return Ok(last.map_or(Position::START, |record| record.position));
        }
        self.inner.position_at(time).await
    }

    async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        self.inner.journal(after, limit).await
    }

    fn row_store(&self) -> Option<SharedRows> {
        let inner = self.inner.row_store()?;
        match self.fault {
            Fault::Rows(fault) => {
                let (log, left) = (self.inner.clone(), Arc::clone(&self.left));
                Some(Arc::new(BrokenRows { inner, log, fault, left }))
            }
            _ => Some(inner),
        }
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        let settled = self.settled().await?.position;
        let (after, up_to) = match self.fault {
            Fault::CountsFromWhereItStarts => {
                (Position::new(after.get().saturating_sub(1)), up_to.min(settled))
            }
            Fault::CountsBelowTheEnd => (after, Position::new(up_to.min(settled).get().saturating_sub(1))),
            Fault::CountsWhatIsOnItsWay => (after, up_to),
            _ => (after, up_to.min(settled)),
        };
        if self.fault == Fault::CountsItemByItem {
            let mut sum = 0;
            for item in criteria.items() {
                sum += self.inner.count(&item.clone().into(), after, up_to).await?;
            }
            return Ok(sum);
        }
        self.inner.count(criteria, after, up_to).await
    }

    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        match self.fault {
            Fault::Snapshots(fault) => BrokenSnapshots { inner: &self.inner, fault }.find(key).await,
            _ => self.inner.snapshot(key).await,
        }
    }

    async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        match self.fault {
            Fault::Snapshots(fault) => {
                BrokenSnapshots { inner: &self.inner, fault }.keep(key, snapshot).await
            }
            _ => self.inner.save_snapshot(key, snapshot).await,
        }
    }

    async fn purge_command_ids(&self, before: Timestamp) -> Result<u64, Error> {
        let reach = if self.fault == Fault::ForgetsTooManyIds { 1 } else { 0 };
        self.inner.purge_command_ids(Timestamp::from_micros(before.as_micros() + reach)).await
    }
}
