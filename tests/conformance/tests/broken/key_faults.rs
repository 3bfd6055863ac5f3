//! The case that is about each fault of keys of subjects.

use annalist_conformance::{Verdict, cases};

use crate::{
    broken::{
        fault::Fault::{self, Keys},
        keys::KeyFault,
    },
    failing_cases, suite,
};

must_fail! {
    key_store_returns_passed_keys: Keys(KeyFault::ReturnsPassedKeys) => "keys::first_key_of_a_subject_stays";
    key_store_looks_for_keys_before_storing: Keys(KeyFault::LooksForKeysBeforeStoring) => "keys::concurrent_callers_get_the_key_of_the_first";
    key_store_sorts_results: Keys(KeyFault::SortsResults) => "keys::results_are_in_the_order_of_the_arguments";
    key_store_ignores_repeated_subjects: Keys(KeyFault::IgnoresRepeatedSubjects) => "keys::subjects_may_repeat_in_a_call";
    key_store_replaces_hash_key: Keys(KeyFault::ReplacesHashKey) => "keys::concurrent_callers_get_one_hash_key";
    key_store_erases_hash_key: Keys(KeyFault::ErasesHashKey) => "keys::first_hash_key_stays";
    key_store_compares_half_of_subjects: Keys(KeyFault::ComparesHalfOfSubjects) => "keys::unusual_subjects_and_bytes";
    key_store_changes_bytes: Keys(KeyFault::ChangesBytes) => "keys::unusual_subjects_and_bytes";
    key_store_forgets_erased_keys: Keys(KeyFault::ForgetsErasedKeys) => "erasures::erased_subject_has_no_key";
    key_store_forgets_erased_subjects: Keys(KeyFault::ForgetsErasedSubjects) => "erasures::subject_without_a_key_can_be_erased";
    key_store_looks_for_erasures_before_storing: Keys(KeyFault::LooksForErasuresBeforeStoring) => "erasures::no_key_is_handed_out_after_an_erasure";
    key_store_restores_keys_of_readmitted: Keys(KeyFault::RestoresKeysOfReadmitted) => "erasures::readmitted_subject_gets_a_new_key";
    key_store_accepts_erased_keys: Keys(KeyFault::AcceptsErasedKeys) => "erasures::erased_key_is_never_accepted_again";
    key_store_records_repeated_erasures: Keys(KeyFault::RecordsRepeatedErasures) => "erasures::repeated_erasure_keeps_the_first_time_and_actor";
    key_store_counts_only_new_erasures: Keys(KeyFault::CountsOnlyNewErasures) => "erasures::count_grows_with_each_erasure";
    key_store_always_readmits: Keys(KeyFault::AlwaysReadmits) => "erasures::readmitted_subject_gets_a_new_key";
    key_store_lists_oldest_erasures_first: Keys(KeyFault::ListsOldestErasuresFirst) => "erasures::erasures_are_listed_newest_first";
    key_store_lists_complete_erasures: Keys(KeyFault::ListsCompleteErasures) => "erasures::erasures_are_listed_newest_first";
    key_store_completes_all_erasures: Keys(KeyFault::CompletesAllErasures) => "erasures::completion_concerns_one_subject";
    key_store_truncates_times: Keys(KeyFault::TruncatesTimes) => "erasures::erasures_are_listed_newest_first";
    key_store_lists_only_keys_of_subjects: Keys(KeyFault::ListsOnlyKeysOfSubjects) => "key_lists::keys_are_listed_in_pages";
    key_store_list_includes_after: Keys(KeyFault::ListIncludesAfter) => "key_lists::keys_are_listed_in_pages";
    key_store_list_ignores_limit: Keys(KeyFault::ListIgnoresLimit) => "key_lists::keys_are_listed_in_pages";
    key_store_rewraps_same_master_key: Keys(KeyFault::RewrapsSameMasterKey) => "key_lists::key_of_the_same_master_key_is_not_rewrapped";
    key_store_rewraps_no_hash_key: Keys(KeyFault::RewrapsNoHashKey) => "key_lists::rewrapped_key_has_other_bytes";
    key_store_rewrap_changes_subjects: Keys(KeyFault::RewrapChangesSubjects) => "key_lists::rewrapped_key_has_other_bytes";
    key_store_rewrap_stores_erased_keys: Keys(KeyFault::RewrapStoresErasedKeys) => "key_lists::erased_and_unknown_keys_are_not_rewrapped";
    key_store_makes_keys_that_are_looked_for: Keys(KeyFault::MakesKeysThatAreLookedFor) => "lookups::looking_for_a_key_makes_none";
    key_store_remembers_keys_of_subjects: Keys(KeyFault::RemembersKeysOfSubjects) => "lookups::keys_of_subjects_are_the_current_ones";
    key_store_finds_erased_subjects: Keys(KeyFault::FindsErasedSubjects) => "lookups::keys_of_subjects_are_the_current_ones";
    key_store_sorts_keys_of_subjects: Keys(KeyFault::SortsKeysOfSubjects) => "lookups::keys_of_subjects_are_in_the_order_of_the_arguments";
    key_store_readmits_without_erasing: Keys(KeyFault::ReadmitsWithoutErasing) => "lookups::subject_is_erased_and_readmitted_at_once";
    key_store_erases_without_readmitting: Keys(KeyFault::ErasesWithoutReadmitting) => "lookups::subject_is_erased_and_readmitted_at_once";
    key_store_records_no_readmitted_erasure: Keys(KeyFault::RecordsNoReadmittedErasure) => "lookups::subject_is_erased_and_readmitted_at_once";
    key_store_readmits_after_erasing: Keys(KeyFault::ReadmitsAfterErasing) => "lookups::readmitted_subject_is_never_seen_erased";
    key_store_opens_empty_logs: Fault::OpensEmptyLogs => "keys::keys_survive_reopen";
}
