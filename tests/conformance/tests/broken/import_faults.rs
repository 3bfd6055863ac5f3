//! The case that is about each fault of imports and of what they need.

use annalist_conformance::{Verdict, cases};

use crate::{broken::fault::Fault, failing_cases, suite};

must_fail! {
    event_store_import_drops_command_ids: Fault::ImportDropsCommandIds => "imports::import_changes_nothing_of_what_it_writes";
    event_store_import_drops_journal: Fault::ImportDropsJournal => "imports::import_changes_nothing_of_what_it_writes";
    event_store_import_drops_successors: Fault::ImportDropsSuccessors => "imports::import_changes_nothing_of_what_it_writes";
    event_store_import_drops_policies: Fault::ImportDropsPolicies => "imported_policies::policies_continue_after_an_import";
    event_store_import_drops_parked_events: Fault::ImportDropsParkedEvents => "imported_policies::policies_continue_after_an_import";
    event_store_import_ignores_claims: Fault::ImportIgnoresClaims => "imported_policies::policy_that_a_process_runs_refuses_an_import";
    event_store_import_drops_metadata: Fault::ImportDropsMetadata => "imports::import_changes_nothing_of_what_it_writes";
    event_store_import_closes_gaps: Fault::ImportClosesGaps => "imports::import_changes_nothing_of_what_it_writes";
    event_store_import_accepts_any_log: Fault::ImportAcceptsAnyLog => "imports::log_that_is_not_empty_is_refused";
    event_store_import_begins_when_it_ends: Fault::ImportBeginsWhenItEnds => "imports::appends_during_an_import_wait_or_are_refused";
    event_store_import_is_visible_at_once: Fault::ImportIsVisibleAtOnce => "imports::import_is_visible_only_when_it_is_finished";
    event_store_import_ends_when_dropped: Fault::ImportEndsWhenDropped => "imports::dropped_import_leaves_the_log_empty";
    event_store_command_ids_ignore_limit: Fault::CommandIdsIgnoreLimit => "imports::command_ids_are_listed_in_pages";
    event_store_import_drops_archives: Fault::ImportDropsArchives => "imported_archives::archives_and_tombstones_are_as_in_the_other_log";
    event_store_import_drops_tombstones: Fault::ImportDropsTombstones => "imported_archives::archives_and_tombstones_are_as_in_the_other_log";
    event_store_import_leaves_ids_open: Fault::ImportLeavesIdsOpen => "imported_archives::ids_are_closed_as_in_the_other_log";
    event_store_import_drops_retags: Fault::ImportDropsRetags => "imported_archives::retag_continues_on_an_imported_log";
    event_store_import_keeps_first_retags: Fault::ImportKeepsFirstRetags => "imported_archives::later_archives_and_retags_replace_earlier_ones";
    event_store_lists_no_tombstones: Fault::ListsNoTombstones => "archives::tombstones_are_listed_in_pages";
    event_store_tombstones_ignore_limit: Fault::TombstonesIgnoreLimit => "archives::tombstones_are_listed_in_pages";
}
