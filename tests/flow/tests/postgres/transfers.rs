//! Exports, imports and copies from and to a server.

use std::sync::Arc;

use annalist::Postgres;
use annalist_flow_tests::successors::Newer;
use libtest_mimic::Failed;
use uuid::Uuid;

use crate::{
    logs::{EmptyLog, check_round_trip, check_rows},
    moved_archives::{check_archives, check_parts},
    moved_policies::{check_policies, check_running_policy},
    moved_successors::check_successors,
    parts,
};

/// An empty log in a schema of its own.
async fn empty_log(url: &str) -> Result<EmptyLog, Failed> {
    let schema = format!("flow_{}", Uuid::now_v7().simple());
    Ok(EmptyLog::of(Postgres::options().schema(&schema).connect(url).await?))
}

pub(crate) async fn round_trips(url: &str) -> Result<(), Failed> {
    for seed in 0..4 {
        let to = [empty_log(url).await?, empty_log(url).await?, empty_log(url).await?];
        check_round_trip(EmptyLog::memory(), to, seed).await;
        let to = [EmptyLog::memory(), EmptyLog::sqlite().await, empty_log(url).await?];
        check_round_trip(empty_log(url).await?, to, seed).await;
        let to = [EmptyLog::sqlite().await, empty_log(url).await?, EmptyLog::sqlite().await];
        check_round_trip(EmptyLog::sqlite().await, to, seed).await;
    }
    Ok(())
}

pub(crate) async fn rows_on_copies(url: &str) -> Result<(), Failed> {
    for from in [EmptyLog::memory(), EmptyLog::sqlite().await, empty_log(url).await?] {
        // The copy is made by another process than that of the app which follows the target.
        let schema = format!("flow_{}", Uuid::now_v7().simple());
        let open = || Postgres::options().schema(&schema).connect(url);
        let (to, second) = (EmptyLog::of(open().await?), Arc::new(open().await?));
        check_rows(from, to, second).await;
    }
    for to in [EmptyLog::memory(), EmptyLog::sqlite().await, empty_log(url).await?] {
        let second = Arc::clone(&to.store);
        check_rows(empty_log(url).await?, to, second).await;
    }
    Ok(())
}

pub(crate) async fn moved_policies_of(url: &str) -> Result<(), Failed> {
    check_policies(EmptyLog::sqlite().await, empty_log(url).await?, empty_log(url).await?).await;
    check_policies(empty_log(url).await?, EmptyLog::memory(), EmptyLog::sqlite().await).await;
    check_running_policy(EmptyLog::sqlite().await, empty_log(url).await?).await;
    Ok(())
}

pub(crate) async fn moved_successors_of(url: &str) -> Result<(), Failed> {
    for kind in [Newer::Renamed, Newer::Split] {
        let to = [empty_log(url).await?, empty_log(url).await?, empty_log(url).await?];
        check_successors(kind, EmptyLog::sqlite().await, to).await;
        let to = [EmptyLog::memory(), EmptyLog::sqlite().await, empty_log(url).await?];
        check_successors(kind, empty_log(url).await?, to).await;
    }
    Ok(())
}

pub(crate) async fn moved_archives_of(url: &str) -> Result<(), Failed> {
    let to = [empty_log(url).await?, empty_log(url).await?, empty_log(url).await?];
    check_archives(EmptyLog::sqlite().await, to).await;
    let to = [EmptyLog::memory(), EmptyLog::sqlite().await, empty_log(url).await?];
    check_archives(empty_log(url).await?, to).await;
    check_parts(empty_log(url).await?).await;
    Ok(())
}

pub(crate) async fn parts_of(url: &str) -> Result<(), Failed> {
    let new_log = async || empty_log(url).await.unwrap();
    parts::check_wholes(new_log, 3).await;
    parts::check_order(new_log).await;
    parts::check_continuation(new_log).await;
    parts::check_other_logs(new_log).await;
    Ok(())
}
