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
    accepts_everything: Fault::AcceptsEverything => "conditions::conditions_with_new_matches_fail";
    checks_before_it_appends: Fault::ChecksBeforeItAppends => "random_races::outcomes_of_random_appends_are_correct";
    ignores_tags_in_conditions: Fault::IgnoresTagsInConditions => "conditions::events_that_do_not_match_are_no_conflict";
    ignores_types_in_conditions: Fault::IgnoresTypesInConditions => "conditions::events_that_do_not_match_are_no_conflict";
    watches_only_the_first_item: Fault::WatchesOnlyTheFirstItem => "conditions::conditions_with_new_matches_fail";
    watches_only_the_first_condition: Fault::WatchesOnlyTheFirstCondition => "conditions::each_condition_is_checked_and_reported_by_index";
    conflicts_too_eagerly: Fault::ConflictsTooEagerly => "races::disjoint_boundaries_never_conflict";
    does_not_guard_empty_reads: Fault::DoesNotGuardEmptyReads => "conditions::marker_of_an_empty_read_detects_new_events";
    marks_beyond_what_was_read: Fault::MarksBeyondWhatWasRead => "conditions::marker_does_not_cover_events_excluded_by_up_to";
    names_the_wrong_condition: Fault::NamesTheWrongCondition => "conditions::each_condition_is_checked_and_reported_by_index";
    names_the_first_match: Fault::NamesTheFirstMatch => "conditions::conflict_reports_the_newest_match";
    writes_what_it_refuses: Fault::WritesWhatItRefuses => "conditions::refused_append_leaves_no_trace";
    loses_every_seventh_event: Fault::LosesEverySeventhEvent => "append::events_keep_their_order";
    reads_item_by_item: Fault::ReadsItemByItem => "reads::order_of_items_does_not_matter";
    reads_from_the_start: Fault::ReadsFromTheStart => "reads::after_and_up_to_limit_the_result";
    swaps_answers: Fault::SwapsAnswers => "reads::several_reads_return_one_batch_each";
    swaps_receipts: Fault::SwapsReceipts => "append::receipts_hold_positions_and_ids_of_the_events";
    reorders_events: Fault::ReordersEvents => "append::events_keep_their_order";
    changes_payloads: Fault::ChangesPayloads => "limits::payloads_keep_every_byte";
    drops_metadata: Fault::DropsMetadata => "append::event_is_read_back_as_written";
    cuts_times: Fault::CutsTimes => "append::recorded_times_may_go_back";
    compares_tags_without_case: Fault::ComparesTagsWithoutCase => "criteria::tags_are_compared_byte_by_byte";
    half_writes: Fault::HalfWrites => "cancellation::cancelled_append_is_written_completely_or_not_at_all";
    forgets_command_ids: Fault::ForgetsCommandIds => "command_ids::repeated_command_returns_the_first_receipt";
    forgets_appends_of_nothing: Fault::ForgetsAppendsOfNothing => "command_ids::id_of_an_accepted_empty_append_is_stored";
    remembers_what_it_refused: Fault::RemembersWhatItRefused => "command_ids::id_of_a_refused_append_can_be_reused";
    knows_ids_of_other_commands: Fault::KnowsIdsOfOtherCommands => "command_ids::id_is_bound_to_one_command_and_its_tags";
    checks_conditions_before_ids: Fault::ChecksConditionsBeforeIds => "command_ids::accepted_id_is_checked_before_conditions";
    looks_ids_up_too_early: Fault::LooksIdsUpTooEarly => "command_ids::concurrent_appends_with_one_id_are_accepted_once";
    forgets_too_many_ids: Fault::ForgetsTooManyIds => "command_ids::purged_ids_can_be_used_again";
    journals_what_it_knows: Fault::JournalsWhatItKnows => "journal::appends_that_are_not_written_are_not_journaled";
    keeps_nothing: Fault::KeepsNothing => "append::acknowledged_events_survive_reopen";
    appends_one_by_one: Fault::AppendsOneByOne => "append_batch::conflict_of_one_append_refuses_the_batch";
    appends_one_on_top_of_another: Fault::AppendsOneByOne => "append_batch::events_of_the_batch_are_no_conflict";
    appends_without_an_end: Fault::AppendsOneByOne => "append_batch::batch_of_the_maximum_size";
    remembers_one_id_of_all: Fault::RemembersOneIdOfAll => "append_batch::ids_and_journal_entries_are_stored_for_each_append";
    skips_at_page_borders: Fault::SkipsAtPageBorders => "feeds::pages_of_every_size_return_the_same_events";
    does_not_move_on: Fault::DoesNotMoveOn => "feeds::partial_page_ends_at_the_settled_position";
    reads_over_gaps: Fault::GapsAndNaiveFeed => "live_feeds::every_event_is_fed_once_during_appends";
    settles_too_early: Fault::SettlesTooEarly => "live_feeds::settled_events_never_change";
    counts_from_where_it_starts: Fault::CountsFromWhereItStarts => "counts::bounds_limit_the_count";
    counts_below_the_end: Fault::CountsBelowTheEnd => "counts::bounds_limit_the_count";
    counts_item_by_item: Fault::CountsItemByItem => "counts::event_that_matches_two_items_counts_once";
    counts_what_is_on_its_way: Fault::CountsWhatIsOnItsWay => "counts::count_up_to_the_settled_position_never_changes";
    takes_the_last_event_before_a_time: Fault::TakesTheLastEventBeforeATime => "time_travel::position_at_a_time_when_the_clock_went_back";
}

