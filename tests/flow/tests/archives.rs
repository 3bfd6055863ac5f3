//! The events of archived ids leave the log for a file, while programs are running, and return.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    path::Path,
    process::Command,
    sync::{Arc, PoisonError},
};

use annalist::{
    App, Criteria, Error, EventStore, Memory, Position,
    operate::{Archive, ArchiveState},
    projection::{ProjectionOptions, State},
    transfer::TransferError,
};
use annalist_flow_tests::{
    archives::{
        SHORT, archive, await_progress, check_archive_and_restore, check_killed_restore, check_race,
        imported, start,
    },
    domain::{Account, AccountEvent, account, deposit},
    faulty_store::{FaultyStore, LostStep},
    read_model::EventCount,
    test_log::{TestLog, on_each_log, wait_until},
};

#[tokio::test]
async fn archived_ids_are_refused_and_can_be_restored() {
    on_each_log(async |log| {
        let folder = tempfile::tempdir().unwrap();
        check_archive_and_restore(async || log.app().await, folder.path()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_accepted_event_is_lost_while_ids_are_archived() {
    for _ in 0..3 {
        on_each_log(async |log| {
            let folder = tempfile::tempdir().unwrap();
            check_race(async || log.app().await, folder.path()).await;
        })
        .await;
    }
}

/// A projection that is stopped before an event, and one that has parked it.
#[tokio::test]
async fn archive_is_refused_while_a_follower_has_not_handled_the_events() {
    for parks in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let options = if parks { ProjectionOptions::new().park() } else { ProjectionOptions::new() };
        let app = App::builder(Memory::new()).projection_with::<EventCount>(options).start().await.unwrap();
        app.execute(deposit("a", 1000)).await.unwrap();
        app.execute(deposit("b", 1)).await.unwrap();
        match parks {
            false => {
                wait_until(&app, "event_counts", |status| matches!(status.state, State::Stopped(_))).await
            }
            true => wait_until(&app, "event_counts", |status| status.parked == 1).await,
        };
        let archiving = app.archive([&account("a")]).timeout(SHORT).to(folder.path().join("a.jsonl"));
        let error = archiving.await.unwrap_err();
        match (&error, parks) {
            (TransferError::Store(Error::Unavailable { .. }), false) => {}
            (TransferError::Store(Error::Unusable { .. }), true) => {}
            _ => unreachable!("{error:?}"),
        }
        assert!(error.to_string().contains("build 1.0 of `event_counts`"), "{error}");
        // Nothing was closed.
        assert_eq!(app.archives().await.unwrap(), []);
        assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 1000);
        if parks {
            let parked = app.parked("event_counts").await.unwrap();
            app.discard_parked("event_counts", parked[0].position).await.unwrap();
            archive(&app, &["a"], &folder.path().join("a.jsonl")).await.unwrap();
        } else {
            // The stopped projection does not concern the other account.
            let error = app.archive([&account("b")]).timeout(SHORT).to(folder.path().join("b.jsonl")).await;
            assert!(error.is_err(), "it has not handled the event of the other account either");
        }
    }
}

/// Each step of an archive is lost, before or after it was written. The next call completes it.
#[tokio::test]
async fn interrupted_archive_is_completed_by_the_next_call() {
    for lost in [LostStep::Before, LostStep::After] {
        for steps in 0..2 {
            let folder = tempfile::tempdir().unwrap();
            let (file, store) = (folder.path().join("a.jsonl"), Arc::new(FaultyStore::new([])));
            let app = App::builder(Arc::clone(&store)).start().await.unwrap();
            for _ in 0..3 {
                app.execute(deposit("a", 1)).await.unwrap();
            }
            app.execute(deposit("b", 1)).await.unwrap();
            {
                let mut plan = store.archive_steps.lock().unwrap_or_else(PoisonError::into_inner);
                plan.extend(std::iter::repeat_n(None, steps).chain([Some(lost)]));
            }
            assert!(archive(&app, &["a"], &file).await.is_err());
            check_nothing_is_lost(&*store, &file, 3).await;
            let done = archive(&app, &["a"], &file).await.unwrap();
            // Again, it returns the same.
            assert_eq!(archive(&app, &["a"], &file).await.unwrap(), done);
            check_complete(&app, &done, &file, 3).await;
        }
    }
}

/// An archive that is not to be completed: the ids are opened again.
#[tokio::test]
async fn closed_ids_can_be_opened_without_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = (folder.path().join("a.jsonl"), Arc::new(FaultyStore::new([])));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    app.execute(deposit("a", 7)).await.unwrap();
    store.archive_steps.lock().unwrap().extend([None, Some(LostStep::Before)]);
    assert!(archive(&app, &["a"], &file).await.is_err());
    let closing = app.archives().await.unwrap().remove(0);
    assert_eq!(closing.state, ArchiveState::Closing);
    assert!(app.load::<Account>(&account("a")).await.is_err());
    app.restore(closing.number, "").await.unwrap();
    assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 7);
}

#[tokio::test]
async fn file_of_something_else_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.jsonl");
    std::fs::write(&file, "precious").unwrap();
    let app = start(App::builder(Memory::new())).await.unwrap();
    app.execute(deposit("a", 7)).await.unwrap();
    let error = archive(&app, &["a"], &file).await.unwrap_err();
    assert!(matches!(error, TransferError::Io(_)), "{error:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(app.archives().await.unwrap(), []);
}

