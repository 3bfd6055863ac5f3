//! What only PostgreSQL can do wrong: transactions that overlap, positions that nobody fills, rights, settings, faults.
//!
//! `cargo xtask postgres cargo test -p annalist-postgres`, or with ANNALIST_POSTGRES_URL set to the address of a
//! superuser. Each test has a database of its own; without a server, each is listed as ignored.

// A test program of its own: clippy does not see by itself that all of it is a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../given/mod.rs"]
mod given;

mod append;
mod builds;
mod crash;
mod dump;
mod events;
mod faults;
mod feeds;
mod gaps;
mod group;
mod inline;
mod locks;
mod opening;
mod readers;
mod reads;
mod rights;
mod rows;
mod snapshots;
mod standby;
mod upgrade;
mod wakeups;

use std::future::Future;

use annalist_core::BoxError;
use libtest_mimic::{Arguments, Trial};

use self::given::Place;

macro_rules! cases {
    ($server:expr; $($module:ident: $($case:ident)+;)+) => {
        vec![$($(trial(concat!(stringify!($module), "::", stringify!($case)), &$server, $module::$case)),+),+]
    };
}

fn main() {
    let mut trials = cases! { given::server();
        opening:
            eight_at_once_make_one_log
            printed_migrations_make_a_log
            opening_without_migrate_creates_nothing
            a_newer_schema_is_refused
            other_lock_keys_are_refused
            a_sequence_behind_the_log_is_refused
            another_default_isolation_is_refused
            another_encoding_is_refused
            a_bad_address_is_explained
            an_unreachable_server_is_unavailable
            a_bad_schema_name_is_refused
            two_schemas_share_nothing
            the_settled_mark_is_kept;
        upgrade:
            fixture_of_version_1_is_whole
            upgraded_log_is_whole_and_continued
            upgrade_by_eight_processes_happens_once
            failed_upgrade_changes_nothing
            upgrade_is_refused_without_permission_to_migrate
            upgraded_schema_equals_a_new_one;
        rights:
            a_role_that_may_not_create_opens_what_is_there
            a_role_that_only_reads
            a_role_that_only_reads_waits_at_a_hole
            a_session_that_only_reads;
        gaps:
            a_rolled_back_append_leaves_a_hole_that_closes
            a_jump_of_the_sequence_closes
            an_open_append_stops_the_feed_and_nothing_else
            a_tombstone_beats_a_slow_writer
            tombstones_are_nowhere_to_be_seen
            other_transactions_stop_nothing;
        feeds:
            nothing_is_lost_where_a_naive_reader_loses;
        wakeups:
            another_process_is_told
            nobody_is_told_of_nothing
            many_appends_are_told_of_at_once
            who_is_cut_off_listens_again
            the_connection_lasts_as_long_as_somebody_follows
            feeds_go_on_without_hints
            hints_need_no_rights;
        dump:
            a_restored_log_goes_on
            a_dump_under_load_is_a_prefix_that_settles;
        locks:
            conditions_are_exact
            conditions_are_not_exact_without_the_locks
            many_keys_are_exact_too;
        readers:
            many_readers_need_few_statements
            readers_do_not_share_a_fate
            readers_hear_of_a_lost_connection
            readers_see_what_was_acknowledged;
        reads:
            a_long_past_is_whole_however_it_is_read
            no_function_that_reads_is_compiled
            reads_are_planned_once;
        append:
            a_glance_sees_what_a_look_sees
            a_call_answers_each_job_by_itself
            appends_walk_along_indexes
            appends_read_whole_tables_without_the_settings;
        group:
            neighbours_do_not_share_a_fate
            many_at_once_are_all_answered;
        faults:
            closed_connections_are_unavailable
            an_append_cut_off_is_unknown
            a_statement_that_times_out_wrote_nothing
            an_append_in_another_isolation_is_refused
            idle_connections_that_died_are_replaced
            a_damaged_record_says_where
            a_schema_that_is_gone_is_explained;
        rows:
            others_ask_the_view_in_sql
            the_view_stays_with_the_version_that_came_first
            handles_that_define_at_once_make_one_table
            rows_of_a_log_in_another_database
            a_name_that_somebody_else_took_is_refused
            a_role_that_may_not_define
            of_two_runners_one_waits_and_finds_it_moved
            a_change_cut_off_half_way_leaves_nothing
            a_commit_that_is_refused_is_not_unknown
            pages_and_lookups_walk_along_indexes
            a_pool_of_one_connection_will_do;
        builds:
            what_others_made_of_a_view_stays
            what_is_built_on_a_table_keeps_it
            a_view_goes_with_the_build_that_it_shows
            processes_switch_at_once
            a_comparison_holds_the_runners
            role_that_runs_projections_commits_and_parks_but_does_not_promote
            lent_transactions_are_whole_or_absent;
        inline:
            rows_are_folded_in_the_order_of_the_log
            rows_are_not_folded_right_without_the_locks
            many_rows_are_folded_with_the_log_alone
            nobody_appends_past_an_inline_build
            a_fold_that_fails_spoils_its_own_append_alone
            an_append_cut_off_while_it_folds_leaves_nothing
            a_build_goes_inline_and_leaves_amid_appends
            a_stuck_append_keeps_a_build_from_going_inline_and_nothing_else
            rows_elsewhere_do_not_go_inline;
        snapshots:
            they_are_beside_the_log
            who_may_append_may_keep_them
            who_only_reads_finds_them_and_keeps_none
            a_damaged_one_is_named_and_can_be_replaced
            a_stuck_one_stops_no_append;
    };
    trials.extend(of_their_own());
    if std::env::var_os("UPDATE_FIXTURE").is_some() {
        trials.push(trial("upgrade::record_version_1", &given::server(), upgrade::record_version_1));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Tests that crash a server or copy one, so they start servers of their own.
fn of_their_own() -> [Trial; 2] {
    let none = annalist_cluster::Programs::find().is_err();
    let crash = || Ok(crash::a_crash_of_the_server_loses_nothing()?);
    let standby = || Ok(standby::a_standby_follows_and_waits_at_holes()?);
    [
        Trial::test("crash::a_crash_of_the_server_loses_nothing", crash),
        Trial::test("standby::a_standby_follows_and_waits_at_holes", standby),
    ]
    .map(|trial| trial.with_ignored_flag(none))
}

/// A test in a database of its own, or an ignored one.
fn trial<F>(name: &str, server: &Result<String, String>, case: fn(Place) -> F) -> Trial
where
    F: Future<Output = ()> + Send + 'static,
{
    match server.clone() {
        Ok(server) => Trial::test(name, move || Ok(play(&server, case)?)),
        Err(_) => Trial::test(name, || Ok(())).with_ignored_flag(true),
    }
}

#[tokio::main]
async fn play<F>(server: &str, case: fn(Place) -> F) -> Result<(), BoxError>
where
    F: Future<Output = ()> + Send + 'static,
{
    let place = Place::fresh(server).await?;
    let played = tokio::spawn(case(place.clone())).await;
    place.remove().await?;
    if let Err(panicked) = played {
        std::panic::resume_unwind(panicked.into_panic());
    }
    Ok(())
}
