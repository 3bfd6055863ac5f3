//! How soon a process sees what others append: when it is told, and when nobody tells it. The clock stands still while
//! there is something to do, so times are exact.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use annalist::{
    Criteria, Draft, EventStore, Payload,
    feed::{Feed, LogWatcher},
    store::Append,
};
use annalist_flow_tests::faulty::Faulty;
use tokio::time::{Instant, sleep};

fn append() -> Append {
    let data = Payload::parse("{}").unwrap();
    Append { events: vec![Draft::new("noted", 1, [], data).unwrap()], ..Append::default() }
}

/// A feed that waits, and the log that others append to behind its back.
fn followed() -> (Arc<Faulty>, Feed) {
    let store = Arc::new(Faulty::new([]));
    let feed = Feed::new(LogWatcher::new(Arc::clone(&store) as Arc<dyn EventStore>), Criteria::all());
    (store, feed)
}

/// How long a feed waits for what somebody else appends after a while, with or without a word.
async fn waited(store: &Faulty, feed: &mut Feed, hint: bool) -> Duration {
    let append = async {
        sleep(Duration::from_secs(5)).await;
        store.inner.append_one(append()).await.unwrap();
        if hint {
            store.hint();
        }
        Instant::now()
    };
    let (page, appended) = tokio::join!(feed.next(), append);
    assert_eq!(page.unwrap().records.len(), 1);
    appended.elapsed()
}

/// How often the log is looked at in ten seconds in which nothing happens and a feed waits.
async fn looks(store: &Faulty, feed: &Feed) -> usize {
    let before = store.looks.load(Ordering::SeqCst);
    tokio::time::timeout(Duration::from_secs(10), feed.wait_for_more()).await.unwrap_err();
    store.looks.load(Ordering::SeqCst) - before
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_followed_at_once() {
    let (store, mut feed) = followed();
    for _ in 0..3 {
        assert_eq!(waited(&store, &mut feed, true).await, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_hint_the_log_is_looked_at_all_the_same() {
    let (store, mut feed) = followed();
    for hint in [false, true, false, false, true, false] {
        let longest = if hint { Duration::ZERO } else { Duration::from_millis(250) };
        let waited = waited(&store, &mut feed, hint).await;
        assert!(waited <= longest, "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_told_looks_less_often_until_nobody_tells() {
    let (store, mut feed) = followed();
    let untold = looks(&store, &feed).await;
    assert!((150..300).contains(&untold), "{untold}");
    waited(&store, &mut feed, true).await;
    let told = looks(&store, &feed).await;
    assert!((30..60).contains(&told), "{told}");
    waited(&store, &mut feed, false).await;
    let untold = looks(&store, &feed).await;
    assert!((150..300).contains(&untold), "{untold}");
}

#[tokio::test(start_paused = true)]
async fn hints_that_end_leave_the_looking() {
    let (store, mut feed) = followed();
    waited(&store, &mut feed, true).await;
    store.wakeups.lock().unwrap().take();
    let looks = looks(&store, &feed).await;
    assert!((30..300).contains(&looks), "{looks}");
    waited(&store, &mut feed, false).await;
}