must_fail! {
    rows_compare_nothing: Rows(RowFault::ComparesNothing) => "row_commits::change_from_another_position_is_stale_and_writes_nothing";
    rows_compare_before_they_write: Rows(RowFault::ComparesBeforeItWrites) => "row_races::concurrent_counters_lose_no_increment";
    rows_move_the_checkpoint_first: Rows(RowFault::MovesTheCheckpointFirst) => "row_races::cancelled_change_is_written_completely_or_not_at_all";
    rows_are_written_first: Rows(RowFault::WritesRowsFirst) => "row_races::cancelled_change_is_written_completely_or_not_at_all";
    rows_write_what_is_stale: Rows(RowFault::WritesWhatIsStale) => "row_commits::change_from_another_position_is_stale_and_writes_nothing";
    rows_tell_the_wrong_place: Rows(RowFault::TellsTheWrongPlace) => "row_commits::change_from_another_position_is_stale_and_writes_nothing";
    rows_forget_deletes: Rows(RowFault::ForgetsDeletes) => "row_commits::deletes_remove_rows";
    rows_lose_rows_of_large_changes: Rows(RowFault::LosesRowsOfLargeChanges) => "row_commits::thousands_of_rows_in_one_change";
    rows_are_merged: Rows(RowFault::MergesRows) => "row_commits::row_is_replaced_completely";
    rows_forget_anchors: Rows(RowFault::ForgetsAnchors) => "row_commits::rows_and_checkpoint_change_together";
    rows_forget_reports: Rows(RowFault::ForgetsReports) => "poison_events::projection_stops_before_a_poison_event";
    rows_move_back_on_define: Rows(RowFault::MovesBackOnDefine) => "row_tables::defining_a_table_again_changes_nothing";
    rows_take_any_shape: Rows(RowFault::TakesAnyShape) => "row_tables::every_part_of_the_columns_is_compared";
    rows_take_any_log: Rows(RowFault::TakesAnyLog) => "row_tables::table_of_another_log_is_refused";
    rows_mix_versions: Rows(RowFault::MixesVersions) => "row_tables::versions_are_separate_tables";
    rows_answer_each_key_once: Rows(RowFault::AnswersEachKeyOnce) => "row_queries::lookup_returns_one_result_per_key_in_order";
    rows_cut_times: Rows(RowFault::CutsTimes) => "row_values::extreme_values_of_every_type";
    rows_tidy_json: Rows(RowFault::TidiesJson) => "row_values::json_keeps_every_byte";
    rows_round_numbers: Rows(RowFault::RoundsNumbers) => "row_values::extreme_values_of_every_type";
    rows_take_empty_text_for_nothing: Rows(RowFault::TakesEmptyTextForNothing) => "row_values::null_differs_from_every_zero_value";
    rows_sort_like_a_dictionary: Rows(RowFault::SortsLikeADictionary) => "row_queries::texts_are_compared_byte_by_byte";
    rows_compare_without_case: Rows(RowFault::ComparesWithoutCase) => "row_queries::texts_are_compared_byte_by_byte";
    rows_take_prefixes_for_patterns: Rows(RowFault::TakesPrefixesForPatterns) => "row_queries::prefix_is_not_a_pattern";
    rows_sort_nothing_last: Rows(RowFault::SortsNothingLast) => "row_queries::null_sorts_first";
    rows_sort_ties_one_way: Rows(RowFault::SortsTiesOneWay) => "row_queries::ties_are_sorted_by_key";
    rows_skip_at_page_borders: Rows(RowFault::SkipsAtPageBorders) => "row_pages::pages_return_every_row_once";
    rows_repeat_at_page_borders: Rows(RowFault::RepeatsAtPageBorders) => "row_pages::pages_return_every_row_once";
    rows_take_nothing_for_small: Rows(RowFault::TakesNothingForSmall) => "row_queries::null_matches_only_equal_null";
    rows_use_the_first_filter_only: Rows(RowFault::UsesTheFirstFilterOnly) => "row_queries::all_filters_apply";
    rows_ignore_the_limit: Rows(RowFault::IgnoresTheLimit) => "row_queries::limit_cuts_the_result";
}

