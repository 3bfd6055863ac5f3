//! An older program runs while a newer one appends a later version of an event: see `src/rolling_deploy.rs`, which also runs on PostgreSQL.
#![allow(clippy::unwrap_used)] // in the helpers too

use annalist_flow_tests::{
    rolling_deploy::{
        check_parked_events, check_parked_events_of_a_policy, check_start, check_stopped_followers,
    },
    test_log::on_each_log,
};

#[tokio::test]
async fn stopped_followers_continue_in_the_newer_program() {
    on_each_log(async |log| check_stopped_followers(async || log.app().await).await).await;
}

#[tokio::test]
async fn parked_events_of_a_newer_version_are_handled_by_the_newer_program() {
    on_each_log(async |log| check_parked_events(async || log.app().await).await).await;
}

#[tokio::test]
async fn parked_events_of_a_policy_are_handled_once_by_the_newer_program() {
    on_each_log(async |log| check_parked_events_of_a_policy(async || log.app().await).await).await;
}

#[tokio::test]
async fn older_program_is_not_started_on_events_of_a_later_version_unless_it_is_allowed() {
    on_each_log(async |log| check_start(async || log.app().await).await).await;
}
