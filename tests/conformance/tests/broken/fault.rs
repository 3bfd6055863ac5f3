//! The faults of a broken store.

use super::{archives::ArchiveFault, keys::KeyFault, row_fault::RowFault, snapshots::SnapshotFault};

/// The fault of a store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The store is correct.
    None,
    IgnoresConditions,
    /// Conditions are checked in a separate step before the append.
    ChecksConditionsBeforeAppend,
    IgnoresTagsInConditions,
    IgnoresTypesInConditions,
    ChecksOnlyFirstItem,
    ChecksOnlyFirstCondition,
    /// A condition fails on any new event, even if the event does not match its criteria.
    ConflictsWithUnrelatedEvents,
    /// A condition with the marker of a read without records never fails.
    MarkerOfEmptyReadCoversFuture,
    /// A marker covers the whole log, including events that `up_to` excluded from the read.
    MarkerIgnoresUpTo,
    /// A conflict names the first condition, whichever failed.
    ReportsFirstCondition,
    /// A conflict names the oldest matching event instead of the newest.
    ReportsOldestMatch,
    /// The first event of a refused append is written.
    WritesRefusedEvents,
    LosesEverySeventhEvent,
    /// A read returns the matches of its first item, then the matches of its second item, and so on.
    ReadsItemByItem,
    ReadIgnoresAfter,
    /// The batches of several reads are in reverse order.
    ReversesBatches,
    /// Callers that reserve do not wait for each other.
    ReservesForAll,
    /// The events of a receipt are in reverse order.
    ReversesReceipts,
    /// The events of an append are written in reverse order.
    ReversesEvents,
    RemovesSpacesFromPayloads,
    DropsMetadata,
    /// Times are stored in milliseconds instead of microseconds.
    TruncatesTimes,
    IgnoresCaseOfTags,
    /// The events of an append are written in two appends.
    SplitsAppends,
    DropsCommandIds,
    DropsCommandIdsOfEmptyAppends,
    StoresCommandIdsOfRefusedAppends,
    /// A command id is not bound to the name and the tags of its command.
    IgnoresCommandOfIds,
    ChecksConditionsBeforeCommandIds,
    /// The command id is looked up in a separate step before the append.
    ChecksCommandIdsBeforeAppend,
    /// A purge also removes the ids of commands that were recorded at the time of the limit.
    PurgesTooManyCommandIds,
    /// A purge removes ids of all names.
    PurgesCommandIdsOutsideOfTheRange,
    JournalsDuplicates,
    /// The appends of a batch are written one after the other, until one is refused.
    AppendsBatchesOneByOne,
    StoresOnlyFirstCommandIdOfBatch,
    /// The feed skips the position after a full page.
    SkipsEventAfterFullPage,
    /// A page of the feed has as many records as its limit allows, whatever their size.
    FeedIgnoresBytes,
    /// A page that its bytes have ended ends at the settled position.
    CutPageEndsAtSettledPosition,
    /// A page that its bytes have ended is not full.
    CutPageIsNotFull,
    /// A page without room for the first record has none.
    LargeEventDoesNotComeAlone,
    /// A purge also removes the entries that were recorded at the time of the limit.
    PurgesTooManyJournalEntries,
    /// A page of the journal has as many entries as its limit allows, whatever their size.
    JournalIgnoresBytes,
    /// A chunked read has one chunk.
    ReadsInOneChunk,
    /// Several chunked reads return their records as those of the first one.
    MixesChunkedReads,
    /// Several chunked reads are of different moments.
    ReadsEachAtItsMoment,
    /// A feed page without records ends at the position where it starts.
    EmptyPageDoesNotAdvance,
    /// An append has positions before its events are visible, and the feed skips these positions.
    FeedSkipsGaps,
    /// An append has positions before its events are visible, and the feed stops before these positions. This store is
    /// correct.
    FeedStopsAtGaps,
    /// The settled position is after the end of the log.
    ReportsTooManySettled,
    /// A verification ends after its first page.
    VerifiesOnlyFirstPage,
    /// A verification checks everything in one page.
    VerifiesAllInOnePage,
    /// A verification reports events that are appended while it runs.
    ReportsRunningAppends,
    /// Every handle opens a new, empty log.
    OpensEmptyLogs,
    /// `prefix_at` returns the last event that is not after the time, even if an earlier event is after it.
    UsesLastEventBeforeTime,
    /// `prefix_at` counts no hidden events.
    HidesHiddenEvents,
    /// `prefix_at` counts all events after the prefix as hidden.
    CountsAllLaterEventsAsHidden,
    /// A count includes the event at `after`.
    CountIncludesAfter,
    /// A count excludes the event at `up_to`.
    CountExcludesUpTo,
    /// The first position is reported as the last one.
    StoredTypesRepeatFirst,
    /// The names are in the order of their first events.
    StoredTypesAreUnsorted,
    /// Later versions of a name are left out.
    StoredTypesLackVersions,
    /// The last event of the name is reported as that of each version.
    StoredVersionsEndWithTheirType,
    /// A count of one version has the events of all.
    CountsAllVersions,
    /// A count of a type has no limit.
    CountsTypesWithoutLimit,
    /// The list of successors that an append knows is not compared.
    IgnoresSuccessors,
    /// It is compared in a separate step before the append.
    ComparesSuccessorsBeforeAppend,
    /// No successor is added.
    ForgetsSuccessors,
    /// A recent page lacks the event after its beginning.
    RecentPageSkipsEvent,
    /// Pages of the feed have the version of an empty list.
    FeedKnowsNoSuccessors,
    /// A step of a retag is written whatever the caller has found.
    RetagsWithoutComparing,
    /// The tags of a retag are not added.
    RetagsWithoutTags,
    /// A step of an encryption replaces no payload.
    EncryptsNothing,
    /// A step of an encryption replaces one payload only.
    EncryptsOneEvent,
    /// The snapshots stay after an encryption.
    KeepsSnapshots,
    /// A retag is complete although there are later events.
    CompletesRetagsEarly,
    /// Whether there are later events is found out in a separate step before a retag is complete.
    LooksForLaterEventsBeforeRetag,
    /// A count includes an event once for each item that it matches.
    CountsItemByItem,
    /// An append has positions before its events are visible; the feed stops there, but a count does not.
    CountsUnsettledEvents,
    /// An import drops the command ids.
    ImportDropsCommandIds,
    /// An import drops the journal.
    ImportDropsJournal,
    /// An import drops the successors of event names.
    ImportDropsSuccessors,
    /// An import drops the archives.
    ImportDropsArchives,
    /// An import drops the tombstones.
    ImportDropsTombstones,
    /// An import lists archives, and closes no id.
    ImportLeavesIdsOpen,
    /// An import drops the retags.
    ImportDropsRetags,
    /// Of two retags with the same name and kind, an import writes the first one.
    ImportKeepsFirstRetags,
    /// No tombstone is listed.
    ListsNoTombstones,
    /// A page of tombstones has all of them.
    TombstonesIgnoreLimit,
    /// An import drops the checkpoints of policies.
    ImportDropsPolicies,
    /// An import drops the parked events of policies.
    ImportDropsParkedEvents,
    /// An import replaces the checkpoint of a policy that a process runs.
    ImportIgnoresClaims,
    /// An import drops the metadata of events.
    ImportDropsMetadata,
    /// An import moves events to the positions 1, 2, 3 and so on.
    ImportClosesGaps,
    /// An import into a log that is not empty is accepted, and has no effect.
    ImportAcceptsAnyLog,
    /// An import writes nothing before it is finished, and does not lock out appends until then.
    ImportBeginsWhenItEnds,
    /// An import makes each part visible when it is written.
    ImportIsVisibleAtOnce,
    /// A dropped import is finished.
    ImportEndsWhenDropped,
    /// A list of command ids has more of them than the limit.
    CommandIdsIgnoreLimit,
    /// The rows have a fault.
    Rows(RowFault),
    /// The keys of subjects have a fault.
    Keys(KeyFault),
    /// The snapshots have a fault.
    Snapshots(SnapshotFault),
    /// The archives have a fault.
    Archives(ArchiveFault),
}

impl Fault {
    /// Whether appends have positions before their events are visible.
    pub(crate) fn has_gaps(self) -> bool {
        self == Self::FeedSkipsGaps || self.stops_at_gaps()
    }

    /// Whether the feed stops before such positions.
    pub(crate) fn stops_at_gaps(self) -> bool {
        matches!(self, Self::FeedStopsAtGaps | Self::CountsUnsettledEvents)
    }
}
