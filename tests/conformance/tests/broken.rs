//! Runs the suite on deliberately broken stores: each must fail the case that is about its fault, and the correct store
//! that they are made from must pass every case.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a poisoned lock or an invalid name is a bug of this test

mod broken {
    pub(crate) mod archives;
    mod changes;
    mod chunks;
    mod compared;
    pub(crate) mod fault;
    mod imports;
    pub(crate) mod inline;
    pub(crate) mod keys;
    mod pages;
    pub(crate) mod row_fault;
    mod row_queries;
    pub(crate) mod rows;
    pub(crate) mod snapshots;
    pub(crate) mod store;
    pub(crate) mod store_with_fault;
    mod verify;
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
    archives::ArchiveFault,
    fault::Fault::{self, Archives, Rows, Snapshots},
    row_fault::RowFault,
    snapshots::SnapshotFault,
    store_with_fault::StoreWithFault,
};

/// The suite for a store with a fault.
fn suite(fault: Fault, scale: usize) -> Suite<StoreWithFault> {
    Suite::new(StoreWithFault(fault), Settings::default().with_scale(scale))
}

/// Like [`suite`], with a short timeout, because some cases do not end on a broken store.
fn suite_with_short_timeout(fault: Fault, scale: usize) -> Suite<StoreWithFault> {
    let settings = Settings::default().with_scale(scale).with_timeout(Duration::from_secs(5));
    Suite::new(StoreWithFault(fault), settings)
}

/// All cases that fail on a store with a fault, with their messages: the cases about rows if the rows are broken, else
/// the other cases.
fn failing_cases(fault: Fault) -> Vec<(&'static str, String)> {
    let is_relevant = |case: &&Case| case.needs().contains(&Capability::Rows) == matches!(fault, Rows(_));
    failures_of(cases().iter().filter(is_relevant).collect(), &suite_with_short_timeout(fault, 1))
}

