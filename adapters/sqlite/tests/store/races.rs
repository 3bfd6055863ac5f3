//! Concurrent writers on one file.

use annalist_core::store::PageLimit;
use std::{collections::HashSet, sync::Arc};

use tokio::{sync::Barrier, task::JoinSet};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_several_racing_appends_wins() {
    let test_log = TestLog::new();
    let handles = [test_log.open().await, test_log.open().await];
    for round in 0..30 {
        let barrier = Arc::new(Barrier::new(8));
        let mut racers = JoinSet::new();
        for racer in 0..8 {
            let (store, barrier) = (handles[racer % 2].clone(), barrier.clone());
            racers.spawn(async move {
                let criteria = with_tag(&format!("round:{round}"));
                let marker = read(&store, criteria.clone()).await.marker;
                barrier.wait().await;
                let own = draft("joined", &[&format!("round:{round}"), &format!("racer:{racer}")], "0");
                store
                    .append_one(Append { conditions: vec![Condition { criteria, marker }], ..events([own]) })
                    .await
                    .unwrap()
            });
        }
        let answers = racers.join_all().await;
        let winners = answers.iter().filter(|answer| matches!(answer, AppendOutcome::Appended(_))).count();
        let refused = answers.iter().filter(|answer| {
            **answer
                == AppendOutcome::Conflict {
                    index: 0,
                    condition: 0,
                    conflicting_position: Position::new(round + 1),
                }
        });
        assert_eq!((winners, refused.count()), (1, 7), "{answers:?}");
    }
    assert_eq!(positions(&all(&handles[0]).await), (1..=30).collect::<Vec<u64>>());
    test_log.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn disjoint_appends_never_conflict_and_positions_have_no_gaps() {
    let test_log = TestLog::new();
    let handles = [test_log.open().await, test_log.open().await];
    let mut writers = JoinSet::new();
    for writer in 0..8_usize {
        let store = handles[writer % 2].clone();
        writers.spawn(async move {
            for n in 0..25 {
                let own = format!("account:{writer}");
                let drafts = draft("paid", &[&own, "shared:1"], &n.to_string());
                done(guarded(&store, with_tag(&own), drafts).await);
            }
        });
    }
    // Meanwhile the feed of the other handle returns every event once and in order.
    let mut found = Vec::new();
    let mut after = START;
    while found.len() < 200 {
        let page = handles[1].feed(&with_tag("shared:1"), after, PageLimit::records(7)).await.unwrap();
        assert!(page.up_to >= after);
        found.extend(positions(&page.records));
        after = page.up_to;
        while let Some(ended) = writers.try_join_next() {
            ended.unwrap();
        }
        tokio::task::yield_now().await;
    }
    writers.join_all().await;
    assert_eq!(found, (1..=200).collect::<Vec<u64>>());
    test_log.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_command_id_is_accepted_once() {
    let test_log = TestLog::new();
    let handles = [test_log.open().await, test_log.open().await];
    let mut callers = JoinSet::new();
    for caller in 0..20_usize {
        let store = handles[caller % 2].clone();
        let own = Append { key: Some(key("only")), ..events([draft("paid", &["account:1"], "0")]) };
        callers.spawn(async move { store.append_one(own).await.unwrap() });
    }
    let answers = callers.join_all().await;
    let receipts: HashSet<_> = answers
        .iter()
        .map(|answer| match answer {
            AppendOutcome::Appended(receipt) | AppendOutcome::Duplicate { receipt, .. } => {
                receipt.events[0].id
            }
            _ => panic!("{answers:?}"),
        })
        .collect();
    assert_eq!((receipts.len(), all(&handles[0]).await.len()), (1, 1));
}

#[tokio::test]
async fn group_commit_replies_to_each_append() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let used =
        write(&store, Append { key: Some(key("used")), ..events([draft("paid", &["a:1"], "0")]) }).await;
    // While another connection holds the lock, these are queued in this order, and then share a transaction.
    let mut raw = test_log.raw().await;
    let lock = raw.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let first = Condition { criteria: with_tag("b:1"), marker: Default::default() };
    let foreign = CommandKey::new(name("used"), name("withdraw"), []);
    let appends = [
        events([draft("paid", &["a:1"], "0")]),
        events([draft("paid", &["b:1"], "1")]),
        Append { conditions: vec![first], ..events([draft("paid", &["b:1"], "2")]) },
        Append { key: Some(foreign), ..events([draft("paid", &[], "3")]) },
        Append { key: Some(key("used")), ..events([draft("paid", &[], "4")]) },
        events([draft("paid", &["b:1"], "5"), draft("paid", &["b:1"], "6")]),
    ];
    let mut running = Vec::new();
    for append in appends {
        let store = store.clone();
        running.push(tokio::spawn(async move { store.append_one(append).await }));
        tokio::task::yield_now().await;
    }
    lock.rollback().await.unwrap();
    let mut answers = Vec::new();
    for one in running {
        answers.push(one.await.unwrap());
    }
    let refused = answers.remove(3).unwrap_err();
    assert!(matches!(refused, Error::Invalid(annalist_core::Invalid::CommandIdReused { .. })), "{refused:?}");
    let answers: Vec<AppendOutcome<Receipt>> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        answers[2],
        AppendOutcome::Conflict { index: 0, condition: 0, conflicting_position: Position::new(3) }
    );
    assert_eq!(answers[3], AppendOutcome::Duplicate { index: 0, receipt: used });
    let ends = [0, 1, 4].map(|number| done(answers[number].clone()).position().get());
    assert_eq!(ends, [2, 3, 5]);
    assert_eq!(positions(&all(&store).await), [1, 2, 3, 4, 5]);
    test_log.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_first_opens_create_one_log() {
    for _ in 0..10 {
        let test_log = Arc::new(TestLog::new());
        let mut openers = JoinSet::new();
        for _ in 0..6 {
            let test_log = test_log.clone();
            openers.spawn(async move { test_log.open().await });
        }
        let stores = openers.join_all().await;
        let ids: HashSet<_> = stores.iter().map(EventStore::log_id).collect();
        assert_eq!(ids.len(), 1);
        test_log.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_appends_are_atomic() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let mut random = fastrand::Rng::with_seed(3);
    for n in 0..300 {
        let own = Append {
            key: Some(key(format!("c{n}"))),
            ..events((0..5).map(|_| draft("paid", &["account:1", &format!("n:{n}")], "0")))
        };
        let running = store.clone();
        let append = tokio::spawn(async move { running.append_one(own).await });
        // Dropped at a random moment, or after completion.
        for _ in 0..random.u32(..40) {
            tokio::task::yield_now().await;
        }
        append.abort();
        let _ = append.await;
        if n % 10 == 0 {
            // Reads are dropped too.
            let running = store.clone();
            let reading = tokio::spawn(async move { all(&running).await.len() });
            tokio::task::yield_now().await;
            reading.abort();
        }
    }
    // The queue is in order: once this append is written, all before it are finished.
    write(&store, events([draft("last", &[], "0")])).await;
    let log = all(&store).await;
    assert_eq!(positions(&log), (1..=log.len() as u64).collect::<Vec<_>>());
    let mut whole = 0;
    for n in 0..300 {
        let found = read(&store, with_tag(&format!("n:{n}"))).await.records;
        let receipt = store.receipt(&key(format!("c{n}"))).await.unwrap();
        assert!(found.is_empty() || found.len() == 5, "{} of 5 events", found.len());
        assert_eq!(receipt.map_or(0, |receipt| receipt.events.len()), found.len());
        whole += usize::from(!found.is_empty());
    }
    println!("{whole} of 300 dropped appends were written");
    // No connection has an open transaction: another one gets the write lock at once.
    let mut raw = test_log.raw().await;
    sqlx::query("PRAGMA busy_timeout = 0").execute(&mut raw).await.unwrap();
    raw.begin_with("BEGIN IMMEDIATE").await.unwrap().rollback().await.unwrap();
    test_log.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_replies_to_all_appends_and_loses_none() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let mut callers = JoinSet::new();
    for n in 0..100 {
        let store = store.clone();
        let own = Append { key: Some(key(format!("c{n}"))), ..events([draft("paid", &["account:1"], "0")]) };
        callers.spawn(async move { (n, store.append_one(own).await) });
    }
    tokio::task::yield_now().await;
    store.close().await;
    let answers = callers.join_all().await;
    let store = test_log.open().await;
    for (n, answer) in answers {
        let stored = store.receipt(&key(format!("c{n}"))).await.unwrap();
        match answer {
            Ok(appended) => assert_eq!(stored, Some(done(appended))),
            Err(error) => assert!(error.is_unavailable() && stored.is_none(), "{error:?} and {stored:?}"),
        }
    }
    test_log.assert_sound().await;
}
