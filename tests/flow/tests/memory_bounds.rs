//! What a read of a long history holds in memory: a part of it, not all of it. The tests measure the heap.
#![allow(clippy::unwrap_used)] // in the helpers too

#[path = "transfer/heap.rs"]
mod heap_of_transfers;
mod large_payloads;

use std::sync::Arc;

use allocation_counter::measure;
use annalist::{
    App, EventStore, Memory, Sqlite, Tag,
    manual::Payload,
    store::{Append, Draft},
};
use annalist_flow_tests::{
    domain::{Account, account},
    read_model::Balance,
};
use tokio::runtime::{self, Runtime};

/// The number of events.
const EVENTS: usize = 100_000;
/// Far less than the events need, and far more than a page.
const LIMIT: u64 = 4 << 20;

/// A log with many events of one account.
async fn long_log() -> Memory {
    let store = Memory::new();
    let data = || Payload::parse(r#"{"account":"a","amount":1}"#).unwrap();
    let draft = || Draft::new("account.deposited", 1, [Tag::of(&account("a")).unwrap()], data()).unwrap();
    for _ in 0..EVENTS / 1000 {
        store
            .append_one(Append { events: (0..1000).map(|_| draft()).collect(), ..Append::default() })
            .await
            .unwrap();
    }
    store
}

/// The largest number of bytes that work of this thread holds at once, besides what exists before.
fn peak(runtime: &Runtime, work: impl Future<Output = ()>) -> u64 {
    measure(|| runtime.block_on(work)).bytes_max
}

#[test]
fn folds_of_a_long_history_hold_a_part_of_it() {
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    let app = runtime.block_on(async { App::builder(long_log().await).start().await.unwrap() });
    let load = peak(&runtime, async {
        assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, EVENTS as u64);
    });
    let live = peak(&runtime, async {
        assert_eq!(app.live::<Balance>(&account("a")).await.unwrap().unwrap().cents, EVENTS as i64);
    });
    assert!(load < LIMIT, "`load` held {load} bytes");
    assert!(live < LIMIT, "`live` held {live} bytes");
}

#[test]
fn readers_of_large_payloads_in_memory_hold_a_part_of_them() {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    large_payloads::check_readers(&runtime, &(Arc::new(Memory::new()) as Arc<dyn EventStore>));
}

#[test]
fn readers_of_large_payloads_in_sqlite_hold_a_part_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(Sqlite::open(folder.path().join("log.db"))).unwrap();
    large_payloads::check_readers(&runtime, &(Arc::new(store) as Arc<dyn EventStore>));
}

#[test]
fn retries_of_large_parked_events_hold_a_part_of_them() {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    large_payloads::check_retries(&runtime);
}
