//! Inline rows in group commits.

use annalist_core::rows::{BuildId, Column, ColumnType, InlineOutcome, Role, RowStore, Table, Value};
use tokio::task::JoinSet;

use super::{folds::*, *};

/// Queues appends in this order while another connection holds the lock, so that they share a transaction.
async fn append_together(
    test_log: &TestLog,
    store: &Sqlite,
    appends: impl IntoIterator<Item = Append>,
) -> Vec<Result<AppendOutcome<Receipt>, Error>> {
    let mut raw = test_log.raw().await;
    let lock = raw.begin_with("BEGIN IMMEDIATE").await.unwrap();
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
    answers
}

fn paid(tags: &[&str]) -> Draft {
    draft("paid", tags, "0")
}

#[tokio::test]
async fn appends_with_and_without_inline_builds_share_a_transaction() {
    let test_log = TestLog::new();
    let store = store_with_inline_tallies(&test_log).await;
    let failing = |data: &str| counted([draft("paid", &["a:1"], data)]);
    let answers = append_together(
        &test_log,
        &store,
        [
            counted([paid(&["a:1"]), paid(&["a:1", "b:1"])]),
            events([draft("opened", &["a:1"], "0")]),
            events([paid(&["a:1"])]),
            failing("\"panics early\""),
            failing("\"panics late\""),
            counted([draft("opened", &["a:1"], "0")]),
            counted([paid(&["b:1"])]),
        ],
    )
    .await;
    let outcomes: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Ok(AppendOutcome::Appended(receipt)) => format!("done at {}", receipt.position()),
            Ok(AppendOutcome::InlineRequired { builds: wanted, .. }) => format!("wants {}", wanted.len()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => error.to_string(),
        })
        .collect();
    let panicked = "the fold of `tallies_v1` panicked";
    assert_eq!(
        outcomes,
        [
            "done at 2",
            "done at 3",
            "wants 1",
            &format!("{panicked}: no keys"),
            &format!("{panicked}: no rows"),
            "wants 0",
            "done at 4"
        ]
    );
    assert_eq!(found(&store, &TALLIES).await, tallies(&all(&store).await));
    test_log.assert_sound().await;
}

#[tokio::test]
async fn rejected_inline_row_fails_only_its_append() {
    let test_log = TestLog::new();
    let store = store_with_inline_tallies(&test_log).await;
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON annalist_rows_tallies_v1 WHEN new.tag = 'b:1'
                  BEGIN SELECT RAISE(ABORT, 'not this'); END";
    sqlx::query(refuse).execute(&mut test_log.raw().await).await.unwrap();
    let appends = ["a:1", "b:1", "c:1"]
        .map(|tag| Append { key: Some(key(tag)), ..counted([paid(&[tag]), draft("opened", &[tag], "0")]) });
    let answers = append_together(&test_log, &store, appends).await;
    assert!(matches!(
        answers[..],
        [Ok(AppendOutcome::Appended(_)), Err(Error::Unusable { .. }), Ok(AppendOutcome::Appended(_))]
    ));
    assert!(message(answers[1].as_ref().unwrap_err()).contains("not this"));
    let log = all(&store).await;
    assert_eq!((positions(&log), found(&store, &TALLIES).await), (vec![1, 2, 3, 4], tallies(&log)));
    assert_eq!(store.receipt(&key("b:1")).await.unwrap(), None);
    test_log.assert_sound().await;
}

#[tokio::test]
async fn damaged_inline_row_is_named_and_nothing_is_written() {
    let test_log = TestLog::new();
    let store = store_with_inline_tallies(&test_log).await;
    const IDS: Table = Table {
        projection: "ids",
        columns: &[
            Column { name: "tag", kind: ColumnType::Text, nullable: false, role: Role::Key },
            Column { name: "id", kind: ColumnType::Uuid, nullable: false, role: Role::Plain },
        ],
        ..TALLIES
    };
    store.define(&IDS, "", store.log_id()).await.unwrap();
    store.make_inline(inline(IDS)).await.unwrap();
    let execute = "INSERT INTO annalist_rows_ids_v1 VALUES ('a:1', 'nobody')";
    sqlx::query(execute).execute(&mut test_log.raw().await).await.unwrap();
    let append = Append { inline: vec![inline(IDS), inline(TALLIES)], ..events([paid(&["a:1"])]) };
    let error = store.append_one(append).await.unwrap_err();
    assert!(message(&error).contains("column `id`"), "{error:?}");
    assert!(all(&store).await.is_empty() && found(&store, &TALLIES).await.is_empty());
}