must_fail! {
    builds_are_mixed: Rows(RowFault::MixesBuilds) => "builds::each_build_has_its_own_rows";
    builds_are_listed_from_the_newest: Rows(RowFault::ListsBuildsFromTheNewest) => "builds::builds_are_listed_from_oldest_to_newest";
    switch_leaves_the_old_build_live: Rows(RowFault::LeavesTheOldBuildLive) => "promotions::only_a_newer_build_is_promoted";
    switch_lets_older_builds_take_over: Rows(RowFault::LetsOlderBuildsTakeOver) => "promotions::only_a_newer_build_is_promoted";
    switch_takes_what_is_not_there: Rows(RowFault::SwitchesToWhatIsNotThere) => "promotions::undefined_build_cannot_be_promoted";
    switch_compares_no_rows: Rows(RowFault::ComparesNoRows) => "comparisons::each_kind_of_difference_is_counted";
    switch_compares_keys_alone: Rows(RowFault::ComparesKeysAlone) => "comparisons::similar_values_differ";
    switch_takes_what_differs: Rows(RowFault::SwitchesToWhatDiffers) => "comparisons::each_kind_of_difference_is_counted";
    switch_compares_builds_apart: Rows(RowFault::ComparesBuildsApart) => "comparisons::builds_at_different_positions_are_not_comparable";
    switch_compares_beside_parked_events: Rows(RowFault::ComparesBesideParkedEvents) => "comparisons::builds_with_parked_events_are_not_comparable";
    switch_compares_in_steps: Rows(RowFault::ComparesInSteps) => "comparisons::comparison_reads_a_consistent_state";
    switch_swaps_missing_and_added: Rows(RowFault::SwapsMissingAndAdded) => "comparisons::each_kind_of_difference_is_counted";
    switch_names_the_greatest_key: Rows(RowFault::NamesTheGreatestKey) => "comparisons::difference_reports_the_smallest_key";
    switch_compares_inline_builds_by_position: Rows(RowFault::ComparesInlineBuildsByPosition) => "inline_transitions::inline_builds_are_compared_at_the_end_of_the_log";
    switch_compares_one_inline_build: Rows(RowFault::ComparesBuildsApart) => "inline_transitions::inline_builds_are_compared_at_the_end_of_the_log";
    discard_does_nothing: Rows(RowFault::DiscardsNothing) => "discards::discarded_build_is_removed_completely";
    discard_takes_the_live_build: Rows(RowFault::DiscardsTheLiveBuild) => "discards::live_build_cannot_be_discarded";
    discard_takes_what_is_not_there: Rows(RowFault::DiscardsWhatIsNotThere) => "discards::discarding_an_undefined_build_returns_false";
    discard_takes_its_neighbours: Rows(RowFault::DiscardsItsNeighbours) => "discards::discarded_build_is_removed_completely";
    discard_leaves_rows: Rows(RowFault::LeavesRowsOfTheDiscarded) => "discards::discarded_build_can_be_defined_again";
    parked_are_not_compared: Rows(RowFault::ComparesNoNumberOfParked) => "parked_events::change_with_another_number_of_parked_events_is_stale";
    parked_are_not_compared_in_races: Rows(RowFault::ComparesNoNumberOfParked) => "parked_events::one_of_concurrent_retries_wins";
    parked_come_later: Rows(RowFault::ParksLater) => "parked_events::cancelled_change_parks_completely_or_not_at_all";
    parked_are_forgotten: Rows(RowFault::ForgetsToPark) => "parked_events::events_are_parked_and_unparked_with_rows_and_checkpoint";
    parked_never_leave: Rows(RowFault::ForgetsToUnpark) => "parked_events::events_are_parked_and_unparked_with_rows_and_checkpoint";
    parked_keep_their_first_attempt: Rows(RowFault::KeepsTheFirstAttempt) => "parked_events::parking_an_event_again_replaces_it";
    parked_are_listed_by_text: Rows(RowFault::ListsParkedByText) => "parked_events::parked_events_are_listed_by_position";
    parked_lose_the_end_of_errors: Rows(RowFault::CutsErrors) => "parked_events::keys_and_errors_keep_every_byte";
    parked_have_sorted_keys: Rows(RowFault::SortsKeysOfParked) => "parked_events::keys_and_errors_keep_every_byte";
    parked_are_a_thousand_at_most: Rows(RowFault::ParksAThousand) => "parked_events::thousands_of_parked_events";
    reports_outlive_changes: Rows(RowFault::KeepsReports) => "row_commits::committed_change_clears_the_reported_reason";
    reports_end_with_stale_changes: Rows(RowFault::EndsReportsWhenStale) => "row_commits::committed_change_clears_the_reported_reason";
    inline_is_not_enforced: Rows(RowFault::IsNotEnforced) => "inline::append_without_a_required_fold_is_refused";
    inline_takes_too_many_folds: Rows(RowFault::TakesTooManyFolds) => "inline::append_must_carry_exactly_the_required_folds";
    inline_names_folds_in_any_order: Rows(RowFault::NamesFoldsInAnyOrder) => "inline::append_must_carry_exactly_the_required_folds";
    inline_folds_without_locks: Rows(RowFault::FoldsWithoutLocks) => "inline_races::concurrent_appends_to_one_row_are_folded_in_order";
    inline_folds_backwards: Rows(RowFault::FoldsBackwards) => "inline::rows_change_with_the_append";
    inline_folds_guessed_positions: Rows(RowFault::FoldsGuessedPositions) => "inline::rows_change_with_the_append";
    inline_folds_a_thousand_rows: Rows(RowFault::FoldsAThousandRows) => "inline::many_rows_change_in_one_append";
    inline_folds_one_build: Rows(RowFault::FoldsOneBuild) => "inline::several_builds_change_in_one_append";
    inline_folds_later: Rows(RowFault::FoldsLater) => "inline_races::cancelled_append_changes_rows_with_its_events_or_not_at_all";
    inline_folds_what_it_refuses: Rows(RowFault::FoldsWhatItRefuses) => "inline::refused_append_changes_no_rows";
    inline_folds_what_it_knows: Rows(RowFault::FoldsWhatItKnows) => "inline::repeated_command_changes_rows_once";
    inline_keeps_events_of_failed_folds: Rows(RowFault::KeepsEventsOfFailedFolds) => "inline::failing_fold_writes_nothing";
    inline_loses_the_tail: Rows(RowFault::LosesTheTail) => "inline_transitions::make_inline_folds_the_remaining_events";
    inline_counts_the_tail_twice: Rows(RowFault::CountsTheTailTwice) => "inline_transitions::make_inline_folds_the_remaining_events";
    inline_begins_in_two_steps: Rows(RowFault::GoesInlineInTwoSteps) => "inline_races::transitions_during_appends_lose_nothing";
    inline_begins_far_behind: Rows(RowFault::GoesInlineFromFarBehind) => "inline_transitions::build_far_behind_must_catch_up_before_make_inline";
    inline_takes_other_changes: Rows(RowFault::TakesChangesOfInlineBuilds) => "inline_transitions::inline_build_accepts_no_other_changes";
    inline_is_left_where_it_came: Rows(RowFault::LeavesInlineWhereItCame) => "inline_transitions::make_async_continues_at_the_end_of_the_log";
    inline_is_not_left: Rows(RowFault::StaysInline) => "inline_transitions::make_async_continues_at_the_end_of_the_log";
}

