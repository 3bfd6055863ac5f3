//! What can be wrong with a store of rows.

/// What is wrong with a store of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RowFault {
    /// A change is written wherever the checkpoint stands.
    ComparesNothing,
    /// The comparison and the change are two steps.
    ComparesBeforeItWrites,
    /// The checkpoint moves first, the rows follow.
    MovesTheCheckpointFirst,
    /// The rows are written first, the checkpoint follows.
    WritesRowsFirst,
    WritesWhatIsStale,
    TellsTheWrongPlace,
    ForgetsDeletes,
    LosesRowsOfLargeChanges,
    /// Nothing in a new row leaves what was in the old one.
    MergesRows,
    ForgetsAnchors,
    ForgetsReports,
    MovesBackOnDefine,
    TakesAnyShape,
    TakesAnyLog,
    /// All versions of a projection are one.
    MixesVersions,
    /// Rows come in the order of their keys, each once.
    AnswersEachKeyOnce,
    /// Milliseconds instead of microseconds.
    CutsTimes,
    TidiesJson,
    /// Whole numbers as floating point.
    RoundsNumbers,
    TakesEmptyTextForNothing,
    /// Upper and lower case are sorted side by side.
    SortsLikeADictionary,
    ComparesWithoutCase,
    /// `%` and `_` in a prefix stand for anything.
    TakesPrefixesForPatterns,
    SortsNothingLast,
    /// Ties are always sorted by the smallest key first.
    SortsTiesOneWay,
    SkipsAtPageBorders,
    RepeatsAtPageBorders,
    /// A smaller value is also none.
    TakesNothingForSmall,
    UsesTheFirstFilterOnly,
    IgnoresTheLimit,
    /// All builds of a version are one.
    MixesBuilds,
    ListsBuildsFromTheNewest,
    LeavesTheOldBuildLive,
    LetsOlderBuildsTakeOver,
    SwitchesToWhatIsNotThere,
    ComparesNoRows,
    ComparesKeysAlone,
    /// It says that the rows differ, and switches all the same.
    SwitchesToWhatDiffers,
    ComparesBuildsApart,
    ComparesBesideParkedEvents,
    /// Positions, the rows of one build and those of the other are read one after the other.
    ComparesInSteps,
    SwapsMissingAndAdded,
    NamesTheGreatestKey,
    ComparesInlineBuildsByPosition,
    DiscardsNothing,
    DiscardsTheLiveBuild,
    DiscardsWhatIsNotThere,
    DiscardsItsNeighbours,
    LeavesRowsOfTheDiscarded,
    ComparesNoNumberOfParked,
    /// Rows and checkpoint first, then the parked events.
    ParksLater,
    ForgetsToPark,
    ForgetsToUnpark,
    KeepsTheFirstAttempt,
    ListsParkedByText,
    CutsErrors,
    SortsKeysOfParked,
    ParksAThousand,
    KeepsReports,
    EndsReportsWhenStale,
    IsNotEnforced,
    /// Appends may bring folds that nobody needs.
    TakesTooManyFolds,
    NamesFoldsInAnyOrder,
    /// Rows are read, then the append draws its positions.
    FoldsWithoutLocks,
    FoldsBackwards,
    FoldsGuessedPositions,
    FoldsAThousandRows,
    FoldsOneBuild,
    /// The events first, then the rows.
    FoldsLater,
    FoldsWhatItRefuses,
    FoldsWhatItKnows,
    KeepsEventsOfFailedFolds,
    LosesTheTail,
    CountsTheTailTwice,
    /// The tail is folded, and then appends are told.
    GoesInlineInTwoSteps,
    GoesInlineFromFarBehind,
    TakesChangesOfInlineBuilds,
    LeavesInlineWhereItCame,
    StaysInline,
}
