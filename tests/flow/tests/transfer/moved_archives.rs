//! The ids that are closed in a log are closed in another one, and its archives are restored there from the same files.

use std::{path::Path, sync::Arc};

use annalist::{
    App, Receipt, Tag,
    operate::ArchiveState,
    transfer::{self, Export},
};
use annalist_flow_tests::{
    archives::{archive, assert_archived, start},
    domain::{Account, account, deposit, transfer_of},
};

use super::{
    changes::{add_tags, close},
    logs::{EmptyLog, FORMS, Form, export_of, exported},
};

/// Moves a log by both forms of an export and by a copy. It has archives in all states, of which two share an event.
pub(crate) async fn check_archives(from: EmptyLog, to: [EmptyLog; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let source = start(App::builder(Arc::clone(&from.store))).await.unwrap();
    let receipt = fill(&source, folder.path()).await;
    let file = folder.path().join("later.jsonl");
    let closing = close(&*from.store, vec![Tag::of(&account("d")).unwrap()]).await;
    let archives = source.archives().await.unwrap();
    assert_eq!(archives.len(), 4);

    let [by_lines, by_events, by_copy] = &to;
    for (form, to) in FORMS.into_iter().zip([by_lines, by_events]) {
        let file = exported(&from.store, form).await;
        let imported = transfer::import(&*to.store, &mut file.as_slice()).await.unwrap();
        assert_eq!((imported.archives, imported.tombstones, imported.events), (4, 7, 3));
    }
    let copied = transfer::copy(&*from.store, &*by_copy.store).await.unwrap();
    assert_eq!((copied.archives, copied.tombstones, copied.up_to), (4, 7, receipt.position()));
    let expected = exported(&from.store, Form::Lines).await;
    for to in &to {
        assert_eq!(exported(&to.store, Form::Lines).await, expected);
        let app = start(App::builder(Arc::clone(&to.store))).await.unwrap();
        assert_eq!(app.archives().await.unwrap(), archives);
        check_target(&app, folder.path(), &receipt).await;
        // What was begun in the other log is completed here.
        app.wait_until_caught_up().await.unwrap();
        let complete = archive(&app, &["d"], &file).await.unwrap();
        assert_eq!((complete.number, complete.state), (closing.number, ArchiveState::Complete));
        std::fs::remove_file(&file).unwrap();
        assert!(app.verify().await.unwrap().is_sound());
        app.shut_down().await;
    }
    source.shut_down().await;
}

/// Archives the accounts a, b and c, and opens the last of them again. The event that a and b share is the last one of the log.
async fn fill(app: &App, folder: &Path) -> Receipt {
    for name in ["a", "b", "c", "d"] {
        app.execute(deposit(name, 10)).id(format!("first-{name}")).await.unwrap();
    }
    app.execute(transfer_of("c", "d", 1)).await.unwrap();
    app.execute(transfer_of("a", "b", 1)).await.unwrap();
    for name in ["a", "b", "b"] {
        app.execute(deposit(name, 5)).await.unwrap();
    }
    let last = app.execute(transfer_of("b", "a", 2)).id("last").await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    for name in ["a", "b", "c"] {
        archive(app, &[name], &folder.join(name)).await.unwrap();
    }
    app.restore(3, folder.join("c")).await.unwrap();
    last
}

async fn check_target(app: &App, folder: &Path, last: &Receipt) {
    for name in ["a", "b"] {
        assert_archived(app.load::<Account>(&account(name)).await, name, &folder.join(name));
        assert!(app.execute(deposit(name, 1)).await.is_err());
    }
    assert_eq!(app.load::<Account>(&account("c")).await.unwrap().balance, 9);
    assert_eq!(&app.execute(transfer_of("b", "a", 2)).id("last").await.unwrap(), last);
    assert!(app.verify().await.unwrap().is_sound());

    assert!(app.restore(1, folder.join("a")).await.is_err(), "archive 2 has an event of its ids");
    app.restore(2, folder.join("b")).await.unwrap();
    app.restore(1, folder.join("a")).await.unwrap();
    let balances = [app.load::<Account>(&account("a")).await, app.load::<Account>(&account("b")).await];
    assert_eq!(balances.map(|account| account.unwrap().balance), [16, 19]);
    let next = app.execute(deposit("a", 1)).await.unwrap();
    assert_eq!(next.position().get(), last.position().get() + 1);
    assert!(app.verify().await.unwrap().is_sound());
}

/// What leaves the log or returns between two parts of an export, or gets tags, is in the wrong one.
pub(crate) async fn check_parts(from: EmptyLog) {
    let folder = tempfile::tempdir().unwrap();
    let app = start(App::builder(Arc::clone(&from.store))).await.unwrap();
    for name in ["a", "b"] {
        app.execute(deposit(name, 10)).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
    let write = async |export: Export| export.write_to(&mut tokio::io::sink()).await;
    let next = |part: &transfer::Part| export_of(&from.store, Form::Lines).after(part);
    let mut part = write(export_of(&from.store, Form::Lines)).await.unwrap();
    let file = folder.path().join("a");
    archive(&app, &["a"], &file).await.unwrap();
    for round in 0..2 {
        app.execute(deposit("b", 1)).await.unwrap();
        let error = write(next(&part)).await.unwrap_err().to_string();
        assert!(error.contains("export the log from its start again"), "{error}");
        part = write(export_of(&from.store, Form::Lines)).await.unwrap();
        app.execute(deposit("b", 1)).await.unwrap();
        assert_eq!(write(next(&part)).await.unwrap().contents.events, 1);
        if round == 0 {
            app.restore(1, &file).await.unwrap();
        }
    }
    let types = from.store.stored_types().await.unwrap();
    add_tags(&*from.store, &types[0].name, "branch", &mut fastrand::Rng::with_seed(1)).await;
    let error = write(next(&part)).await.unwrap_err().to_string();
    assert!(error.contains("export the log from its start again"), "{error}");
    app.shut_down().await;
}
