//! What readers of a log with large payloads hold in memory: a part of it. The test measures the heap, and prints the figures.
#![allow(clippy::print_stderr)]

use std::sync::Arc;

use allocation_counter::measure;
use annalist::{
    App, Criteria, EventStore, Tag,
    app::Builder,
    manual::Payload,
    store::{Append, Draft},
};
use annalist_flow_tests::{
    domain::{Account, AccountEvent, account, deposit},
    read_model::{Balance, EventCount},
};
use tokio::runtime::Runtime;

const MIB: usize = 1 << 20;
/// The number of events, each with a payload of 1 MiB.
const EVENTS: usize = 48;
/// What a projection or a feed may hold.
const MAX_READ_BYTES: usize = 8 * MIB;
/// Far less than the payloads, and far more than a reader holds: [`MAX_READ_BYTES`], or a chunk of 8 MiB.
const LIMIT: u64 = 24 << 20;

/// Checks every reader of a store that is empty.
pub(crate) fn check_readers(runtime: &Runtime, store: &Arc<dyn EventStore>) {
    runtime.block_on(fill(&**store));
    let app = || App::builder(Arc::clone(store)).max_read_bytes(MAX_READ_BYTES).state_cache_capacity(0);
    let unlimited = || app().max_read_bytes(usize::MAX);
    let name = store.describe();
    let check = |reader: &str, peak: u64| {
        eprintln!("{name}: {reader} held {} MiB", peak >> 20);
        assert!(peak < LIMIT, "{reader} held {} MiB", peak >> 20);
    };
    check("a feed", peak(runtime, follow(app())));
    check("a projection", peak(runtime, project(app())));
    check(
        "`load`",
        peak(runtime, async {
            let app = app().start().await.unwrap();
            assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, EVENTS as u64);
        }),
    );
    check(
        "`live`",
        peak(runtime, async {
            let app = app().start().await.unwrap();
            assert_eq!(app.live::<Balance>(&account("a")).await.unwrap().unwrap().cents, EVENTS as i64);
        }),
    );
    check(
        "`history`",
        peak(runtime, async {
            let app = app().start().await.unwrap();
            assert_eq!(app.history::<AccountEvent>(&account("a")).await.unwrap().len(), EVENTS);
        }),
    );
    check(
        "a command",
        peak(runtime, async {
            let app = app().start().await.unwrap();
            app.execute(deposit("a", 1)).await.unwrap();
        }),
    );
    // The control: the limit is what bounds them.
    for (reader, peak) in [
        ("feed", peak(runtime, follow(unlimited()))),
        ("projection", peak(runtime, project_again(unlimited()))),
    ] {
        eprintln!("{name}: a {reader} without a limit held {} MiB", peak >> 20);
        assert!(peak > LIMIT, "a {reader} without a limit held only {} MiB", peak >> 20);
    }
}

/// Appends the events of one account.
async fn fill(store: &dyn EventStore) {
    let text = format!(r#"{{"account":"a","amount":1,"note":"{}"}}"#, "x".repeat(MIB));
    let draft = || {
        let data = Payload::parse(text.clone()).unwrap();
        Draft::new("account.deposited", 1, [Tag::of(&account("a")).unwrap()], data).unwrap()
    };
    for _ in 0..EVENTS / 4 {
        let append = Append { events: (0..4).map(|_| draft()).collect(), ..Append::default() };
        store.append_one(append).await.unwrap();
    }
}

async fn follow(builder: Builder) {
    let app = builder.start().await.unwrap();
    let (mut feed, mut records) = (app.feed(Criteria::all()), 0);
    while records < EVENTS {
        records += feed.poll().await.unwrap().records.len();
    }
}

async fn project(builder: Builder) {
    let app = builder.projection::<Balance>().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(app.find::<Balance>(&account("a")).await.unwrap().unwrap().cents, EVENTS as i64);
    app.shut_down().await;
}

/// Folds all events into another projection.
async fn project_again(builder: Builder) {
    let app = builder.projection::<EventCount>().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app.shut_down().await;
}

/// The largest number of bytes that work of this thread holds at once, besides what exists before.
fn peak(runtime: &Runtime, work: impl Future<Output = ()>) -> u64 {
    measure(|| runtime.block_on(work)).bytes_max
}
