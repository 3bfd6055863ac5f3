//! The faults of a broken row store.

/// The fault of a row store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RowFault {
    /// A verification checks no builds.
    VerifiesNoBuilds,
    /// A verification reports parked events that are in the log.
    ReportsParkedEventsAsMissing,
    /// A verification returns no references to events of other logs.
    ReturnsNoReferences,
    /// A change is written wherever the checkpoint is.
    IgnoresCheckpoint,
    /// The checkpoint is compared in a separate step before the change is written.
    ComparesCheckpointBeforeWrite,
    /// The checkpoint moves in a separate step before the rows are written.
    MovesCheckpointBeforeRows,
    /// The rows are written in a separate step before the checkpoint moves.
    WritesRowsBeforeCheckpoint,
    /// The rows of a stale change are written.
    WritesStaleChanges,
    /// A stale change returns the position that it expected.
    ReportsWrongCheckpoint,
    IgnoresDeletes,
    WritesAtMostThousandRows,
    /// A NULL in a new row leaves the old value.
    MergesRows,
    DropsAnchors,
    IgnoresReports,
    /// Defining a table again returns a checkpoint at the start.
    ResetsCheckpointOnDefine,
    AcceptsOtherColumns,
    /// Stores no description of the folded events, and so accepts other ones.
    ForgetsFoldedEvents,
    AcceptsOtherLogs,
    /// All versions of a projection share one table.
    MixesVersions,
    /// A lookup returns rows in the order of their keys, each once.
    ReturnsEachKeyOnce,
    /// Times are stored in milliseconds instead of microseconds.
    TruncatesTimes,
    RemovesSpacesFromJson,
    /// Integers are stored as floating-point numbers.
    RoundsIntegers,
    /// Decimal numbers are stored as floating-point numbers.
    RoundsDecimals,
    /// Decimal numbers are sorted as texts.
    SortsDecimalsAsTexts,
    /// Days and times of day are sorted as texts of different lengths.
    SortsDatesAsTexts,
    /// Times of day are stored in milliseconds.
    TruncatesTimesOfDay,
    StoresEmptyTextAsNull,
    SortsTextsIgnoringCase,
    FiltersTextsIgnoringCase,
    /// `%` and `_` in a prefix match any text, as in SQL `LIKE`.
    MatchesPrefixesAsPatterns,
    SortsNullsLast,
    /// Rows with equal values are sorted by ascending key, even in a descending query.
    SortsTiesAscending,
    SkipsFirstRowOfNextPage,
    RepeatsLastRowOfPage,
    /// NULL matches upper bounds.
    MatchesNullAsSmallest,
    AppliesOnlyFirstFilter,
    /// NULL in a list of values matches nothing, as with SQL `IN`.
    IgnoresNullInLists,
    /// A prefix without regard to case ignores the case of all letters.
    IgnoresCaseOfAllLetters,
    /// Counts and sums include only the rows of the page.
    TotalsOfPage,
    /// A sum has 64 bits and wraps around.
    WrapsSums,
    /// A sum is a floating-point number.
    RoundsSums,
    IgnoresLimit,
    /// All builds of a version share one table.
    MixesBuilds,
    ListsNewestBuildFirst,
    /// All builds up to the live one are listed as live.
    LeavesOldBuildLive,
    ReportsOlderBuildsAsPromoted,
    ReportsUndefinedBuildsAsPromoted,
    /// A build is promoted without the requested comparison.
    PromotesWithoutComparison,
    /// Rows with equal keys count as equal.
    ComparesOnlyKeys,
    /// A build with different rows is promoted, although the difference is reported.
    PromotesDifferentBuilds,
    /// Builds that cannot be compared are promoted.
    PromotesIncomparableBuilds,
    /// Builds with parked events are promoted.
    PromotesDespiteParkedEvents,
    /// Positions and the rows of both builds are read in separate steps.
    ComparesInSteps,
    SwapsMissingAndAdded,
    /// A difference names the greatest key with a difference instead of the smallest.
    ReportsGreatestKey,
    /// Inline builds are comparable only if they became inline at the same position.
    ComparesPositionsOfInlineBuilds,
    DiscardHasNoEffect,
    ReportsLiveBuildsAsDiscarded,
    ReportsUndefinedBuildsAsDiscarded,
    /// A discard also removes the other builds of the version.
    DiscardsOtherBuilds,
    /// A build that is defined again has the rows of the discarded one.
    LeavesRowsOfDiscardedBuilds,
    /// A build that was deleted after a later one became live is defined again, empty.
    DefinesDeletedBuilds,
    IgnoresParkedCount,
    /// Events are parked in a separate step after rows and checkpoint have changed.
    ParksAfterCommit,
    IgnoresPark,
    IgnoresUnpark,
    /// Parking an event again does not replace it.
    NeverReplacesParked,
    /// Parked events are sorted by the text of their position.
    SortsParkedByText,
    /// Errors of parked events are stored up to 1,000 characters.
    TruncatesErrors,
    SortsKeysOfParked,
    ParksAtMostThousandEvents,
    /// A committed change does not clear the reported reason.
    NeverClearsReports,
    ClearsReportsOnStaleChanges,
    /// An append without a required fold is accepted.
    AcceptsMissingFolds,
    /// The first event of a successor requires no build that folds the older name only.
    FoldsOwnNamesOnly,
    /// An append with additional folds is accepted.
    AcceptsAdditionalFolds,
    /// Required builds are listed in reverse order.
    ReportsFoldsInReverse,
    /// Rows are read before the append has its positions, without a lock.
    FoldsWithoutLocks,
    /// Events are folded in reverse order.
    FoldsInReverse,
    /// Events are folded with positions that are too high by one.
    FoldsWrongPositions,
    FoldsAtMostThousandRows,
    /// Only the first fold of an append changes rows.
    FoldsOnlyFirstBuild,
    /// Rows change in a separate step after the append.
    FoldsAfterAppend,
    FoldsRefusedAppends,
    FoldsDuplicates,
    WritesEventsOfFailedFolds,
    /// `make_inline` does not fold the remaining events.
    LosesRemainingEvents,
    /// `make_inline` folds the remaining events twice.
    FoldsRemainingEventsTwice,
    /// `make_inline` folds the remaining events, and makes the build inline in a separate step.
    MakesInlineInTwoSteps,
    /// `make_inline` returns `Done` for a build with too many remaining events.
    ReportsBehindBuildsAsInline,
    AcceptsChangesOfInlineBuilds,
    /// `make_async` moves the checkpoint back to where the build became inline.
    MakeAsyncRestoresOldCheckpoint,
    MakeAsyncHasNoEffect,
    /// A claim is replaced whatever it is.
    IgnoresExpectedClaim,
    /// A claim is replaced if its holder is the expected one.
    ComparesClaimHolderOnly,
    /// The claim is compared in a separate step before it is replaced.
    ComparesClaimBeforeWrite,
    /// A claim that is not the expected one stays, and the store returns `true`.
    ReportsStaleClaimsAsReplaced,
    NeverReleasesClaims,
    IgnoresRevisionOfRequests,
    ComparesRevisionOfRequestsBeforeWrite,
    StoresRequestsForOneBuild,
    ForgetsRequestsAtReopen,
}
