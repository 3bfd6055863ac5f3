//! Tests of what is particular to PostgreSQL: overlapping transactions, gaps, privileges, settings, faults.
//!
//! `cargo xtask postgres cargo test -p annalist-postgres`, or with ANNALIST_POSTGRES_URL set to the address of a
//! superuser. Each test has a database of its own; without a server, each is listed as ignored.

// A test program of its own: clippy does not see by itself that all of it is a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod append;
mod batching;
mod builds;
mod crash;
mod dump;
mod events;
mod faults;
mod feeds;
mod gaps;
mod hostile;
mod imports;
mod inline;
mod keys;
mod lock_order;
mod locks;
mod lost_events;
mod opening;
mod pooler;
mod pools;
mod read_batching;
mod reads;
mod recent;
mod rights;
mod rows;
mod snapshots;
mod standby;
mod stored_types;
mod upgrade;
mod verify;
mod wakeups;

use std::future::Future;

use annalist_core::BoxError;
use libtest_mimic::{Arguments, Trial};

use self::support::TestDatabase;

macro_rules! cases {
    ($server:expr; $($module:ident: $($case:ident)+;)+) => {
        vec![$($(trial(concat!(stringify!($module), "::", stringify!($case)), &$server, $module::$case)),+),+]
    };
}

fn main() {
    let mut trials = cases! { support::server();
        opening:
            eight_openers_create_one_log
            printed_migrations_create_a_log
            opening_without_migrate_creates_nothing
            newer_schema_is_refused
            other_version_of_lock_keys_is_refused
            sequence_below_the_log_is_refused
            other_default_isolation_is_refused
            other_encoding_is_refused
            invalid_address_is_explained
            unreachable_server_is_unavailable
            invalid_schema_name_is_refused
            key_words_and_names_of_the_server_as_schema_names
            two_schemas_share_nothing
            high_water_mark_is_saved;
        hostile:
            functions_of_other_roles_are_never_called
            sessions_that_search_other_schemas_first_are_refused
            rights_of_other_roles_are_reported;
        keys:
            restored_key_row_is_not_used
            privileges_of_roles_that_write_secrets_and_forget_subjects;
        upgrade:
            fixture_of_version_1_is_complete
            upgraded_log_is_complete_and_continued
            upgrade_by_eight_processes_happens_once
            failed_upgrade_changes_nothing
            upgrade_is_refused_without_permission_to_migrate
            upgraded_schema_equals_a_new_one;
        rights:
            role_without_create_opens_an_existing_log
            read_only_role_reads_and_does_not_append
            read_only_role_waits_at_a_gap
            read_only_session_reads_and_does_not_append;
        gaps:
            gap_of_a_rolled_back_append_is_closed
            gap_of_a_sequence_jump_is_closed
            running_append_stops_only_the_feed
            append_whose_position_has_a_tombstone_gets_another_position
            tombstones_are_invisible
            other_transactions_do_not_stop_the_feed;
        imports:
            import_that_is_dropped_during_a_statement_frees_the_log;
        feeds:
            feed_misses_no_event_where_a_naive_reader_does;
        wakeups:
            other_process_is_notified_of_an_append
            no_notification_without_a_foreign_event
            many_appends_share_a_notification
            listener_reconnects_after_a_lost_connection
            listen_connection_lasts_while_wakeups_are_in_use
            feeds_continue_without_notifications
            notifications_need_no_privileges;
        dump:
            restored_log_continues
            dump_under_load_is_a_consistent_log;
        lock_order:
            changes_lock_the_table_before_the_checkpoint
            transition_to_inline_locks_the_table_before_the_checkpoint
            discard_locks_the_view_the_table_and_the_checkpoint_in_this_order
            change_of_a_build_that_is_discarded_meanwhile_is_refused;
        locks:
            concurrent_conditions_are_exact
            concurrent_conditions_without_locks_are_not_exact
            concurrent_conditions_with_many_locks_are_exact;
        read_batching:
            concurrent_reads_share_statements
            failed_read_does_not_fail_its_batch
            lost_connection_is_reported_to_all_reads_of_a_batch
            batched_read_sees_acknowledged_appends;
        reads:
            long_history_is_complete_however_it_is_read
            read_functions_are_not_compiled
            reads_use_cached_plans
            pages_of_rare_types_read_few_events;
        recent:
            own_events_are_read_from_memory
            events_of_other_processes_are_not_skipped
            events_appended_without_a_list_of_successors_are_not_in_memory
            lost_events_are_not_in_memory;
        append:
            fast_path_and_full_check_agree
            each_job_of_a_batch_gets_its_own_outcome
            appends_use_indexes
            appends_without_the_settings_scan_tables;
        batching:
            refused_append_does_not_fail_its_batch
            large_payloads_use_more_calls
            payloads_are_compressed_with_lz4_if_the_server_has_it
            many_concurrent_appends_all_get_outcomes;
        faults:
            closed_pool_is_unavailable
            append_with_lost_connection_has_unknown_outcome
            statement_that_times_out_writes_nothing
            append_in_other_isolation_is_refused
            broken_idle_connections_are_replaced
            calls_after_a_failover_succeed_at_the_first_try
            inline_append_after_a_failover_succeeds_at_the_first_try
            damaged_record_is_reported_with_its_position
            dropped_schema_is_explained;
        pools:
            append_uses_no_connection_of_an_ended_runtime
            exhausted_pool_of_the_user_is_explained
            calls_on_a_pool_of_one_connection_need_no_second_one;
        lost_events:
            calls_notice_that_the_log_has_lost_events
            mark_beyond_the_log_is_not_saved;
        pooler:
            shared_sessions_are_supported_without_a_pooler
            server_without_exclusive_locks_is_refused
            server_whose_snapshots_are_too_old_is_refused;
        rows:
            look_ups_are_prepared_and_planned_for_each_execution
            view_is_queried_in_sql
            view_stays_with_the_first_version
            concurrent_defines_create_one_table
            rows_are_stored_for_a_log_in_another_database
            name_of_a_foreign_table_is_refused
            role_without_create_writes_rows_but_does_not_define
            second_of_two_runners_finds_the_checkpoint_moved
            change_with_lost_connection_writes_nothing
            refused_commit_has_a_known_outcome
            pages_and_lookups_use_indexes
            pool_of_one_connection_is_enough;
        builds:
            privileges_and_dependent_views_stay
            table_with_a_dependent_view_is_not_discarded
            view_is_dropped_with_its_build
            concurrent_promotions_end_with_the_newest_build
            comparison_blocks_the_runners
            role_that_runs_projections_commits_and_parks_but_does_not_promote
            user_transactions_are_atomic;
        inline:
            inline_rows_are_folded_in_the_order_of_the_log
            inline_rows_without_locks_are_wrong
            many_inline_rows_are_folded_under_the_lock_on_the_log
            append_without_a_required_inline_build_is_refused
            failed_fold_fails_only_its_append
            append_with_connection_lost_during_the_fold_writes_nothing
            build_becomes_inline_and_async_during_appends
            blocked_append_blocks_only_make_inline
            rows_of_another_log_do_not_become_inline;
        snapshots:
            snapshots_are_stored_per_schema
            role_that_appends_saves_snapshots
            read_only_role_loads_but_does_not_save_snapshots
            damaged_snapshot_is_reported_and_replaced
            blocked_snapshot_does_not_block_appends;
        stored_types:
            work_grows_with_the_number_of_types_only;
        verify:
            each_damage_is_found_at_its_place
            range_of_positions_is_verified
            read_only_role_verifies
            open_append_and_its_gap_are_no_findings
            appends_during_the_function_are_no_findings
            pages_of_a_verification_use_indexes;
    };
    trials.extend(with_their_own_server());
    let no_pooler = annalist_cluster::Pooler::program().is_err();
    trials.extend(with_a_pooler().into_iter().map(|trial| match no_pooler {
        true => trial.with_ignored_flag(true),
        false => trial,
    }));
    if std::env::var_os("UPDATE_FIXTURE").is_some() {
        trials.push(trial("upgrade::record_version_1", &support::server(), upgrade::record_version_1));
    }
    let measure = trial(
        "stored_types::measure_a_million_events",
        &support::server(),
        stored_types::measure_a_million_events,
    );
    trials.push(measure.with_ignored_flag(true));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Tests that put PgBouncer in front of the server.
fn with_a_pooler() -> Vec<Trial> {
    cases! { support::server();
        lost_events:
            calls_behind_a_pooler_notice_it_too;
        pooler:
            log_behind_a_pooler_in_transaction_mode_works
            log_behind_a_pooler_in_session_mode_works
            shared_sessions_are_found_out_in_each_order
            prepared_statements_of_other_connections_are_explained
            pooler_in_statement_mode_is_refused
            pooler_with_a_single_session_is_explained
            startup_parameters_that_a_pooler_refuses_are_explained;
    }
}

/// Tests that crash a server or need a standby, and start servers of their own.
fn with_their_own_server() -> [Trial; 2] {
    let none = annalist_cluster::Programs::find().is_err();
    let crash = || Ok(crash::server_crash_loses_no_event()?);
    let standby = || Ok(standby::standby_follows_and_waits_at_gaps()?);
    [
        Trial::test("crash::server_crash_loses_no_event", crash),
        Trial::test("standby::standby_follows_and_waits_at_gaps", standby),
    ]
    .map(|trial| trial.with_ignored_flag(none))
}

/// A test with a database of its own; ignored without a server.
fn trial<F>(name: &str, server: &Result<String, String>, case: fn(TestDatabase) -> F) -> Trial
where
    F: Future<Output = ()> + Send + 'static,
{
    match server.clone() {
        Ok(server) => Trial::test(name, move || Ok(run_case(&server, case)?)),
        Err(_) => Trial::test(name, || Ok(())).with_ignored_flag(true),
    }
}

#[tokio::main]
async fn run_case<F>(server: &str, case: fn(TestDatabase) -> F) -> Result<(), BoxError>
where
    F: Future<Output = ()> + Send + 'static,
{
    let db = TestDatabase::fresh(server).await?;
    let finished = tokio::spawn(case(db.clone())).await;
    db.remove().await?;
    if let Err(panicked) = finished {
        std::panic::resume_unwind(panicked.into_panic());
    }
    Ok(())
}
