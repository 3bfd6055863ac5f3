//! Archives with a fault.

use annalist_core::{
    Error,
    criteria::{Criteria, Item},
    error::Invalid,
    record::{Position, Record},
    store::{
        Append, AppendOutcome, Archive, ArchiveStep, Batch, EventRef, EventStore, Marker, PageLimit, Read,
        Receipt, RemovedEvents, Restore, RestoreStep,
    },
    tag::Tag,
};
use annalist_memory::Memory;
use tokio::task::yield_now;

use super::fault::Fault;

/// A fault of archives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ArchiveFault {
    /// Appends with closed ids are accepted.
    AcceptsClosedIds,
    /// Appends that only read closed ids are accepted.
    AcceptsConditionsOnClosedIds,
    /// Reads by closed ids return nothing.
    ReadsNothingOfClosedIds,
    /// Ids are closed when their events leave.
    ClosesIdsLate,
    /// Events with an open id leave too.
    RemovesSharedEvents,
    /// A removal has no effect.
    RemovesNothing,
    /// A removal does not compare the events with those of the file.
    RemovesWithoutComparing,
    /// A condition without a tag only looks for the events that are in the log.
    MissesRemovalsInConditions,
    /// The events that have left are not known any more.
    LosesIdsOfRemovedEvents,
    /// The ids are opened without their events.
    OpensNothing,
    /// The end of the archived events is taken for their last page although they could not be read.
    IgnoresErrorsOfArchivedEvents,
    /// The second page of archived events is not read.
    ReadsOnePageOfArchivedEvents,
}

/// Appends to the log as the broken store does.
pub(super) async fn append(
    log: &Memory,
    fault: Fault,
    mut append: Append,
) -> Result<AppendOutcome<Receipt>, Error> {
    let Fault::Archives(fault) = fault else { return log.append_one(append).await };
    match fault {
        ArchiveFault::MissesRemovalsInConditions => {
            let archives = log.archives().await?;
            let removed = archives.iter().filter_map(|archive| archive.removed.as_ref());
            let last = removed.map(|removed| removed.last).max().unwrap_or_default();
            append.conditions.retain(|condition| Archive::unseen_removal(condition, last).is_none());
        }
        ArchiveFault::AcceptsConditionsOnClosedIds => append.conditions.clear(),
        _ => {}
    }
    match log.append_one(append).await {
        Err(Error::Invalid(Invalid::Archived { .. })) if fault == ArchiveFault::AcceptsClosedIds => {
            Ok(AppendOutcome::Appended(Receipt::default()))
        }
        outcome => outcome,
    }
}

pub(super) async fn read(log: &Memory, fault: Fault, reads: &[Read]) -> Result<Vec<Batch>, Error> {
    match log.read(reads).await {
        Err(Error::Invalid(Invalid::Archived { .. }))
            if fault == Fault::Archives(ArchiveFault::ReadsNothingOfClosedIds) =>
        {
            Ok(reads.iter().map(|_| Batch { records: Vec::new(), marker: Marker::START }).collect())
        }
        batches => batches,
    }
}

/// The tombstones of a correct store, changed by the fault.
pub(super) async fn tombstones(
    log: &Memory,
    fault: Fault,
    after: Position,
    limit: PageLimit,
) -> Result<Vec<EventRef>, Error> {
    match fault {
        Fault::ListsNoTombstones => Ok(Vec::new()),
        Fault::TombstonesIgnoreLimit => log.tombstones(after, PageLimit::records(usize::MAX)).await,
        _ => log.tombstones(after, limit).await,
    }
}

pub(super) async fn event_at(
    log: &Memory,
    fault: Fault,
    position: Position,
) -> Result<Option<EventRef>, Error> {
    let found = log.event_at(position).await?;
    let is_lost = fault == Fault::Archives(ArchiveFault::LosesIdsOfRemovedEvents)
        && log.count(&Criteria::all(), before(position), position).await? == 0;
    Ok(found.filter(|_| !is_lost))
}

/// Writes a step as the broken store does.
pub(super) async fn step(log: &Memory, fault: Fault, mut step: ArchiveStep) -> Result<Archive, Error> {
    let Fault::Archives(fault) = fault else { return log.archive(step).await };
    let pretend = async |step: &ArchiveStep| {
        let (archives, end) = (log.archives().await?, log.settled().await?.position);
        Ok(step.apply(&archives, end, &log.successors().await?, "broken log")?.archive)
    };
    match (fault, &mut step) {
        (ArchiveFault::ClosesIdsLate, ArchiveStep::Close { .. }) => {
            let archive = pretend(&step).await;
            yield_now().await;
            log.archive(step).await?;
            return archive;
        }
        (ArchiveFault::RemovesNothing, ArchiveStep::Remove { .. }) => return pretend(&step).await,
        (ArchiveFault::RemovesSharedEvents, ArchiveStep::Close { ids, .. }) => {
            for id in ids.clone() {
                let records = records_of(log, &[id]).await?;
                ids.extend(records.into_iter().flat_map(|record| record.tags));
            }
        }
        (ArchiveFault::RemovesWithoutComparing, ArchiveStep::Remove { number, removed, .. }) => {
            let archives = log.archives().await?;
            if let Some(archive) = archives.iter().find(|archive| archive.number == *number) {
                let records = records_of(log, &archive.ids).await?;
                let position = |record: Option<&Record>| record.map(|one| one.position).unwrap_or_default();
                let (first, last) = (position(records.first()), position(records.last()));
                *removed = RemovedEvents { events: records.len() as u64, first, last, ..removed.clone() };
            }
        }
        _ => {}
    }
    log.archive(step).await
}

/// Returns archived events as the broken store does.
pub(super) async fn restore(log: &Memory, fault: Fault, mut step: RestoreStep) -> Result<Archive, Error> {
    match fault {
        Fault::Archives(ArchiveFault::OpensNothing) => {
            let (archives, list) = (log.archives().await?, log.successors().await?);
            return Ok(Restore::begin(&step, &archives, &list, "broken log")?.archive().clone());
        }
        Fault::Archives(ArchiveFault::IgnoresErrorsOfArchivedEvents) => {
            let mut read = Vec::new();
            while let Ok(page) = step.events.next_page().await {
                if page.is_empty() {
                    break;
                }
                read.extend(page);
            }
            step.events = Box::new(read);
        }
        Fault::Archives(ArchiveFault::ReadsOnePageOfArchivedEvents) => {
            step.events = Box::new(step.events.next_page().await?);
        }
        _ => {}
    }
    log.restore(step).await
}

/// The events with one of these ids.
async fn records_of(log: &Memory, ids: &[Tag]) -> Result<Vec<Record>, Error> {
    let items = ids.iter().map(|id| Item::any().tag(id.clone()));
    let criteria = items.fold(Criteria::none(), Criteria::or);
    Ok(log.feed(&criteria, Position::START, PageLimit::records(usize::MAX)).await?.records)
}

fn before(position: Position) -> Position {
    Position::new(position.get().saturating_sub(1))
}
