//! Requests of operators to other processes: see `src/operator_requests.rs`, which also runs on PostgreSQL.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::sync::Arc;

use annalist::{App, EventStore, Memory, projection::ProjectionOptions};
use annalist_flow_tests::{
    operator_requests::{check_abandoned_request, check_pause, check_retries},
    read_model::Balance,
    test_log::on_each_log,
};

#[tokio::test]
async fn pause_of_an_operator_is_obeyed_by_other_processes_until_it_is_resumed() {
    on_each_log(async |log| check_pause(async || log.process().await.store).await).await;
}

#[tokio::test]
async fn retry_request_is_handled_by_the_process_that_runs_the_policy() {
    on_each_log(async |log| check_retries(async || log.process().await.store).await).await;
}

#[tokio::test(start_paused = true)]
async fn retry_request_of_a_process_that_ended_is_taken_over() {
    let store: Arc<dyn EventStore> = Arc::new(Memory::new());
    check_abandoned_request(async || Arc::clone(&store)).await;
}

#[tokio::test]
async fn inline_projection_cannot_be_paused() {
    let options = ProjectionOptions::new().inline();
    let app = App::builder(Memory::new()).projection_with::<Balance>(options).start().await.unwrap();
    let error = app.pause("balances", "full disk").await.unwrap_err().to_string();
    assert!(error.contains("it is inline"), "{error}");
    assert!(app.pause("unknown", "full disk").await.unwrap_err().to_string().contains("it runs: balances"));
}

#[tokio::test]
async fn pause_with_a_huge_reason_or_before_the_first_start_is_refused() {
    let log = Memory::new();
    let tool = App::builder(log.clone()).projection::<Balance>().observe().await.unwrap();
    assert!(tool.pause("balances", "").await.is_err());
    let app = App::builder(log).projection::<Balance>().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert!(tool.pause("balances", "x".repeat(5000)).await.unwrap_err().to_string().contains("5000"));
    assert!(tool.as_operator("").pause("balances", "").await.is_err());
    tool.pause("balances", "").await.unwrap();
}
