//! How soon a process sees the appends of others, with and without notifications, and which tasks its own appends wake. The paused
//! clock advances only while every task waits, so durations are exact.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use annalist::{
    App, Criteria, EventStore, Feed, Memory,
    manual::Payload,
    raw::feed::LogWatcher,
    store::{Append, Draft},
};
use annalist_flow_tests::{
    domain::{account, deposit},
    faulty_store::FaultyStore,
    read_model::Balance,
};
use tokio::{
    runtime,
    time::{Instant, sleep},
};

fn append() -> Append {
    let data = Payload::parse("{}").unwrap();
    Append { events: vec![Draft::new("noted", 1, [], data).unwrap()], ..Append::default() }
}

/// A feed, and its log, to which the tests append without the feed's log watcher.
fn feed() -> (Arc<FaultyStore>, Feed) {
    let store = Arc::new(FaultyStore::new([]));
    let feed = Feed::new(LogWatcher::new(Arc::clone(&store) as Arc<dyn EventStore>), Criteria::all());
    (store, feed)
}

/// The time from another process's append until the feed returns it, with or without a notification.
async fn delay(store: &FaultyStore, feed: &mut Feed, notify: bool) -> Duration {
    let append = async {
        sleep(Duration::from_secs(5)).await;
        store.inner.append_one(append()).await.unwrap();
        if notify {
            store.wake_up();
        }
        Instant::now()
    };
    let (page, appended) = tokio::join!(feed.next(), append);
    assert_eq!(page.unwrap().records.len(), 1);
    appended.elapsed()
}

/// The number of polls in ten seconds, while a feed waits and no event is appended.
async fn polls(store: &FaultyStore, feed: &Feed) -> usize {
    let before = store.polls.load(Ordering::SeqCst);
    tokio::time::timeout(Duration::from_secs(10), feed.wait_for_more()).await.unwrap_err();
    store.polls.load(Ordering::SeqCst) - before
}

#[tokio::test(start_paused = true)]
async fn notification_is_followed_immediately() {
    let (store, mut feed) = feed();
    for _ in 0..3 {
        assert_eq!(delay(&store, &mut feed, true).await, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn panic_of_the_store_does_not_end_the_polling() {
    let (store, mut feed) = feed();
    store.poll_panics.store(3, Ordering::SeqCst);
    let delay = delay(&store, &mut feed, false).await;
    assert!(delay <= Duration::from_millis(250), "{delay:?}");
    assert_eq!(store.poll_panics.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn append_without_a_notification_is_found_by_polling() {
    let (store, mut feed) = feed();
    for notify in [false, true, false, false, true, false] {
        let longest = if notify { Duration::ZERO } else { Duration::from_millis(250) };
        let delay = delay(&store, &mut feed, notify).await;
        assert!(delay <= longest, "{delay:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn polling_slows_down_while_notifications_arrive() {
    let (store, mut feed) = feed();
    let unnotified = polls(&store, &feed).await;
    assert!((150..300).contains(&unnotified), "{unnotified}");
    delay(&store, &mut feed, true).await;
    let notified = polls(&store, &feed).await;
    assert!((30..60).contains(&notified), "{notified}");
    delay(&store, &mut feed, false).await;
    let unnotified = polls(&store, &feed).await;
    assert!((150..300).contains(&unnotified), "{unnotified}");
}

#[tokio::test(start_paused = true)]
async fn polling_continues_after_notifications_end() {
    let (store, mut feed) = feed();
    delay(&store, &mut feed, true).await;
    store.wakeups.lock().unwrap().take();
    let polls = polls(&store, &feed).await;
    assert!((30..300).contains(&polls), "{polls}");
    delay(&store, &mut feed, false).await;
}

/// Each append is followed by one page for the projection. A poll wakes it unless the store knows that the append is settled. When it
/// waits again, the next poll is not at once: here no time passes until then.
#[tokio::test(start_paused = true)]
async fn projection_reads_one_page_for_each_append() {
    const COMMANDS: usize = 10;
    for (knows_settled, polls) in [(false, 1), (true, 0)] {
        let store = Arc::new(FaultyStore::new([]));
        store.knows_settled.store(knows_settled, Ordering::SeqCst);
        let app = App::builder(Arc::clone(&store)).rows(Memory::new());
        let app = app.projection::<Balance>().start().await.unwrap();
        app.execute(deposit("a", 1)).await.unwrap();
        app.wait_until_caught_up().await.unwrap();
        let counts = || (store.pages.load(Ordering::SeqCst), store.polls.load(Ordering::SeqCst));
        let before = counts();
        for _ in 0..COMMANDS {
            let receipt = app.execute(deposit("a", 1)).await.unwrap();
            app.find::<Balance>(&account("a")).after(&receipt).await.unwrap();
        }
        let after = counts();
        assert_eq!(after.0 - before.0, COMMANDS);
        // The last poll before may be among them.
        assert!(after.1 - before.1 <= polls * COMMANDS + 1, "{} polls", after.1 - before.1);
    }
}

/// The commands run on the thread of the test, so the worker thread has work only if an append wakes a task.
#[test]
fn commands_without_followers_wake_no_worker_thread() {
    const COMMANDS: u64 = 1_000;
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    runtime.block_on(async {
        let app = App::builder(Memory::new()).start().await.unwrap();
        let parked = || runtime.metrics().worker_park_count(0);
        app.execute(deposit("a", 1)).await.unwrap();
        let before = parked();
        for _ in 0..COMMANDS {
            app.execute(deposit("a", 1)).await.unwrap();
        }
        let times = parked() - before;
        // The tasks of the start may still run when the first command is done.
        assert!(times < 10, "the worker thread has woken up {times} times");
    });
}
