//! What can be wrong with a store.

use super::{row_fault::RowFault, snapshots::SnapshotFault};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    AcceptsEverything,
    /// Conditions and append are two steps.
    ChecksBeforeItAppends,
    IgnoresTagsInConditions,
    IgnoresTypesInConditions,
    WatchesOnlyTheFirstItem,
    WatchesOnlyTheFirstCondition,
    ConflictsTooEagerly,
    DoesNotGuardEmptyReads,
    /// A marker stands for everything, also for what `up_to` cut off.
    MarksBeyondWhatWasRead,
    NamesTheWrongCondition,
    NamesTheFirstMatch,
    /// The first event of a refused append stays.
    WritesWhatItRefuses,
    LosesEverySeventhEvent,
    /// A read gives what matches its first item, then what matches its second.
    ReadsItemByItem,
    /// A read ignores where it should start.
    ReadsFromTheStart,
    /// The answers to several reads come in another order.
    SwapsAnswers,
    /// A receipt tells the positions of its events in another order.
    SwapsReceipts,
    ReordersEvents,
    ChangesPayloads,
    DropsMetadata,
    /// Milliseconds instead of microseconds.
    CutsTimes,
    ComparesTagsWithoutCase,
    /// Two appends instead of one.
    HalfWrites,
    ForgetsCommandIds,
    ForgetsAppendsOfNothing,
    RemembersWhatItRefused,
    KnowsIdsOfOtherCommands,
    ChecksConditionsBeforeIds,
    /// The id and the append are two steps.
    LooksIdsUpTooEarly,
    ForgetsTooManyIds,
    JournalsWhatItKnows,
    /// Appends that stand together come one after the other, until one is refused.
    AppendsOneByOne,
    /// Of appends that stand together, the first id is remembered.
    RemembersOneIdOfAll,
    SkipsAtPageBorders,
    /// A page without records leaves the feed where it was.
    DoesNotMoveOn,
    /// A writer has its position before others see the event; the feed takes whatever is there.
    GapsAndNaiveFeed,
    /// The same, but the feed stops before the first event that is on its way: this one is sound.
    GapsAndPatientFeed,
    SettlesTooEarly,
    /// What one handle writes is not there for the next.
    KeepsNothing,
    TakesTheLastEventBeforeATime,
    /// What stands where a count starts counts, too.
    CountsFromWhereItStarts,
    CountsBelowTheEnd,
    /// An event counts for each item that it matches.
    CountsItemByItem,
    /// There are gaps, and the feed respects them, but a count does not.
    CountsWhatIsOnItsWay,
    /// Only its rows are broken.
    Rows(RowFault),
    /// Only its snapshots are broken.
    Snapshots(SnapshotFault),
}
