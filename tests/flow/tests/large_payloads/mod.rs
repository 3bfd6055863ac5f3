//! What readers of a log with large payloads hold in memory: a part of it. The test measures the heap, and prints the figures.
#![allow(clippy::print_stderr)]

use std::sync::Arc;

use allocation_counter::measure;
use annalist::{
    App, Criteria, EventStore, Item, Memory, Tag,
    app::Builder,
    manual::Payload,
    projection::ProjectionOptions,
    store::{Append, Draft, Read},
};
use annalist_flow_tests::{
    domain::{Account, AccountEvent, account, deposit, transfer_of},
    read_model::{Balance, EventCount},
    versions::{Strict, Tally},
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
    runtime.block_on(append_events(&**store, "a", EVENTS, 1));
    let app = || App::builder(Arc::clone(store)).max_read_bytes(MAX_READ_BYTES).state_cache_capacity(0);
    let unlimited = || app().max_read_bytes(usize::MAX);
    let name = store.describe();
    let mut failures = Vec::new();
    let mut check = |reader: &str, peak: u64| {
        let held = format!("{name}: {reader} held {} MiB", peak >> 20);
        eprintln!("{held}");
        if peak >= LIMIT {
            failures.push(held);
        }
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
    runtime.block_on(append_events(&**store, "b", EVENTS / 2, 1));
    check(
        "a command of two aggregates",
        peak(runtime, async {
            let app = app().start().await.unwrap();
            app.execute(transfer_of("a", "b", 1)).await.unwrap();
        }),
    );
    check(
        "a rejected command of two aggregates",
        peak(runtime, async {
            let app = app().start().await.unwrap();
            app.execute(transfer_of("a", "b", 1_000)).await.unwrap_err();
        }),
    );
    assert!(failures.is_empty(), "{failures:#?}");
    // The controls: chunks and the limit are what bounds them.
    let whole = peak(runtime, async {
        let histories = ["a", "b"].map(|name| Item::any().tag(Tag::of(&account(name)).unwrap()));
        let reads = histories.map(|history| Read::all(history.into()));
        assert!(store.read(&reads).await.unwrap()[1].records.len() > EVENTS / 2);
    });
    eprintln!("{name}: both histories at once are {} MiB", whole >> 20);
    assert!(whole > LIMIT, "both histories at once are only {} MiB", whole >> 20);
    for (reader, peak) in [
        ("feed", peak(runtime, follow(unlimited()))),
        ("projection", peak(runtime, project_again(unlimited()))),
    ] {
        eprintln!("{name}: a {reader} without a limit held {} MiB", peak >> 20);
        assert!(peak > LIMIT, "a {reader} without a limit held only {} MiB", peak >> 20);
    }
}

/// Checks the retry of parked events. Their log and rows are in memory, since the runner limits it on every store.
pub(crate) fn check_retries(runtime: &Runtime) {
    let [limited, unlimited] = [MAX_READ_BYTES, usize::MAX].map(|bytes| peak_of_retry(runtime, bytes));
    assert!(limited < LIMIT, "a retry of parked events held {} MiB", limited >> 20);
    assert!(unlimited > LIMIT, "without a limit a retry of parked events held only {} MiB", unlimited >> 20);
}

/// Appends the events of one account.
pub(crate) async fn append_events(store: &dyn EventStore, name: &str, events: usize, amount: u64) {
    let text = format!(r#"{{"account":"{name}","amount":{amount},"note":"{}"}}"#, "x".repeat(MIB));
    let draft = || {
        let data = Payload::parse(text.clone()).unwrap();
        Draft::new("account.deposited", 1, [Tag::of(&account(name)).unwrap()], data).unwrap()
    };
    for _ in 0..events / 4 {
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

fn peak_of_retry(runtime: &Runtime, max_read_bytes: usize) -> u64 {
    let store = Memory::new();
    let app = || App::builder(store.clone()).max_read_bytes(max_read_bytes);
    let park = || ProjectionOptions::new().park();
    let app = runtime.block_on(async {
        // More than `Strict` can handle.
        append_events(&store, "a", EVENTS, 5_000).await;
        let strict = app().projection_with::<Strict>(park()).start().await.unwrap();
        strict.wait_until_caught_up().await.unwrap();
        strict.shut_down().await;
        app().projection_with::<Tally>(park()).start().await.unwrap()
    });
    peak(runtime, async {
        assert_eq!(app.retry_parked("tallies").await.unwrap().done, EVENTS as u64);
    })
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
pub(crate) fn peak(runtime: &Runtime, work: impl Future<Output = ()>) -> u64 {
    measure(|| runtime.block_on(work)).bytes_max
}
