//! The suite on stores that are broken on purpose: each must fail at least the case that is about its fault, and the
//! store that they are made of must fail none. What this cannot show, the suite cannot find.

// A poisoned lock or an invalid name is a mistake of the test itself.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod broken {
    pub(crate) mod fault;
    pub(crate) mod inline;
    pub(crate) mod row_fault;
    pub(crate) mod rows;
    pub(crate) mod snapshots;
    pub(crate) mod store;
}

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use annalist_conformance::{BoxError, Capability, Case, Settings, StoreUnderTest, Suite, Verdict, cases};
use annalist_core::store::EventStore;

use self::broken::{
    fault::Fault::{self, Rows, Snapshots},
    row_fault::RowFault,
    snapshots::SnapshotFault,
    store::Broken,
};

/// Logs with a fault.
struct Faulty(Fault);

#[async_trait::async_trait]
impl StoreUnderTest for Faulty {
    const NAME: &'static str = "broken";
    type Location = Arc<Broken>;

    async fn create(&self) -> Result<Arc<Broken>, BoxError> {
        Ok(Arc::new(Broken::new(self.0)))
    }

    async fn open(&self, location: &Arc<Broken>) -> Result<Arc<dyn EventStore>, BoxError> {
        if self.0 == Fault::KeepsNothing {
            return Ok(Arc::new(Broken::new(self.0)));
        }
        Ok(Arc::clone(location) as Arc<dyn EventStore>)
    }
}

/// All cases for a store with a fault.
fn suite(fault: Fault, scale: usize) -> Suite<Faulty> {
    Suite::new(Faulty(fault), Settings::default().with_scale(scale))
}

/// The same where some cases may never end: these find nothing, and need not be waited for long.
fn hasty_suite(fault: Fault, scale: usize) -> Suite<Faulty> {
    let settings = Settings::default().with_scale(scale).with_timeout(Duration::from_secs(5));
    Suite::new(Faulty(fault), settings)
}

/// The cases about a store, or about its rows if these are broken, that find something wrong with it.
fn found(fault: Fault) -> Vec<(&'static str, String)> {
    let about_rows = |case: &&Case| case.needs().contains(&Capability::Rows) == matches!(fault, Rows(_));
    found_by(cases().iter().filter(about_rows).collect(), &hasty_suite(fault, 1))
}