must_fail! {
    snapshots_come_from_nowhere: Snapshots(SnapshotFault::MadeUp) => "snapshots::new_log_has_no_snapshots";
    snapshots_are_tidied: Snapshots(SnapshotFault::Tidied) => "snapshots::snapshot_is_loaded_as_saved";
    snapshots_count_as_32_bits: Snapshots(SnapshotFault::Narrow) => "snapshots::snapshot_is_loaded_as_saved";
    snapshots_have_short_fingerprints: Snapshots(SnapshotFault::ComparesHalfTheFingerprint) => "snapshots::snapshot_with_another_fingerprint_is_not_found_and_is_replaced";
    snapshots_lose_large_states: Snapshots(SnapshotFault::LosesLargeStates) => "snapshots::state_of_many_megabytes";
    snapshots_are_found_by_other_code: Snapshots(SnapshotFault::IgnoresFingerprints) => "snapshots::snapshot_with_another_fingerprint_is_not_found_and_is_replaced";
    snapshots_are_defended_against_other_code: Snapshots(SnapshotFault::ComparesPositionsOfOtherCode) => "snapshots::snapshot_with_another_fingerprint_is_not_found_and_is_replaced";
    snapshots_go_back: Snapshots(SnapshotFault::GoesBack) => "snapshots::later_position_replaces_earlier_one";
    snapshots_stay_with_the_first: Snapshots(SnapshotFault::KeepsTheFirst) => "snapshots::later_position_replaces_earlier_one";
    snapshots_ignore_tags: Snapshots(SnapshotFault::IgnoresTags) => "snapshots::snapshots_of_aggregates_and_tags_are_separate";
    snapshots_ignore_aggregates: Snapshots(SnapshotFault::IgnoresAggregates) => "snapshots::snapshots_of_aggregates_and_tags_are_separate";
    snapshots_compare_tags_without_case: Snapshots(SnapshotFault::ComparesTagsWithoutCase) => "snapshots::snapshots_of_aggregates_and_tags_are_separate";
    snapshots_are_compared_before_they_are_kept: Snapshots(SnapshotFault::LooksBeforeItKeeps) => "snapshots::concurrent_writes_keep_the_highest_position";
    snapshots_are_events: Snapshots(SnapshotFault::WritesToTheLog) => "snapshots::snapshots_do_not_change_the_log";
    snapshots_end_with_the_handle: Fault::KeepsNothing => "snapshots::snapshots_survive_reopen";
}

/// A store may keep none: the cases about them are left out, and the others are not.
#[test]
fn who_keeps_no_snapshots_is_not_asked_for_them() {
    let suite = suite(Snapshots(SnapshotFault::KeepsNone), 1);
    for case in cases().iter().filter(|case| case.name().starts_with("snapshots::")) {
        let verdict = suite.check(case);
        assert!(
            matches!(verdict, Verdict::Skipped(reason) if reason.contains("no snapshots")),
            "{}: {verdict:?}",
            case.name()
        );
    }
    let refuses = self::suite(Snapshots(SnapshotFault::Refuses), 1);
    let verdict = refuses.check(cases().iter().find(|case| case.name().starts_with("snapshots::")).unwrap());
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
        cases().iter().find(|case| case.name().starts_with("model::")).expect("the case that plays scripts");
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
    let (rows, inline) = (of("row_model::"), of("inline_model::"));
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