/// The cases that fail, with their messages. Many threads run them, because a case that does not end only waits.
fn failures_of(cases: Vec<&'static Case>, suite: &Suite<StoreWithFault>) -> Vec<(&'static str, String)> {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(vec![]);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Verdict::Failed(failure) = suite.check(case) {
                        failures.lock().unwrap().push((case.name(), failure.to_string()));
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}

/// The store without a fault is correct, and so is a store with gaps whose feed stops before them.
#[test]
fn correct_stores_pass_every_case() {
    for fault in [Fault::None, Fault::FeedStopsAtGaps] {
        let settings = Settings::default();
        for case in cases() {
            let verdict = Suite::new(StoreWithFault(fault), settings).check(case);
            let is_correct = matches!(verdict, Verdict::Passed | Verdict::Skipped(_));
            assert!(is_correct, "{fault:?}: {} with the seed {}: {verdict:?}", case.name(), settings.seed);
        }
    }
}

/// Declares a test for each fault: the case about this fault must fail.
macro_rules! must_fail {
    ($($test:ident: $fault:expr => $case:literal;)+) => {
        $(
            #[test]
            fn $test() {
                let case = cases().iter().find(|case| case.name() == $case).expect("a case with this name");
                let verdict = suite($fault, 1).check(case);
                if !matches!(verdict, Verdict::Failed(_)) {
                    panic!("{}: {verdict:?}; cases that fail: {:#?}", $case, failing_cases($fault));
                }
            }
        )+
    };
}

must_fail! {
    event_store_ignores_conditions: Fault::IgnoresConditions => "conditions::conditions_with_new_matches_fail";
    event_store_checks_conditions_before_append: Fault::ChecksConditionsBeforeAppend => "random_races::outcomes_of_random_appends_are_correct";
    event_store_ignores_tags_in_conditions: Fault::IgnoresTagsInConditions => "conditions::events_that_do_not_match_are_no_conflict";
    event_store_ignores_types_in_conditions: Fault::IgnoresTypesInConditions => "conditions::events_that_do_not_match_are_no_conflict";
    event_store_checks_only_first_item: Fault::ChecksOnlyFirstItem => "conditions::conditions_with_new_matches_fail";
    event_store_checks_only_first_condition: Fault::ChecksOnlyFirstCondition => "conditions::each_condition_is_checked_and_reported_by_index";
    event_store_conflicts_with_unrelated_events: Fault::ConflictsWithUnrelatedEvents => "races::disjoint_boundaries_never_conflict";
    event_store_marker_of_empty_read_covers_future: Fault::MarkerOfEmptyReadCoversFuture => "conditions::marker_of_an_empty_read_detects_new_events";
    event_store_marker_ignores_up_to: Fault::MarkerIgnoresUpTo => "conditions::marker_does_not_cover_events_excluded_by_up_to";
    event_store_ignores_successors: Fault::IgnoresSuccessors => "successors::append_that_knows_another_list_is_refused";
    event_store_compares_successors_before_append: Fault::ComparesSuccessorsBeforeAppend => "successors::no_append_without_a_successor_follows_it";
    event_store_forgets_successors: Fault::ForgetsSuccessors => "successors::first_event_of_a_successor_adds_it";
    event_store_retags_without_comparing: Fault::RetagsWithoutComparing => "retags::step_that_found_something_else_writes_nothing";
    event_store_retags_without_tags: Fault::RetagsWithoutTags => "retags::step_adds_tags_and_changes_nothing_else";
    event_store_encrypts_nothing: Fault::EncryptsNothing => "encryptions::step_replaces_payloads_and_changes_nothing_else";
    event_store_encrypts_one_event: Fault::EncryptsOneEvent => "encryptions::step_replaces_payloads_and_changes_nothing_else";
    event_store_keeps_snapshots: Fault::KeepsSnapshots => "encryptions::complete_encryption_removes_all_snapshots";
    event_store_completes_retags_early: Fault::CompletesRetagsEarly => "retags::retag_is_complete_only_at_the_end_of_the_log";
    event_store_looks_for_later_events_before_retag: Fault::LooksForLaterEventsBeforeRetag => "retags::every_event_of_concurrent_appends_gets_its_tag";
    event_store_accepts_closed_ids: Archives(ArchiveFault::AcceptsClosedIds) => "archives::append_that_writes_or_reads_a_closed_id_is_refused";
    event_store_accepts_conditions_on_closed_ids: Archives(ArchiveFault::AcceptsConditionsOnClosedIds)
        => "archives::append_that_writes_or_reads_a_closed_id_is_refused";
    event_store_reads_nothing_of_closed_ids: Archives(ArchiveFault::ReadsNothingOfClosedIds) => "archives::read_by_a_closed_id_is_refused";
    event_store_closes_ids_late: Archives(ArchiveFault::ClosesIdsLate) => "archive_steps::no_append_is_accepted_after_its_ids_are_closed";
    event_store_removes_shared_events: Archives(ArchiveFault::RemovesSharedEvents) => "archives::events_leave_when_all_their_ids_are_closed";
    event_store_removes_nothing: Archives(ArchiveFault::RemovesNothing) => "archives::events_leave_when_all_their_ids_are_closed";
    event_store_removes_without_comparing: Archives(ArchiveFault::RemovesWithoutComparing) => "archives::removal_of_other_events_writes_nothing";
    event_store_misses_removals_in_conditions: Archives(ArchiveFault::MissesRemovalsInConditions)
        => "archives::condition_without_a_tag_sees_that_events_have_left";
    event_store_loses_ids_of_removed_events: Archives(ArchiveFault::LosesIdsOfRemovedEvents)
        => "archives::removed_events_leave_their_positions_and_ids";
    event_store_opens_nothing: Archives(ArchiveFault::OpensNothing) => "archive_steps::opened_ids_get_their_events_back";
    event_store_ignores_errors_of_archived_events: Archives(ArchiveFault::IgnoresErrorsOfArchivedEvents)
        => "archive_steps::restore_that_fails_after_a_page_writes_nothing";
    event_store_reads_one_page_of_archived_events: Archives(ArchiveFault::ReadsOnePageOfArchivedEvents)
        => "archives::tombstones_are_listed_in_pages";
    event_store_feed_knows_no_successors: Fault::FeedKnowsNoSuccessors => "successors::page_has_the_list_of_its_events";
    event_store_reports_first_condition: Fault::ReportsFirstCondition => "conditions::each_condition_is_checked_and_reported_by_index";
    event_store_reports_oldest_match: Fault::ReportsOldestMatch => "conditions::conflict_reports_the_newest_match";
    event_store_writes_refused_events: Fault::WritesRefusedEvents => "conditions::refused_append_leaves_no_trace";
    event_store_loses_every_seventh_event: Fault::LosesEverySeventhEvent => "append::events_keep_their_order";
    event_store_reads_item_by_item: Fault::ReadsItemByItem => "reads::order_of_items_does_not_matter";
    event_store_read_ignores_after: Fault::ReadIgnoresAfter => "reads::after_and_up_to_limit_the_result";
    event_store_reverses_batches: Fault::ReversesBatches => "reads::several_reads_return_one_batch_each";
    event_store_reserves_for_all: Fault::ReservesForAll => "races::callers_with_a_reservation_do_not_conflict";
    event_store_reverses_receipts: Fault::ReversesReceipts => "append::receipts_hold_positions_and_ids_of_the_events";
    event_store_reverses_events: Fault::ReversesEvents => "append::events_keep_their_order";
    event_store_removes_spaces_from_payloads: Fault::RemovesSpacesFromPayloads => "limits::payloads_keep_every_byte";
    event_store_drops_metadata: Fault::DropsMetadata => "append::event_is_read_back_as_written";
    event_store_truncates_times: Fault::TruncatesTimes => "append::recorded_times_may_go_back";
    event_store_ignores_case_of_tags: Fault::IgnoresCaseOfTags => "criteria::tags_are_compared_byte_by_byte";
    event_store_verifies_only_first_page: Fault::VerifiesOnlyFirstPage => "verify::every_event_is_checked_in_bounded_pages";
    event_store_verifies_all_in_one_page: Fault::VerifiesAllInOnePage => "verify::every_event_is_checked_in_bounded_pages";
    event_store_reports_running_appends: Fault::ReportsRunningAppends => "verify::running_appends_are_no_findings";
    event_store_splits_appends: Fault::SplitsAppends => "cancellation::cancelled_append_is_written_completely_or_not_at_all";
    event_store_drops_command_ids: Fault::DropsCommandIds => "command_ids::repeated_command_returns_the_first_receipt";
    event_store_drops_command_ids_of_empty_appends: Fault::DropsCommandIdsOfEmptyAppends => "command_ids::id_of_an_accepted_empty_append_is_stored";
    event_store_stores_command_ids_of_refused_appends: Fault::StoresCommandIdsOfRefusedAppends => "command_ids::id_of_a_refused_append_can_be_reused";
    event_store_ignores_command_of_ids: Fault::IgnoresCommandOfIds => "command_ids::id_is_bound_to_one_command_and_its_tags";
    event_store_checks_conditions_before_command_ids: Fault::ChecksConditionsBeforeCommandIds => "command_ids::accepted_id_is_checked_before_conditions";
    event_store_checks_command_ids_before_append: Fault::ChecksCommandIdsBeforeAppend => "command_ids::concurrent_appends_with_one_id_are_accepted_once";
    event_store_purges_too_many_command_ids: Fault::PurgesTooManyCommandIds => "command_ids::purged_ids_can_be_used_again";
    event_store_purges_command_ids_outside_of_the_range: Fault::PurgesCommandIdsOutsideOfTheRange => "command_ids::only_ids_in_the_range_are_purged";
    event_store_journals_duplicates: Fault::JournalsDuplicates => "journal::appends_that_are_not_written_are_not_journaled";
    event_store_opens_empty_logs: Fault::OpensEmptyLogs => "append::acknowledged_events_survive_reopen";
    event_store_appends_batches_one_by_one_conflict: Fault::AppendsBatchesOneByOne => "append_batch::conflict_of_one_append_refuses_the_batch";
    event_store_appends_batches_one_by_one_own_events: Fault::AppendsBatchesOneByOne => "append_batch::events_of_the_batch_are_no_conflict";
    event_store_appends_batches_one_by_one_maximum_size: Fault::AppendsBatchesOneByOne => "append_batch::batch_of_the_maximum_size";
    event_store_stores_only_first_command_id_of_batch: Fault::StoresOnlyFirstCommandIdOfBatch => "append_batch::ids_and_journal_entries_are_stored_for_each_append";
    event_store_skips_event_after_full_page: Fault::SkipsEventAfterFullPage => "feeds::pages_of_every_size_return_the_same_events";
    event_store_recent_page_skips_event: Fault::RecentPageSkipsEvent => "recent_pages::recent_pages_have_every_event_of_the_feed";
    event_store_feed_ignores_bytes: Fault::FeedIgnoresBytes => "page_limits::page_ends_before_the_record_that_exceeds_its_bytes";
    event_store_cut_page_ends_at_settled_position: Fault::CutPageEndsAtSettledPosition => "page_limits::page_ends_before_the_record_that_exceeds_its_bytes";
    event_store_cut_page_is_not_full: Fault::CutPageIsNotFull => "page_limits::page_ends_before_the_record_that_exceeds_its_bytes";
    event_store_large_event_does_not_come_alone: Fault::LargeEventDoesNotComeAlone => "page_limits::event_larger_than_the_limit_comes_alone";
    event_store_purges_too_many_journal_entries: Fault::PurgesTooManyJournalEntries => "journal::purge_removes_the_entries_before_a_time_and_nothing_else";
    event_store_journal_ignores_bytes: Fault::JournalIgnoresBytes => "page_limits::page_of_the_journal_ends_before_the_entry_that_exceeds_its_bytes";
    event_store_reads_in_one_chunk: Fault::ReadsInOneChunk => "page_limits::chunks_of_large_events_have_few_of_them";
    event_store_mixes_chunked_reads: Fault::MixesChunkedReads => "chunked_reads::several_chunked_reads_have_the_records_of_each";
    event_store_reads_each_at_its_moment: Fault::ReadsEachAtItsMoment => "chunked_reads::several_chunked_reads_are_of_one_moment";
    event_store_empty_page_does_not_advance: Fault::EmptyPageDoesNotAdvance => "feeds::partial_page_ends_at_the_settled_position";
    event_store_feed_skips_gaps: Fault::FeedSkipsGaps => "live_feeds::every_event_is_fed_once_during_appends";
    event_store_reports_too_many_settled: Fault::ReportsTooManySettled => "live_feeds::settled_events_never_change";
    event_store_count_includes_after: Fault::CountIncludesAfter => "counts::bounds_limit_the_count";
    event_store_count_excludes_up_to: Fault::CountExcludesUpTo => "counts::bounds_limit_the_count";
    event_store_stored_types_repeat_first: Fault::StoredTypesRepeatFirst
        => "stored_types::each_event_type_has_its_first_and_last_position";
    event_store_stored_types_are_unsorted: Fault::StoredTypesAreUnsorted
        => "stored_types::event_types_are_in_the_order_of_their_bytes";
    event_store_stored_types_lack_versions: Fault::StoredTypesLackVersions
        => "stored_types::each_later_version_has_its_first_and_last_position";
    event_store_stored_versions_end_with_their_type: Fault::StoredVersionsEndWithTheirType
        => "stored_types::each_later_version_has_its_first_and_last_position";
    event_store_counts_all_versions: Fault::CountsAllVersions
        => "stored_types::events_of_a_type_and_of_a_version_are_counted_up_to_a_limit";
    event_store_counts_types_without_limit: Fault::CountsTypesWithoutLimit
        => "stored_types::events_of_a_type_and_of_a_version_are_counted_up_to_a_limit";
    event_store_counts_item_by_item: Fault::CountsItemByItem => "counts::event_that_matches_two_items_counts_once";
    event_store_counts_unsettled_events: Fault::CountsUnsettledEvents => "counts::count_up_to_the_settled_position_never_changes";
    event_store_uses_last_event_before_time: Fault::UsesLastEventBeforeTime => "time_travel::prefix_at_a_time_when_the_clock_went_back";
    event_store_hides_hidden_events: Fault::HidesHiddenEvents => "time_travel::prefix_at_a_time_when_the_clock_went_back";
    event_store_counts_all_later_events_as_hidden: Fault::CountsAllLaterEventsAsHidden => "time_travel::prefix_at_a_time_with_a_steady_clock";
}

must_fail! {
    row_store_ignores_checkpoint: Rows(RowFault::IgnoresCheckpoint) => "row_commits::change_from_another_position_is_stale_and_writes_nothing";
    row_store_compares_checkpoint_before_write: Rows(RowFault::ComparesCheckpointBeforeWrite) => "row_races::concurrent_counters_lose_no_increment";
    row_store_moves_checkpoint_before_rows: Rows(RowFault::MovesCheckpointBeforeRows) => "row_races::cancelled_change_is_written_completely_or_not_at_all";
    row_store_writes_rows_before_checkpoint: Rows(RowFault::WritesRowsBeforeCheckpoint) => "row_races::cancelled_change_is_written_completely_or_not_at_all";
    row_store_writes_stale_changes: Rows(RowFault::WritesStaleChanges) => "row_commits::change_from_another_position_is_stale_and_writes_nothing";
    row_store_reports_wrong_checkpoint: Rows(RowFault::ReportsWrongCheckpoint) => "row_commits::change_from_another_position_is_stale_and_writes_nothing";
    row_store_ignores_deletes: Rows(RowFault::IgnoresDeletes) => "row_commits::deletes_remove_rows";
    row_store_writes_at_most_thousand_rows: Rows(RowFault::WritesAtMostThousandRows) => "row_commits::thousands_of_rows_in_one_change";
    row_store_merges_rows: Rows(RowFault::MergesRows) => "row_commits::row_is_replaced_completely";
    row_store_drops_anchors: Rows(RowFault::DropsAnchors) => "row_commits::rows_and_checkpoint_change_together";
    row_store_ignores_reports: Rows(RowFault::IgnoresReports) => "poison_events::projection_stops_before_a_poison_event";
    row_store_resets_checkpoint_on_define: Rows(RowFault::ResetsCheckpointOnDefine) => "row_tables::defining_a_table_again_changes_nothing";
    row_store_accepts_other_columns: Rows(RowFault::AcceptsOtherColumns) => "row_tables::every_part_of_the_columns_is_compared";
    row_store_forgets_folded_events: Rows(RowFault::ForgetsFoldedEvents) => "row_tables::build_that_folds_other_events_is_refused_with_the_difference";
    row_store_accepts_other_logs: Rows(RowFault::AcceptsOtherLogs) => "row_tables::table_of_another_log_is_refused";
    row_store_mixes_versions: Rows(RowFault::MixesVersions) => "row_tables::versions_are_separate_tables";
    row_store_returns_each_key_once: Rows(RowFault::ReturnsEachKeyOnce) => "row_queries::lookup_returns_one_result_per_key_in_order";
    row_store_truncates_times: Rows(RowFault::TruncatesTimes) => "row_values::extreme_values_of_every_type";
    row_store_removes_spaces_from_json: Rows(RowFault::RemovesSpacesFromJson) => "row_values::json_keeps_every_byte";
    row_store_rounds_integers: Rows(RowFault::RoundsIntegers) => "row_values::extreme_values_of_every_type";
    row_store_rounds_decimals: Rows(RowFault::RoundsDecimals) => "row_values::extreme_values_of_every_type";
    row_store_sorts_decimals_as_texts: Rows(RowFault::SortsDecimalsAsTexts) => "row_queries::every_bound_on_every_type";
    row_store_sorts_dates_as_texts: Rows(RowFault::SortsDatesAsTexts) => "row_queries::every_bound_on_every_type";
    row_store_truncates_times_of_day: Rows(RowFault::TruncatesTimesOfDay) => "row_values::extreme_values_of_every_type";
    row_store_stores_empty_text_as_null: Rows(RowFault::StoresEmptyTextAsNull) => "row_values::null_differs_from_every_zero_value";
    row_store_sorts_texts_ignoring_case: Rows(RowFault::SortsTextsIgnoringCase) => "row_queries::texts_are_compared_byte_by_byte";
    row_store_filters_texts_ignoring_case: Rows(RowFault::FiltersTextsIgnoringCase) => "row_queries::texts_are_compared_byte_by_byte";
    row_store_matches_prefixes_as_patterns: Rows(RowFault::MatchesPrefixesAsPatterns) => "row_queries::prefix_is_not_a_pattern";
    row_store_ignores_null_in_lists: Rows(RowFault::IgnoresNullInLists) => "row_totals::null_in_a_list_matches_null";
    row_store_ignores_case_of_all_letters: Rows(RowFault::IgnoresCaseOfAllLetters) => "row_totals::prefix_ignores_only_the_case_of_ascii_letters";
    row_store_totals_of_page: Rows(RowFault::TotalsOfPage) => "row_totals::count_and_sum_include_all_pages";
    row_store_wraps_sums: Rows(RowFault::WrapsSums) => "row_totals::sums_are_wider_than_their_numbers";
    row_store_rounds_sums: Rows(RowFault::RoundsSums) => "row_totals::sums_are_wider_than_their_numbers";
    row_store_sorts_nulls_last: Rows(RowFault::SortsNullsLast) => "row_queries::null_sorts_first";
    row_store_sorts_ties_ascending: Rows(RowFault::SortsTiesAscending) => "row_queries::ties_are_sorted_by_key";
    row_store_skips_first_row_of_next_page: Rows(RowFault::SkipsFirstRowOfNextPage) => "row_pages::pages_return_every_row_once";
    row_store_repeats_last_row_of_page: Rows(RowFault::RepeatsLastRowOfPage) => "row_pages::pages_return_every_row_once";
    row_store_matches_null_as_smallest: Rows(RowFault::MatchesNullAsSmallest) => "row_queries::null_matches_only_equal_null";
    row_store_applies_only_first_filter: Rows(RowFault::AppliesOnlyFirstFilter) => "row_queries::all_filters_apply";
    row_store_ignores_limit: Rows(RowFault::IgnoresLimit) => "row_queries::limit_cuts_the_result";
}

must_fail! {
    row_store_mixes_builds: Rows(RowFault::MixesBuilds) => "builds::each_build_has_its_own_rows";
    row_store_ignores_expected_claim: Rows(RowFault::IgnoresExpectedClaim) => "claims::claim_is_replaced_only_if_it_is_the_expected_one";
    row_store_compares_claim_holder_only: Rows(RowFault::ComparesClaimHolderOnly) => "claims::claim_is_replaced_only_if_it_is_the_expected_one";
    row_store_compares_claim_before_write: Rows(RowFault::ComparesClaimBeforeWrite) => "claims::one_of_several_racing_processes_replaces_a_claim";
    row_store_reports_stale_claims_as_replaced: Rows(RowFault::ReportsStaleClaimsAsReplaced) => "claims::claim_is_replaced_only_if_it_is_the_expected_one";
    row_store_ignores_revision_of_requests: Rows(RowFault::IgnoresRevisionOfRequests) => "requests::requests_are_replaced_only_after_the_revision_before";
    row_store_compares_revision_of_requests_before_write: Rows(RowFault::ComparesRevisionOfRequestsBeforeWrite) => "requests::one_of_several_racing_processes_takes_a_retry_request";
    row_store_stores_requests_for_one_build: Rows(RowFault::StoresRequestsForOneBuild) => "requests::requests_are_stored_for_all_builds_of_one_projection";
    row_store_forgets_requests_at_reopen: Rows(RowFault::ForgetsRequestsAtReopen) => "requests::requests_survive_reopen";
    row_store_never_releases_claims: Rows(RowFault::NeverReleasesClaims) => "claims::claim_is_replaced_only_if_it_is_the_expected_one";
    row_store_lists_newest_build_first: Rows(RowFault::ListsNewestBuildFirst) => "builds::builds_are_listed_from_oldest_to_newest";
    row_store_leaves_old_build_live: Rows(RowFault::LeavesOldBuildLive) => "promotions::only_a_newer_build_is_promoted";
    row_store_reports_older_builds_as_promoted: Rows(RowFault::ReportsOlderBuildsAsPromoted) => "promotions::only_a_newer_build_is_promoted";
    row_store_reports_undefined_builds_as_promoted: Rows(RowFault::ReportsUndefinedBuildsAsPromoted) => "promotions::undefined_build_cannot_be_promoted";
    row_store_promotes_without_comparison: Rows(RowFault::PromotesWithoutComparison) => "comparisons::each_kind_of_difference_is_counted";
    row_store_compares_only_keys: Rows(RowFault::ComparesOnlyKeys) => "comparisons::similar_values_differ";
    row_store_promotes_different_builds: Rows(RowFault::PromotesDifferentBuilds) => "comparisons::each_kind_of_difference_is_counted";
    row_store_promotes_incomparable_builds: Rows(RowFault::PromotesIncomparableBuilds) => "comparisons::builds_at_different_positions_are_not_comparable";
    row_store_promotes_despite_parked_events: Rows(RowFault::PromotesDespiteParkedEvents) => "comparisons::builds_with_parked_events_are_not_comparable";
    row_store_compares_in_steps: Rows(RowFault::ComparesInSteps) => "comparisons::comparison_reads_a_consistent_state";
    row_store_swaps_missing_and_added: Rows(RowFault::SwapsMissingAndAdded) => "comparisons::each_kind_of_difference_is_counted";
    row_store_reports_greatest_key: Rows(RowFault::ReportsGreatestKey) => "comparisons::difference_reports_the_smallest_key";
    row_store_compares_positions_of_inline_builds: Rows(RowFault::ComparesPositionsOfInlineBuilds) => "inline_transitions::inline_builds_are_compared_at_the_end_of_the_log";
    row_store_promotes_incomparable_inline_builds: Rows(RowFault::PromotesIncomparableBuilds) => "inline_transitions::inline_builds_are_compared_at_the_end_of_the_log";
    row_store_discard_has_no_effect: Rows(RowFault::DiscardHasNoEffect) => "discards::discarded_build_is_removed_completely";
    row_store_reports_live_builds_as_discarded: Rows(RowFault::ReportsLiveBuildsAsDiscarded) => "discards::live_build_cannot_be_discarded";
    row_store_reports_undefined_builds_as_discarded: Rows(RowFault::ReportsUndefinedBuildsAsDiscarded) => "discards::discarding_an_undefined_build_returns_false";
    row_store_discards_other_builds: Rows(RowFault::DiscardsOtherBuilds) => "discards::discarded_build_is_removed_completely";
    row_store_leaves_rows_of_discarded_builds: Rows(RowFault::LeavesRowsOfDiscardedBuilds) => "discards::discarded_build_can_be_defined_again";
    row_store_defines_deleted_builds: Rows(RowFault::DefinesDeletedBuilds) => "discards::build_before_the_live_one_of_its_version_is_not_defined_again";
    row_store_ignores_parked_count: Rows(RowFault::IgnoresParkedCount) => "parked_events::change_with_another_number_of_parked_events_is_stale";
    row_store_ignores_parked_count_in_races: Rows(RowFault::IgnoresParkedCount) => "parked_events::one_of_concurrent_retries_wins";
    row_store_parks_after_commit: Rows(RowFault::ParksAfterCommit) => "parked_events::cancelled_change_parks_completely_or_not_at_all";
    row_store_ignores_park: Rows(RowFault::IgnoresPark) => "parked_events::events_are_parked_and_unparked_with_rows_and_checkpoint";
    row_store_ignores_unpark: Rows(RowFault::IgnoresUnpark) => "parked_events::events_are_parked_and_unparked_with_rows_and_checkpoint";
    row_store_never_replaces_parked: Rows(RowFault::NeverReplacesParked) => "parked_events::parking_an_event_again_replaces_it";
    row_store_sorts_parked_by_text: Rows(RowFault::SortsParkedByText) => "parked_events::parked_events_are_listed_by_position";
    row_store_truncates_errors: Rows(RowFault::TruncatesErrors) => "parked_events::keys_and_errors_keep_every_byte";
    row_store_sorts_keys_of_parked: Rows(RowFault::SortsKeysOfParked) => "parked_events::keys_and_errors_keep_every_byte";
    row_store_parks_at_most_thousand_events: Rows(RowFault::ParksAtMostThousandEvents) => "parked_events::thousands_of_parked_events";
    row_store_verifies_no_builds: Rows(RowFault::VerifiesNoBuilds) => "verify_rows::checkpoint_after_the_end_of_the_log_is_found";
    row_store_reports_parked_events_as_missing: Rows(RowFault::ReportsParkedEventsAsMissing) => "verify_rows::correct_builds_are_no_findings";
    row_store_returns_no_references: Rows(RowFault::ReturnsNoReferences) => "verify_rows::builds_in_another_row_store_are_compared_with_their_log";
    row_store_never_clears_reports: Rows(RowFault::NeverClearsReports) => "row_commits::committed_change_clears_the_reported_reason";
    row_store_clears_reports_on_stale_changes: Rows(RowFault::ClearsReportsOnStaleChanges) => "row_commits::committed_change_clears_the_reported_reason";
    row_store_accepts_missing_folds: Rows(RowFault::AcceptsMissingFolds) => "inline::append_without_a_required_fold_is_refused";
    row_store_folds_own_names_only: Rows(RowFault::FoldsOwnNamesOnly) => "inline_successors::append_that_adds_a_successor_provides_the_builds_of_the_older_name";
    row_store_accepts_additional_folds: Rows(RowFault::AcceptsAdditionalFolds) => "inline::append_must_carry_exactly_the_required_folds";
    row_store_reports_folds_in_reverse: Rows(RowFault::ReportsFoldsInReverse) => "inline::append_must_carry_exactly_the_required_folds";
    row_store_folds_without_locks: Rows(RowFault::FoldsWithoutLocks) => "inline_races::concurrent_appends_to_one_row_are_folded_in_order";
    row_store_folds_in_reverse: Rows(RowFault::FoldsInReverse) => "inline::rows_change_with_the_append";
    row_store_folds_wrong_positions: Rows(RowFault::FoldsWrongPositions) => "inline::rows_change_with_the_append";
    row_store_folds_at_most_thousand_rows: Rows(RowFault::FoldsAtMostThousandRows) => "inline::many_rows_change_in_one_append";
    row_store_folds_only_first_build: Rows(RowFault::FoldsOnlyFirstBuild) => "inline::several_builds_change_in_one_append";
    row_store_folds_after_append: Rows(RowFault::FoldsAfterAppend) => "inline_races::cancelled_append_changes_rows_with_its_events_or_not_at_all";
    row_store_folds_refused_appends: Rows(RowFault::FoldsRefusedAppends) => "inline::refused_append_changes_no_rows";
    row_store_folds_duplicates: Rows(RowFault::FoldsDuplicates) => "inline::repeated_command_changes_rows_once";
    row_store_writes_events_of_failed_folds: Rows(RowFault::WritesEventsOfFailedFolds) => "inline::failing_fold_writes_nothing";
    row_store_loses_remaining_events: Rows(RowFault::LosesRemainingEvents) => "inline_transitions::make_inline_folds_the_remaining_events";
    row_store_folds_remaining_events_twice: Rows(RowFault::FoldsRemainingEventsTwice) => "inline_transitions::make_inline_folds_the_remaining_events";
    row_store_makes_inline_in_two_steps: Rows(RowFault::MakesInlineInTwoSteps) => "inline_races::transitions_during_appends_lose_nothing";
    row_store_reports_behind_builds_as_inline: Rows(RowFault::ReportsBehindBuildsAsInline) => "inline_transitions::build_far_behind_must_catch_up_before_make_inline";
    row_store_accepts_changes_of_inline_builds: Rows(RowFault::AcceptsChangesOfInlineBuilds) => "inline_transitions::inline_build_accepts_no_other_changes";
    row_store_make_async_restores_old_checkpoint: Rows(RowFault::MakeAsyncRestoresOldCheckpoint) => "inline_transitions::make_async_continues_at_the_end_of_the_log";
    row_store_make_async_has_no_effect: Rows(RowFault::MakeAsyncHasNoEffect) => "inline_transitions::make_async_continues_at_the_end_of_the_log";
}

#[path = "broken/import_faults.rs"]
mod import_faults;

#[path = "broken/key_faults.rs"]
mod key_faults;

must_fail! {
    snapshot_store_returns_blank_if_missing: Snapshots(SnapshotFault::ReturnsBlankIfMissing) => "snapshots::new_log_has_no_snapshots";
    snapshot_store_removes_spaces: Snapshots(SnapshotFault::RemovesSpaces) => "snapshots::snapshot_is_loaded_as_saved";
    snapshot_store_limits_positions_to_32_bits: Snapshots(SnapshotFault::LimitsPositionsTo32Bits) => "snapshots::snapshot_is_loaded_as_saved";
    snapshot_store_compares_half_of_fingerprint: Snapshots(SnapshotFault::ComparesHalfOfFingerprint) => "snapshots::snapshot_with_another_fingerprint_is_not_found_and_is_replaced";
    snapshot_store_loses_large_states: Snapshots(SnapshotFault::LosesLargeStates) => "snapshots::state_of_many_megabytes";
    snapshot_store_ignores_fingerprints: Snapshots(SnapshotFault::IgnoresFingerprints) => "snapshots::snapshot_with_another_fingerprint_is_not_found_and_is_replaced";
    snapshot_store_never_replaces_other_fingerprints: Snapshots(SnapshotFault::NeverReplacesOtherFingerprints) => "snapshots::snapshot_with_another_fingerprint_is_not_found_and_is_replaced";
    snapshot_store_replaces_later_positions: Snapshots(SnapshotFault::ReplacesLaterPositions) => "snapshots::later_position_replaces_earlier_one";
    snapshot_store_never_replaces: Snapshots(SnapshotFault::NeverReplaces) => "snapshots::later_position_replaces_earlier_one";
    snapshot_store_ignores_tags: Snapshots(SnapshotFault::IgnoresTags) => "snapshots::snapshots_of_aggregates_and_tags_are_separate";
    snapshot_store_ignores_aggregates: Snapshots(SnapshotFault::IgnoresAggregates) => "snapshots::snapshots_of_aggregates_and_tags_are_separate";
    snapshot_store_ignores_case_of_tags: Snapshots(SnapshotFault::IgnoresCaseOfTags) => "snapshots::snapshots_of_aggregates_and_tags_are_separate";
    snapshot_store_compares_positions_before_write: Snapshots(SnapshotFault::ComparesPositionsBeforeWrite) => "snapshots::concurrent_writes_keep_the_highest_position";
    snapshot_store_appends_to_log: Snapshots(SnapshotFault::AppendsToLog) => "snapshots::snapshots_do_not_change_the_log";
    snapshot_store_opens_empty_logs: Fault::OpensEmptyLogs => "snapshots::snapshots_survive_reopen";
}

/// A store need not save snapshots, but saving one must not return an error.
#[test]
fn snapshot_cases_are_skipped_only_if_no_snapshot_is_saved() {
    let without_snapshots = suite(Snapshots(SnapshotFault::SavesNone), 1);
    for case in cases().iter().filter(|case| case.name().starts_with("snapshots::")) {
        let verdict = without_snapshots.check(case);
        assert!(
            matches!(verdict, Verdict::Skipped(reason) if reason.contains("no snapshots")),
            "{}: {verdict:?}",
            case.name()
        );
    }
    let failing = suite(Snapshots(SnapshotFault::FailsToSave), 1);
    let verdict = failing.check(cases().iter().find(|case| case.name().starts_with("snapshots::")).unwrap());
    assert!(
        matches!(verdict, Verdict::Failed(_)),
        "an error of `save_snapshot` must fail the case: {verdict:?}"
    );
}

/// The cases about projections detect faults of the rows, too: the rows are no longer the fold of the log.
#[test]
fn projection_cases_detect_faults_of_rows() {
    for fault in [
        RowFault::IgnoresCheckpoint,
        RowFault::MovesCheckpointBeforeRows,
        RowFault::WritesRowsBeforeCheckpoint,
        RowFault::IgnoresDeletes,
        RowFault::MergesRows,
        RowFault::ReturnsEachKeyOnce,
    ] {
        let projections = cases().iter().filter(|case| case.name().starts_with("projection")).collect();
        // Not every random log reveals a fault, so each case runs more rounds.
        let failures = failures_of(projections, &suite_with_short_timeout(Rows(fault), 5));
        assert!(!failures.is_empty(), "no case detects {fault:?}");
    }
}

/// The comparison with the model detects faults that show without concurrency.
#[test]
fn model_detects_sequential_faults() {
    let script =
        cases().iter().find(|case| case.name().starts_with("model::")).expect("the case that plays scripts");
    for fault in [
        Fault::IgnoresConditions,
        Fault::IgnoresTagsInConditions,
        Fault::ConflictsWithUnrelatedEvents,
        Fault::MarkerOfEmptyReadCoversFuture,
        Fault::ReversesEvents,
        Fault::DropsCommandIds,
        Fault::IgnoresCommandOfIds,
        Fault::ChecksConditionsBeforeCommandIds,
        Fault::SkipsEventAfterFullPage,
        Fault::UsesLastEventBeforeTime,
        Fault::PurgesTooManyCommandIds,
    ] {
        // A fixed seed, because not every set of random scripts reveals a fault.
        let suite = Suite::new(StoreWithFault(fault), Settings::default().with_scale(5).with_seed(7));
        let verdict = suite.check(script);
        assert!(matches!(verdict, Verdict::Failed(_)), "{fault:?}: {verdict:?}");
    }
}

/// The comparison with the model detects faults of rows and inline rows that show without concurrency.
#[test]
fn model_detects_sequential_faults_of_rows() {
    let case_of = |theme: &str| {
        cases().iter().find(|case| case.name().starts_with(theme)).expect("a case that plays scripts")
    };
    let (rows, inline) = (case_of("row_model::"), case_of("inline_model::"));
    for (script, fault) in [
        (rows, RowFault::MixesBuilds),
        (rows, RowFault::ListsNewestBuildFirst),
        (rows, RowFault::ReportsOlderBuildsAsPromoted),
        (rows, RowFault::ReportsUndefinedBuildsAsPromoted),
        (rows, RowFault::PromotesWithoutComparison),
        (rows, RowFault::PromotesIncomparableBuilds),
        (rows, RowFault::PromotesDespiteParkedEvents),
        (rows, RowFault::SwapsMissingAndAdded),
        (rows, RowFault::DiscardHasNoEffect),
        (rows, RowFault::ReportsLiveBuildsAsDiscarded),
        (rows, RowFault::IgnoresParkedCount),
        (rows, RowFault::IgnoresUnpark),
        (rows, RowFault::NeverReplacesParked),
        (rows, RowFault::NeverClearsReports),
        (inline, RowFault::AcceptsMissingFolds),
        (inline, RowFault::FoldsInReverse),
        (inline, RowFault::FoldsRefusedAppends),
        (inline, RowFault::FoldsDuplicates),
        (inline, RowFault::LosesRemainingEvents),
        (inline, RowFault::FoldsRemainingEventsTwice),
        (inline, RowFault::MakeAsyncRestoresOldCheckpoint),
    ] {
        let suite = Suite::new(StoreWithFault(Rows(fault)), Settings::default().with_scale(5).with_seed(7));
        let verdict = suite.check(script);
        assert!(matches!(verdict, Verdict::Failed(_)), "{fault:?}: {verdict:?}");
    }
}

/// Exactly the cases that need an unsupported capability are skipped.
#[test]
fn only_cases_with_unsupported_needs_are_skipped() {
    struct NotDurable;

    #[async_trait::async_trait]
    impl StoreUnderTest for NotDurable {
        const NAME: &'static str = "not_durable";
        type Location = ();

        fn unsupported(&self, capability: Capability) -> Option<&'static str> {
            (capability == Capability::Durable).then_some("the log is not durable")
        }

        async fn create(&self) -> Result<(), BoxError> {
            Err("a case was run".into())
        }

        async fn open(&self, (): &()) -> Result<Arc<dyn EventStore>, BoxError> {
            Err("a case was run".into())
        }
    }

    let suite = Suite::new(NotDurable, Settings::default());
    for case in cases() {
        match suite.check(case) {
            Verdict::Skipped(reason) => {
                let needs_it = case.needs().contains(&Capability::Durable);
                assert!(reason == "the log is not durable" && needs_it, "{}", case.name());
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

/// Cases are selected by their names.
#[test]
fn case_names_are_unique() {
    let mut names: Vec<&str> = cases().iter().map(Case::name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}