#[tokio::test]
async fn fold_with_invalid_rows_writes_nothing() {
    let test_log = TestLog::new();
    let store = store_with_inline_tallies(&test_log).await;
    const OTHER: Table = Table { projection: "other", columns: TALLIES.columns.split_at(2).0, ..TALLIES };
    store.define(&OTHER, "", store.log_id()).await.unwrap();
    store.make_inline(inline(OTHER)).await.unwrap();
    let append = Append { inline: vec![inline(TALLIES), inline(OTHER)], ..events([paid(&["a:1"])]) };
    assert!(matches!(store.append_one(append).await, Err(Error::Invalid(_))));
    assert!(all(&store).await.is_empty() && found(&store, &TALLIES).await.is_empty());
}

#[tokio::test]
async fn panic_in_make_inline_changes_nothing() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    store.define(&TALLIES, "", store.log_id()).await.unwrap();
    write(&store, events([draft("paid", &["a:1"], "\"panics late\"")])).await;
    let error = store.make_inline(inline(TALLIES)).await.unwrap_err();
    assert!(matches!(error, Error::Panicked { .. }), "{error:?}");
    write(&store, events([paid(&["a:1"])])).await;
    assert!(!store.builds("tallies").await.unwrap()[0].inline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn switching_between_inline_and_async_loses_no_event() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    store.define(&TALLIES, "", store.log_id()).await.unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let store = test_log.open().await;
        writers.spawn(async move {
            let mut folds = 0;
            for n in 0..50 {
                let mut append = events([paid(&[&format!("a:{}", n % 3), &format!("w:{writer}")])]);
                while let AppendOutcome::InlineRequired { builds: wanted, .. } =
                    store.append_one(append.clone()).await.unwrap()
                {
                    append.inline = wanted.iter().map(|_| inline(TALLIES)).collect();
                    folds += 1;
                }
            }
            folds
        });
    }
    // Meanwhile another handle switches the build back and forth.
    let other = test_log.open().await;
    while !writers.is_empty() {
        match other.make_inline(inline(TALLIES)).await.unwrap() {
            InlineOutcome::Done => tokio::task::yield_now().await,
            InlineOutcome::Behind => panic!("too few events for this outcome"),
        }
        other.make_async(&TALLIES).await.unwrap();
        while let Some(ended) = writers.try_join_next() {
            ended.unwrap();
        }
    }
    assert_eq!(other.make_inline(inline(TALLIES)).await.unwrap(), InlineOutcome::Done);
    let log = all(&store).await;
    assert_eq!((log.len(), found(&store, &TALLIES).await), (200, tallies(&log)));
    test_log.assert_sound().await;
}

#[tokio::test]
async fn inline_build_survives_reopen() {
    let test_log = TestLog::new();
    let store = store_with_inline_tallies(&test_log).await;
    assert_eq!(texts(&test_log, "SELECT inline_types FROM annalist_builds").await, ["[\"paid\"]"]);
    store.close().await;
    let store = test_log.open().await;
    let wanted = BuildId { projection: "tallies".to_owned(), version: 1, build: 0 };
    assert_eq!(
        store.append_one(events([paid(&[])])).await.unwrap(),
        AppendOutcome::InlineRequired { index: 0, builds: vec![wanted] }
    );
    write(&store, counted([paid(&["a:1"])])).await;
    // Making it inline again folds no event twice.
    assert_eq!(store.make_inline(inline(TALLIES)).await.unwrap(), InlineOutcome::Done);
    assert_eq!(found(&store, &TALLIES).await[0][1], Value::Int(1));
    let execute = "UPDATE annalist_builds SET inline_types = '[1]'";
    sqlx::query(execute).execute(&mut test_log.raw().await).await.unwrap();
    let error = store.append_one(counted([paid(&["a:1"])])).await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }), "{error:?}");
    assert_eq!(all(&store).await.len(), 1);
}