#[tokio::test]
async fn changed_file_is_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.jsonl");
    let app = start(App::builder(Memory::new())).await.unwrap();
    app.execute(deposit("a", 7)).await.unwrap();
    let done = archive(&app, &["a"], &file).await.unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"amount\":7", "\"amount\":8")).unwrap();
    let error = app.restore(done.number, &file).await.unwrap_err();
    assert!(matches!(error, TransferError::Checksum { .. }), "{error:?}");
    assert_eq!(app.archives().await.unwrap(), [done]);
}

/// The file gets other bytes after its checksum was compared. A restore that is called later finds that the log is as before.
#[tokio::test]
async fn file_that_changes_during_a_restore_leaves_the_log_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = (folder.path().join("a.jsonl"), Arc::new(FaultyStore::new([])));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    // More than a page, so that some events are read before the change is found.
    for _ in 0..2_500 {
        app.execute(deposit("a", 7)).await.unwrap();
    }
    let done = archive(&app, &["a"], &file).await.unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let last = text.rfind("\"amount\":7").unwrap();
    let changed = format!("{}\"amount\":8{}", &text[..last], &text[last + "\"amount\":7".len()..]);
    for other in [changed, text[..last].to_owned(), format!("{text}{text}"), String::new()] {
        let path = file.clone();
        let change: Box<dyn FnOnce() + Send> = Box::new(move || std::fs::write(path, other).unwrap());
        *store.before_restore.lock().unwrap() = Some(change);
        let error = app.restore(done.number, &file).await.unwrap_err();
        assert!(matches!(error, TransferError::Store(Error::Unusable { .. })), "{error:?}");
        assert!(error.to_string().contains("the file was changed"), "{error}");
        assert_eq!(app.archives().await.unwrap(), std::slice::from_ref(&done));
        assert_eq!(store.inner.count(&Criteria::all(), Position::START, Position::END).await.unwrap(), 0);
        std::fs::write(&file, &text).unwrap();
    }
    // The control: with the same bytes it is restored.
    check_complete(&app, &done, &file, 2_500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_restore_leaves_the_log_as_before() {
    let (log, folder) = (TestLog::file(), tempfile::tempdir().unwrap());
    let path = log.path().unwrap();
    let (url, wal) = (format!("sqlite:{}", path.display()), path.with_extension("db-wal"));
    let archiver = |file: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_archiver"));
        command.arg(&url).arg(file).arg("restore");
        command
    };
    let written = async || std::fs::metadata(&wal).map_or(0, |found| found.len());
    check_killed_restore(log.process().await.store, folder.path(), archiver, written).await;
}

/// A process that archives is killed again and again.
#[tokio::test(flavor = "multi_thread")]
async fn killed_archive_is_completed_by_the_next_process() {
    let (log, folder) = (TestLog::file(), tempfile::tempdir().unwrap());
    let file = folder.path().join("a.jsonl");
    let app = start(log.app().await).await.unwrap();
    for _ in 0..2000 {
        app.execute(deposit("a", 1)).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
    app.shut_down().await;
    let store = log.process().await.store;
    let url = format!("sqlite:{}", log.path().unwrap().display());
    let start_archiver =
        || Command::new(env!("CARGO_BIN_EXE_archiver")).arg(&url).arg(&file).spawn().unwrap();
    for kill in 0..4 {
        let mut process = start_archiver();
        // Killed once the ids are closed, a file is begun, it is complete, or later.
        let is_there = async || match kill {
            0 => !store.archives().await.unwrap().is_empty(),
            1 => std::fs::read_dir(folder.path()).unwrap().next().is_some(),
            2 => file.exists(),
            _ => store.count(&Criteria::all(), Position::START, Position::END).await.unwrap() == 0,
        };
        await_progress(is_there, &mut process).await;
        let _ = process.kill();
        process.wait().unwrap();
        check_nothing_is_lost(&*store, &file, 2000).await;
    }
    assert!(start_archiver().wait().unwrap().success());
    let app = start(log.app().await).await.unwrap();
    let done = app.archives().await.unwrap().remove(0);
    check_complete(&app, &done, &file, 2000).await;
}

/// All events of the account are in the log, or in the file.
async fn check_nothing_is_lost(store: &dyn EventStore, file: &Path, events: usize) {
    let deposited = annalist::raw::store::PageLimit::records(usize::MAX);
    let page = store.feed(&Criteria::all(), Position::START, deposited).await.unwrap();
    let own = page.records.iter().filter(|record| record.tags[0].value() == "a").count();
    if own == 0 {
        let history = imported(file).await.history::<AccountEvent>(&account("a")).await.unwrap();
        assert_eq!(history.len(), events);
    } else {
        assert_eq!(own, events);
    }
}

async fn check_complete(app: &App, done: &Archive, file: &Path, events: usize) {
    assert_eq!(done.state, ArchiveState::Complete);
    assert_eq!(done.removed.clone().unwrap().events, events as u64);
    let history = imported(file).await.history::<AccountEvent>(&account("a")).await.unwrap();
    assert_eq!(history.len(), events);
    assert!(app.verify().await.unwrap().is_sound());
    let opened = app.restore(done.number, file).await.unwrap();
    assert_eq!(opened.state, ArchiveState::Opened);
    assert_eq!(app.history::<AccountEvent>(&account("a")).await.unwrap().len(), events);
}
