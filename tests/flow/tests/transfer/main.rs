//! Exports, imports and copies of logs.
#![allow(clippy::unwrap_used)] // in the helpers too

mod archived_files;
mod changes;
mod files;
mod logs;
mod moved_archives;
mod moved_policies;
mod moved_successors;
mod parts;

use std::sync::Arc;

use annalist::transfer::{self, Export};
use annalist_flow_tests::successors::Newer;

use self::{
    logs::{EmptyLog, check_round_trip, check_rows},
    moved_archives::{check_archives, check_parts},
    moved_policies::{check_policies, check_running_policy},
    moved_successors::check_successors,
};

#[tokio::test]
async fn random_logs_are_the_same_after_a_round_trip() {
    for seed in 0..20 {
        let to = [EmptyLog::memory(), EmptyLog::memory(), EmptyLog::memory()];
        check_round_trip(EmptyLog::memory(), to, seed).await;
    }
    for seed in 20..24 {
        let to = [EmptyLog::sqlite().await, EmptyLog::sqlite().await, EmptyLog::sqlite().await];
        check_round_trip(EmptyLog::memory(), to, seed).await;
        let to = [EmptyLog::memory(), EmptyLog::memory(), EmptyLog::sqlite().await];
        check_round_trip(EmptyLog::sqlite().await, to, seed).await;
    }
}

#[tokio::test]
async fn rows_on_a_copy_equal_the_rows_of_the_original() {
    for pair in 0..4 {
        let from = if pair < 2 { EmptyLog::memory() } else { EmptyLog::sqlite().await };
        let to = if pair % 2 == 0 { EmptyLog::memory() } else { EmptyLog::sqlite().await };
        let second = Arc::clone(&to.store);
        check_rows(from, to, second).await;
    }
}

#[tokio::test]
async fn policies_handle_no_event_again_on_another_log() {
    check_policies(EmptyLog::memory(), EmptyLog::sqlite().await, EmptyLog::memory()).await;
    check_policies(EmptyLog::sqlite().await, EmptyLog::memory(), EmptyLog::sqlite().await).await;
}

#[tokio::test]
async fn log_on_which_a_policy_runs_refuses_its_checkpoint() {
    check_running_policy(EmptyLog::sqlite().await, EmptyLog::memory()).await;
    check_running_policy(EmptyLog::memory(), EmptyLog::sqlite().await).await;
}

#[tokio::test]
async fn archived_ids_are_closed_on_another_log() {
    let to = [EmptyLog::sqlite().await, EmptyLog::memory(), EmptyLog::sqlite().await];
    check_archives(EmptyLog::memory(), to).await;
    let to = [EmptyLog::memory(), EmptyLog::sqlite().await, EmptyLog::memory()];
    check_archives(EmptyLog::sqlite().await, to).await;
}

#[tokio::test]
async fn part_is_refused_if_stored_events_were_changed_since_the_one_before_it() {
    check_parts(EmptyLog::memory()).await;
    check_parts(EmptyLog::sqlite().await).await;
}

#[tokio::test]
async fn older_program_is_refused_on_another_log() {
    for kind in [Newer::Renamed, Newer::Split] {
        let to = [EmptyLog::memory(), EmptyLog::sqlite().await, EmptyLog::sqlite().await];
        check_successors(kind, EmptyLog::memory(), to).await;
        let to = [EmptyLog::sqlite().await, EmptyLog::memory(), EmptyLog::memory()];
        check_successors(kind, EmptyLog::sqlite().await, to).await;
    }
}

#[tokio::test]
async fn parts_have_together_what_the_whole_has() {
    parts::check_wholes(async || EmptyLog::memory(), 10).await;
    parts::check_wholes(EmptyLog::sqlite, 3).await;
}

#[tokio::test]
async fn parts_are_imported_from_a_chain_of_files_in_their_order_only() {
    parts::check_order(async || EmptyLog::memory()).await;
    parts::check_order(EmptyLog::sqlite).await;
}

#[tokio::test]
async fn export_continues_with_what_was_appended_since() {
    parts::check_continuation(async || EmptyLog::memory()).await;
    parts::check_continuation(EmptyLog::sqlite).await;
}

#[tokio::test]
async fn part_after_the_end_of_the_log_is_refused() {
    parts::check_other_logs(async || EmptyLog::memory()).await;
    parts::check_other_logs(EmptyLog::sqlite).await;
}

/// All of it can be spawned.
#[tokio::test]
async fn futures_are_send() {
    fn spawnable<T: Send>(future: T) -> T {
        future
    }
    let log = EmptyLog::memory();
    let mut file = Vec::new();
    let export = Export::new(Arc::clone(&log.store));
    spawnable(export.write_to(&mut file)).await.unwrap();
    let target = EmptyLog::memory();
    spawnable(transfer::import(&*target.store, &mut file.as_slice())).await.unwrap();
    spawnable(transfer::copy(&*log.store, &*target.store)).await.unwrap();
}