/// The cases that find something wrong with a store, each with its message. As cases that do not end only wait, many of
/// them can do so at once.
fn found_by(cases: Vec<&'static Case>, suite: &Suite<Faulty>) -> Vec<(&'static str, String)> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![]);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Verdict::Failed(failure) = suite.check(case) {
                        found.lock().unwrap().push((case.name(), failure.to_string()));
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// The store that the broken ones are made of is sound, and so is one with gaps whose feed respects them.
#[test]
fn sound_stores_fail_nothing() {
    for fault in [Fault::None, Fault::GapsAndPatientFeed] {
        let settings = Settings::default();
        let suite = Suite::new(Faulty(fault), settings);
        for case in cases() {
            let verdict = suite.check(case);
            assert!(
                matches!(verdict, Verdict::Passed | Verdict::Skipped(_)),
                "{fault:?}: {} with the seed {}: {verdict:?}",
                case.name(),
                settings.seed
            );
        }
    }
}

/// For each fault, a case that is about it.
macro_rules! must_fail {
    ($($test:ident: $fault:expr => $case:literal;)+) => {
        $(
            #[test]
            fn $test() {
                let case = cases().iter().find(|case| case.name() == $case).expect("a case with this name");
                let verdict = suite($fault, 1).check(case);
                if !matches!(verdict, Verdict::Failed(_)) {
                    panic!("{}: {verdict:?}; these find it: {:#?}", $case, found($fault));
                }
            }
        )+
    };
}

must_fail! {
    accepts_everything: Fault::AcceptsEverything => "condition::what_must_fail_on_three_events";
    checks_before_it_appends: Fault::ChecksBeforeItAppends => "oracle::every_answer_to_random_appends_is_right";
    ignores_tags_in_conditions: Fault::IgnoresTagsInConditions => "condition::what_does_not_match_is_no_conflict";
    ignores_types_in_conditions: Fault::IgnoresTypesInConditions => "condition::what_does_not_match_is_no_conflict";
    watches_only_the_first_item: Fault::WatchesOnlyTheFirstItem => "condition::what_must_fail_on_three_events";
    watches_only_the_first_condition: Fault::WatchesOnlyTheFirstCondition => "condition::each_condition_is_checked_and_named";
    conflicts_too_eagerly: Fault::ConflictsTooEagerly => "race::disjoint_boundaries_never_conflict";
    does_not_guard_empty_reads: Fault::DoesNotGuardEmptyReads => "condition::an_empty_read_guards";
    marks_beyond_what_was_read: Fault::MarksBeyondWhatWasRead => "condition::a_marker_stands_for_what_up_to_cut_off";
    names_the_wrong_condition: Fault::NamesTheWrongCondition => "condition::each_condition_is_checked_and_named";
    names_the_first_match: Fault::NamesTheFirstMatch => "condition::the_newest_match_is_named";
    writes_what_it_refuses: Fault::WritesWhatItRefuses => "condition::a_refused_append_leaves_nothing";
    loses_every_seventh_event: Fault::LosesEverySeventhEvent => "append::events_of_one_append_keep_their_order";
    reads_item_by_item: Fault::ReadsItemByItem => "read::the_order_of_items_does_not_matter";
    reads_from_the_start: Fault::ReadsFromTheStart => "read::after_and_up_to_cut_the_answer";
    swaps_answers: Fault::SwapsAnswers => "read::several_reads_have_an_answer_each";
    swaps_receipts: Fault::SwapsReceipts => "append::receipts_say_where_the_events_stand";
    reorders_events: Fault::ReordersEvents => "append::events_of_one_append_keep_their_order";
    changes_payloads: Fault::ChangesPayloads => "limits::payloads_keep_every_byte";
    drops_metadata: Fault::DropsMetadata => "append::an_event_is_read_back_as_it_was_written";
    cuts_times: Fault::CutsTimes => "append::recorded_times_need_not_grow";
    compares_tags_without_case: Fault::ComparesTagsWithoutCase => "criteria::tags_are_compared_byte_by_byte";
    half_writes: Fault::HalfWrites => "dropped::a_dropped_append_is_whole_or_absent";
    forgets_command_ids: Fault::ForgetsCommandIds => "command_id::the_same_command_again_gives_the_first_receipt";
    forgets_appends_of_nothing: Fault::ForgetsAppendsOfNothing => "command_id::an_accepted_append_of_nothing_is_remembered";
    remembers_what_it_refused: Fault::RemembersWhatItRefused => "command_id::a_refused_append_is_not_remembered";
    knows_ids_of_other_commands: Fault::KnowsIdsOfOtherCommands => "command_id::an_id_belongs_to_one_command_and_its_ids";
    checks_conditions_before_ids: Fault::ChecksConditionsBeforeIds => "command_id::an_accepted_id_comes_before_conditions";
    looks_ids_up_too_early: Fault::LooksIdsUpTooEarly => "command_id::twenty_at_once_are_accepted_once";
    forgets_too_many_ids: Fault::ForgetsTooManyIds => "command_id::forgotten_ids_are_new_again";
    journals_what_it_knows: Fault::JournalsWhatItKnows => "journal::only_what_is_written_is_journaled";
    keeps_nothing: Fault::KeepsNothing => "append::what_is_acknowledged_outlives_the_handle";
    appends_one_by_one: Fault::AppendsOneByOne => "together::one_that_is_refused_is_refused_for_all";
    appends_one_on_top_of_another: Fault::AppendsOneByOne => "together::own_events_are_no_conflict";
    appends_without_an_end: Fault::AppendsOneByOne => "together::as_many_as_the_store_takes";
    remembers_one_id_of_all: Fault::RemembersOneIdOfAll => "together::ids_and_journal_are_kept_for_each";
    skips_at_page_borders: Fault::SkipsAtPageBorders => "feed::pages_of_every_size_give_the_same";
    does_not_move_on: Fault::DoesNotMoveOn => "feed::a_page_that_is_not_full_ends_where_the_log_is_settled";
    reads_over_gaps: Fault::GapsAndNaiveFeed => "live_feed::every_filter_and_page_size_sees_everything_once";
    settles_too_early: Fault::SettlesTooEarly => "live_feed::what_is_settled_never_changes";
    counts_from_where_it_starts: Fault::CountsFromWhereItStarts => "count::bounds_cut_the_count";
    counts_below_the_end: Fault::CountsBelowTheEnd => "count::bounds_cut_the_count";
    counts_item_by_item: Fault::CountsItemByItem => "count::an_event_that_matches_twice_counts_once";
    counts_what_is_on_its_way: Fault::CountsWhatIsOnItsWay => "count::what_is_settled_counts_the_same_for_ever";
    takes_the_last_event_before_a_time: Fault::TakesTheLastEventBeforeATime => "position_at::a_clock_that_jumps_back";
}

must_fail! {
    rows_compare_nothing: Rows(RowFault::ComparesNothing) => "commit::a_change_from_elsewhere_writes_nothing";
    rows_compare_before_they_write: Rows(RowFault::ComparesBeforeItWrites) => "commit_race::counters_lose_nothing";
    rows_move_the_checkpoint_first: Rows(RowFault::MovesTheCheckpointFirst) => "commit_race::dropped_changes_are_whole_or_absent";
    rows_are_written_first: Rows(RowFault::WritesRowsFirst) => "commit_race::dropped_changes_are_whole_or_absent";
    rows_write_what_is_stale: Rows(RowFault::WritesWhatIsStale) => "commit::a_change_from_elsewhere_writes_nothing";
    rows_tell_the_wrong_place: Rows(RowFault::TellsTheWrongPlace) => "commit::a_change_from_elsewhere_writes_nothing";
    rows_forget_deletes: Rows(RowFault::ForgetsDeletes) => "commit::deletes_take_rows_away";
    rows_lose_rows_of_large_changes: Rows(RowFault::LosesRowsOfLargeChanges) => "commit::thousands_of_rows_in_one_change";
    rows_are_merged: Rows(RowFault::MergesRows) => "commit::a_row_is_replaced_whole";
    rows_forget_anchors: Rows(RowFault::ForgetsAnchors) => "commit::rows_and_checkpoint_change_together";
    rows_forget_reports: Rows(RowFault::ForgetsReports) => "poison::it_stops_before_an_event_that_it_cannot_take";
    rows_move_back_on_define: Rows(RowFault::MovesBackOnDefine) => "table::defining_it_again_changes_nothing";
    rows_take_any_shape: Rows(RowFault::TakesAnyShape) => "table::every_part_of_the_shape_counts";
    rows_take_any_log: Rows(RowFault::TakesAnyLog) => "table::rows_of_another_log_are_refused";
    rows_mix_versions: Rows(RowFault::MixesVersions) => "table::versions_stand_side_by_side";
    rows_answer_each_key_once: Rows(RowFault::AnswersEachKeyOnce) => "query::a_lookup_answers_key_by_key";
    rows_cut_times: Rows(RowFault::CutsTimes) => "value::every_type_at_its_extremes";
    rows_tidy_json: Rows(RowFault::TidiesJson) => "value::json_keeps_every_byte";
    rows_round_numbers: Rows(RowFault::RoundsNumbers) => "value::every_type_at_its_extremes";
    rows_take_empty_text_for_nothing: Rows(RowFault::TakesEmptyTextForNothing) => "value::nothing_is_kept_apart_from_everything_else";
    rows_sort_like_a_dictionary: Rows(RowFault::SortsLikeADictionary) => "query::texts_are_compared_byte_by_byte";
    rows_compare_without_case: Rows(RowFault::ComparesWithoutCase) => "query::texts_are_compared_byte_by_byte";
    rows_take_prefixes_for_patterns: Rows(RowFault::TakesPrefixesForPatterns) => "query::a_prefix_is_no_pattern";
    rows_sort_nothing_last: Rows(RowFault::SortsNothingLast) => "query::nothing_sorts_first";
    rows_sort_ties_one_way: Rows(RowFault::SortsTiesOneWay) => "query::rows_are_sorted_with_ties_by_key";
    rows_skip_at_page_borders: Rows(RowFault::SkipsAtPageBorders) => "page::pages_give_everything_once";
    rows_repeat_at_page_borders: Rows(RowFault::RepeatsAtPageBorders) => "page::pages_give_everything_once";
    rows_take_nothing_for_small: Rows(RowFault::TakesNothingForSmall) => "query::nothing_holds_no_bound_but_equal_to_nothing";
    rows_use_the_first_filter_only: Rows(RowFault::UsesTheFirstFilterOnly) => "query::several_filters_all_hold";
    rows_ignore_the_limit: Rows(RowFault::IgnoresTheLimit) => "query::a_limit_cuts_the_answer";
}

must_fail! {
    builds_are_mixed: Rows(RowFault::MixesBuilds) => "build::builds_have_rows_of_their_own";
    builds_are_listed_from_the_newest: Rows(RowFault::ListsBuildsFromTheNewest) => "build::builds_are_listed_from_the_oldest_to_the_newest";
    switch_leaves_the_old_build_live: Rows(RowFault::LeavesTheOldBuildLive) => "switch::a_newer_build_takes_over_and_an_older_one_never";
    switch_lets_older_builds_take_over: Rows(RowFault::LetsOlderBuildsTakeOver) => "switch::a_newer_build_takes_over_and_an_older_one_never";
    switch_takes_what_is_not_there: Rows(RowFault::SwitchesToWhatIsNotThere) => "switch::a_build_that_was_never_defined_cannot_go_live";
    switch_compares_no_rows: Rows(RowFault::ComparesNoRows) => "switch::each_kind_of_difference_is_counted";
    switch_compares_keys_alone: Rows(RowFault::ComparesKeysAlone) => "switch::values_that_are_nearly_the_same_differ";
    switch_takes_what_differs: Rows(RowFault::SwitchesToWhatDiffers) => "switch::each_kind_of_difference_is_counted";
    switch_compares_builds_apart: Rows(RowFault::ComparesBuildsApart) => "switch::builds_at_different_positions_are_apart";
    switch_compares_beside_parked_events: Rows(RowFault::ComparesBesideParkedEvents) => "switch::builds_with_parked_events_are_apart";
    switch_compares_in_steps: Rows(RowFault::ComparesInSteps) => "switch::a_comparison_sees_one_moment";
    switch_swaps_missing_and_added: Rows(RowFault::SwapsMissingAndAdded) => "switch::each_kind_of_difference_is_counted";
    switch_names_the_greatest_key: Rows(RowFault::NamesTheGreatestKey) => "switch::the_smallest_key_is_the_example";
    switch_compares_inline_builds_by_position: Rows(RowFault::ComparesInlineBuildsByPosition) => "going_inline::inline_builds_are_compared_at_the_end_of_the_log";
    switch_compares_one_inline_build: Rows(RowFault::ComparesBuildsApart) => "going_inline::inline_builds_are_compared_at_the_end_of_the_log";
    discard_does_nothing: Rows(RowFault::DiscardsNothing) => "discard::a_discarded_build_is_gone_with_all_that_belongs_to_it";
    discard_takes_the_live_build: Rows(RowFault::DiscardsTheLiveBuild) => "discard::a_live_build_is_not_discarded";
    discard_takes_what_is_not_there: Rows(RowFault::DiscardsWhatIsNotThere) => "discard::what_was_never_there_is_not_discarded";
    discard_takes_its_neighbours: Rows(RowFault::DiscardsItsNeighbours) => "discard::a_discarded_build_is_gone_with_all_that_belongs_to_it";
    discard_leaves_rows: Rows(RowFault::LeavesRowsOfTheDiscarded) => "discard::a_discarded_build_can_be_made_anew";
    parked_are_not_compared: Rows(RowFault::ComparesNoNumberOfParked) => "parked::the_number_of_parked_events_is_compared";
    parked_are_not_compared_in_races: Rows(RowFault::ComparesNoNumberOfParked) => "parked::of_two_retries_one_wins";
    parked_come_later: Rows(RowFault::ParksLater) => "parked::dropped_changes_park_wholly_or_not_at_all";
    parked_are_forgotten: Rows(RowFault::ForgetsToPark) => "parked::events_park_and_leave_with_rows_and_checkpoint";
    parked_never_leave: Rows(RowFault::ForgetsToUnpark) => "parked::events_park_and_leave_with_rows_and_checkpoint";
    parked_keep_their_first_attempt: Rows(RowFault::KeepsTheFirstAttempt) => "parked::an_event_that_is_parked_again_is_written_anew";
    parked_are_listed_by_text: Rows(RowFault::ListsParkedByText) => "parked::parked_events_come_in_the_order_of_their_positions";
    parked_lose_the_end_of_errors: Rows(RowFault::CutsErrors) => "parked::keys_and_errors_keep_every_byte";
    parked_have_sorted_keys: Rows(RowFault::SortsKeysOfParked) => "parked::keys_and_errors_keep_every_byte";
    parked_are_a_thousand_at_most: Rows(RowFault::ParksAThousand) => "parked::thousands_of_parked_events";
    reports_outlive_changes: Rows(RowFault::KeepsReports) => "commit::a_change_ends_what_was_reported";
    reports_end_with_stale_changes: Rows(RowFault::EndsReportsWhenStale) => "commit::a_change_ends_what_was_reported";
    inline_is_not_enforced: Rows(RowFault::IsNotEnforced) => "inline::an_append_without_the_fold_is_told_and_writes_nothing";
    inline_takes_too_many_folds: Rows(RowFault::TakesTooManyFolds) => "inline::an_append_brings_exactly_what_is_kept";
    inline_names_folds_in_any_order: Rows(RowFault::NamesFoldsInAnyOrder) => "inline::an_append_brings_exactly_what_is_kept";
    inline_folds_without_locks: Rows(RowFault::FoldsWithoutLocks) => "inline_race::appends_to_one_row_are_told_in_their_order";
    inline_folds_backwards: Rows(RowFault::FoldsBackwards) => "inline::rows_change_with_the_append";
    inline_folds_guessed_positions: Rows(RowFault::FoldsGuessedPositions) => "inline::rows_change_with_the_append";
    inline_folds_a_thousand_rows: Rows(RowFault::FoldsAThousandRows) => "inline::many_rows_in_one_append";
    inline_folds_one_build: Rows(RowFault::FoldsOneBuild) => "inline::several_builds_change_together";
    inline_folds_later: Rows(RowFault::FoldsLater) => "inline_race::dropped_appends_change_rows_or_nothing";
    inline_folds_what_it_refuses: Rows(RowFault::FoldsWhatItRefuses) => "inline::a_refused_append_changes_no_rows";
    inline_folds_what_it_knows: Rows(RowFault::FoldsWhatItKnows) => "inline::a_command_that_is_known_counts_once";
    inline_keeps_events_of_failed_folds: Rows(RowFault::KeepsEventsOfFailedFolds) => "inline::a_fold_that_fails_leaves_nothing";
    inline_loses_the_tail: Rows(RowFault::LosesTheTail) => "going_inline::going_inline_folds_what_lies_behind";
    inline_counts_the_tail_twice: Rows(RowFault::CountsTheTailTwice) => "going_inline::going_inline_folds_what_lies_behind";
    inline_begins_in_two_steps: Rows(RowFault::GoesInlineInTwoSteps) => "inline_race::going_inline_while_others_append";
    inline_begins_far_behind: Rows(RowFault::GoesInlineFromFarBehind) => "going_inline::what_is_far_behind_has_to_catch_up_first";
    inline_takes_other_changes: Rows(RowFault::TakesChangesOfInlineBuilds) => "going_inline::an_inline_build_takes_no_other_change";
    inline_is_left_where_it_came: Rows(RowFault::LeavesInlineWhereItCame) => "going_inline::leaving_inline_goes_on_in_the_background";
    inline_is_not_left: Rows(RowFault::StaysInline) => "going_inline::leaving_inline_goes_on_in_the_background";
}

must_fail! {
    snapshots_come_from_nowhere: Snapshots(SnapshotFault::MadeUp) => "snapshot::there_are_none_at_first";
    snapshots_are_tidied: Snapshots(SnapshotFault::Tidied) => "snapshot::what_is_kept_comes_back";
    snapshots_count_as_32_bits: Snapshots(SnapshotFault::Narrow) => "snapshot::what_is_kept_comes_back";
    snapshots_have_short_fingerprints: Snapshots(SnapshotFault::ComparesHalfTheFingerprint) => "snapshot::other_code_finds_none_and_replaces";
    snapshots_lose_large_states: Snapshots(SnapshotFault::LosesLargeStates) => "snapshot::a_state_of_many_megabytes";
    snapshots_are_found_by_other_code: Snapshots(SnapshotFault::IgnoresFingerprints) => "snapshot::other_code_finds_none_and_replaces";
    snapshots_are_defended_against_other_code: Snapshots(SnapshotFault::ComparesPositionsOfOtherCode) => "snapshot::other_code_finds_none_and_replaces";
    snapshots_go_back: Snapshots(SnapshotFault::GoesBack) => "snapshot::a_later_position_replaces_and_an_earlier_does_not";
    snapshots_stay_with_the_first: Snapshots(SnapshotFault::KeepsTheFirst) => "snapshot::a_later_position_replaces_and_an_earlier_does_not";
    snapshots_ignore_tags: Snapshots(SnapshotFault::IgnoresTags) => "snapshot::aggregates_and_tags_stand_apart";
    snapshots_ignore_aggregates: Snapshots(SnapshotFault::IgnoresAggregates) => "snapshot::aggregates_and_tags_stand_apart";
    snapshots_compare_tags_without_case: Snapshots(SnapshotFault::ComparesTagsWithoutCase) => "snapshot::aggregates_and_tags_stand_apart";
    snapshots_are_compared_before_they_are_kept: Snapshots(SnapshotFault::LooksBeforeItKeeps) => "snapshot::of_many_at_once_the_latest_stays";
    snapshots_are_events: Snapshots(SnapshotFault::WritesToTheLog) => "snapshot::the_log_knows_nothing_of_them";
    snapshots_end_with_the_handle: Fault::KeepsNothing => "snapshot::they_outlive_the_handle";
}

/// A store may keep none: the cases about them are left out, and the others are not.
#[test]
fn who_keeps_no_snapshots_is_not_asked_for_them() {
    let suite = suite(Snapshots(SnapshotFault::KeepsNone), 1);
    for case in cases().iter().filter(|case| case.name().starts_with("snapshot::")) {
        let verdict = suite.check(case);
        assert!(
            matches!(verdict, Verdict::Skipped(reason) if reason.contains("no snapshots")),
            "{}: {verdict:?}",
            case.name()
        );
    }
    let refuses = self::suite(Snapshots(SnapshotFault::Refuses), 1);
    let verdict = refuses.check(cases().iter().find(|case| case.name().starts_with("snapshot::")).unwrap());
    assert!(matches!(verdict, Verdict::Failed(_)), "an error is no answer: {verdict:?}");
}

/// The engine over such rows shows it, too: what counts twice or is lost is not the fold any more.
#[test]
fn projections_find_faults_of_rows() {
    for fault in [
        RowFault::ComparesNothing,
        RowFault::MovesTheCheckpointFirst,
        RowFault::WritesRowsFirst,
        RowFault::ForgetsDeletes,
        RowFault::MergesRows,
        RowFault::AnswersEachKeyOnce,
    ] {
        let projections = cases().iter().filter(|case| case.name().starts_with("projection")).collect();
        // How often a fault shows in random logs is a matter of luck, so there are many.
        let found = found_by(projections, &hasty_suite(Rows(fault), 5));
        assert!(!found.is_empty(), "{fault:?} goes unseen");
    }
}

/// Whatever is wrong, the comparison with the model finds it too, as long as no concurrency is needed.
#[test]
fn the_model_finds_sequential_faults() {
    let script =
        cases().iter().find(|case| case.name().starts_with("script::")).expect("the case that plays scripts");
    for fault in [
        Fault::AcceptsEverything,
        Fault::IgnoresTagsInConditions,
        Fault::ConflictsTooEagerly,
        Fault::DoesNotGuardEmptyReads,
        Fault::ReordersEvents,
        Fault::ForgetsCommandIds,
        Fault::KnowsIdsOfOtherCommands,
        Fault::ChecksConditionsBeforeIds,
        Fault::SkipsAtPageBorders,
        Fault::TakesTheLastEventBeforeATime,
        Fault::ForgetsTooManyIds,
    ] {
        // A fixed seed: how often a fault shows in twenty scripts is a matter of luck.
        let suite = Suite::new(Faulty(fault), Settings::default().with_scale(5).with_seed(7));
        let verdict = suite.check(script);
        assert!(matches!(verdict, Verdict::Failed(_)), "{fault:?}: {verdict:?}");
    }
}

/// The same for rows: the script of rows, or that of inline rows, finds what needs no concurrency.
#[test]
fn the_model_finds_sequential_faults_of_rows() {
    let of = |theme: &str| {
        cases().iter().find(|case| case.name().starts_with(theme)).expect("a case that plays scripts")
    };
    let (rows, inline) = (of("row_script::"), of("inline_script::"));
    for (script, fault) in [
        (rows, RowFault::MixesBuilds),
        (rows, RowFault::ListsBuildsFromTheNewest),
        (rows, RowFault::LetsOlderBuildsTakeOver),
        (rows, RowFault::SwitchesToWhatIsNotThere),
        (rows, RowFault::ComparesNoRows),
        (rows, RowFault::ComparesBuildsApart),
        (rows, RowFault::ComparesBesideParkedEvents),
        (rows, RowFault::SwapsMissingAndAdded),
        (rows, RowFault::DiscardsNothing),
        (rows, RowFault::DiscardsTheLiveBuild),
        (rows, RowFault::ComparesNoNumberOfParked),
        (rows, RowFault::ForgetsToUnpark),
        (rows, RowFault::KeepsTheFirstAttempt),
        (rows, RowFault::KeepsReports),
        (inline, RowFault::IsNotEnforced),
        (inline, RowFault::FoldsBackwards),
        (inline, RowFault::FoldsWhatItRefuses),
        (inline, RowFault::FoldsWhatItKnows),
        (inline, RowFault::LosesTheTail),
        (inline, RowFault::CountsTheTailTwice),
        (inline, RowFault::LeavesInlineWhereItCame),
    ] {
        let suite = Suite::new(Faulty(Rows(fault)), Settings::default().with_scale(5).with_seed(7));
        let verdict = suite.check(script);
        assert!(matches!(verdict, Verdict::Failed(_)), "{fault:?}: {verdict:?}");
    }
}

/// What a store lacks is left out by name, and nothing else is.
#[test]
fn only_what_is_lacking_is_skipped() {
    struct Fleeting;

    #[async_trait::async_trait]
    impl StoreUnderTest for Fleeting {
        const NAME: &'static str = "fleeting";
        type Location = ();

        fn unsupported(&self, capability: Capability) -> Option<&'static str> {
            (capability == Capability::Durable).then_some("it forgets")
        }

        async fn create(&self) -> Result<(), BoxError> {
            Err("a case was run".into())
        }

        async fn open(&self, (): &()) -> Result<Arc<dyn EventStore>, BoxError> {
            Err("a case was run".into())
        }
    }

    let suite = Suite::new(Fleeting, Settings::default());
    for case in cases() {
        match suite.check(case) {
            Verdict::Skipped(reason) => {
                assert!(
                    reason == "it forgets" && case.needs().contains(&Capability::Durable),
                    "{}",
                    case.name()
                );
            }
            Verdict::Failed(failure) => assert!(
                !case.needs().contains(&Capability::Durable)
                    && failure.to_string().contains("a case was run"),
                "{failure}"
            ),
            other => panic!("{}: {other:?}", case.name()),
        }
    }
}

/// Cases are called by their names, so each needs its own.
#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = cases().iter().map(Case::name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}
