//! Queries while another process replaces the build that they read: see `src/replaced_builds.rs`, which also runs on PostgreSQL.
#![allow(clippy::unwrap_used)] // in the helpers too

use annalist_flow_tests::{
    replaced_builds::{check_held_queries, check_other_errors, check_waiting_queries},
    test_log::on_each_log,
};

#[tokio::test]
async fn query_reads_the_new_build_if_another_process_deletes_the_old_one_meanwhile() {
    on_each_log(async |log| check_held_queries(async || log.process().await.store).await).await;
}

#[tokio::test]
async fn query_waits_for_an_event_in_the_new_build_if_the_old_one_is_deleted() {
    on_each_log(async |log| check_waiting_queries(async || log.process().await.store).await).await;
}

#[tokio::test]
async fn other_errors_of_the_store_are_returned() {
    on_each_log(async |log| check_other_errors(async || log.process().await.store).await).await;
}
