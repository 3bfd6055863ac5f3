//! Archives of accounts: what users see, and what is never lost.

use std::{
    path::Path,
    process::{Child, Command},
    sync::Arc,
    time::Duration,
};

use annalist::{
    App, Criteria, Error, EventStore, ExecuteError, Invalid, Memory, Position, Receipt, Tag,
    app::Builder,
    manual::Payload,
    operate::{Archive, ArchiveState},
    store::{Append, Draft},
    transfer::{self, TransferError},
};
use tokio::{fs::File, io::BufReader, task::JoinSet};

use crate::{
    domain::{Account, AccountEvent, AccountId, account, deposit, transfer_of},
    read_model::Balance,
};

/// Starts a program.
///
/// # Errors
/// The error of the start.
pub async fn start(builder: Builder) -> Result<App, Error> {
    builder.projection::<Balance>().start().await
}

/// Archives accounts.
///
/// # Errors
/// The error of the archive.
pub async fn archive(app: &App, names: &[&str], file: &Path) -> Result<Archive, TransferError> {
    let ids: Vec<AccountId> = names.iter().map(|name| account(name)).collect();
    app.archive(&ids).actor("ann").to(file).await
}

/// Asserts that the call was refused because of an account.
#[track_caller]
pub fn assert_archived<T: std::fmt::Debug>(result: Result<T, Error>, name: &str, file: &Path) {
    match result {
        Err(Error::Invalid(Invalid::Archived { id, file: found, .. })) => {
            assert_eq!((id, found), (format!("account:{name}"), file.display().to_string()));
        }
        other => unreachable!("a call with the archived account {name} must be refused, not {other:?}"),
    }
}

/// Imports a file of an archive into an empty log.
#[allow(clippy::unwrap_used)]
pub async fn imported(file: &Path) -> App {
    let store = Memory::new();
    let mut reader = BufReader::new(File::open(file).await.unwrap());
    transfer::import(&store, &mut reader).await.unwrap();
    App::builder(store).start().await.unwrap()
}

/// The way of a user, with two processes: accounts are archived one after the other, looked at in their files, and restored.
#[allow(clippy::unwrap_used, clippy::missing_panics_doc)]
pub async fn check_archive_and_restore(open: impl AsyncFn() -> Builder, folder: &Path) {
    let (one, other) = (start(open().await).await.unwrap(), start(open().await).await.unwrap());
    for name in ["a", "b", "c"] {
        one.execute(deposit(name, 10)).id(format!("first-{name}")).await.unwrap();
        // Cached in the other process.
        other.execute(deposit(name, 5)).await.unwrap();
    }
    let moved = one.execute(transfer_of("a", "b", 3)).await.unwrap();
    one.wait_until_caught_up().await.unwrap();
    let before = one.load::<Account>(&account("a")).await.unwrap();

    let file = folder.join("a.jsonl");
    let archive_of_a = archive(&one, &["a"], &file).await.unwrap();
    let removed = archive_of_a.removed.clone().unwrap();
    assert_eq!((archive_of_a.state, removed.events), (ArchiveState::Complete, 2));
    assert_eq!(archive_of_a.actor.as_deref(), Some("ann"));
    for app in [&one, &other] {
        check_refusals(app, &file, &moved).await;
        // What is shared with an open account stays.
        assert_eq!(app.load::<Account>(&account("b")).await.unwrap().balance, 18);
        assert!(app.verify().await.unwrap().is_sound());
        assert_eq!(app.archives().await.unwrap(), std::slice::from_ref(&archive_of_a));
    }
    // A command that was accepted stays accepted.
    let receipt = other.execute(deposit("a", 10)).id("first-a").await.unwrap();
    assert_eq!(receipt.position(), Position::new(1));
    let copy = imported(&file).await;
    assert_eq!(copy.load::<Account>(&account("a")).await.unwrap().balance, 15);

    // A copy has the archive.
    let target = Memory::new();
    transfer::copy(&**one.store(), &target).await.unwrap();
    let copy = App::builder(target).start().await.unwrap();
    assert_eq!(copy.archives().await.unwrap(), std::slice::from_ref(&archive_of_a));
    assert_archived(copy.load::<Account>(&account("a")).await, "a", &file);

    // The row is still there, and not in a new build.
    assert_eq!(one.find::<Balance>(&account("a")).await.unwrap().unwrap().cents, 12);
    assert_eq!(one.overview().await.unwrap()[0].archived, 2);
    one.rebuild("balances").await.unwrap();
    one.wait_until("balances", |status| status.reads.is_some_and(|table| table.build == 1)).await.unwrap();
    let row = one.find::<Balance>(&account("a")).await.unwrap();
    assert_eq!(row.map(|row| row.events), Some(1), "only the event that stays");

    let second = folder.join("b.jsonl");
    let archive_of_b = archive(&other, &["b"], &second).await.unwrap();
    let removed = archive_of_b.removed.clone().unwrap();
    assert_eq!((removed.events, removed.shared_with), (3, vec![archive_of_a.number]));
    assert_eq!(one.load::<Account>(&account("c")).await.unwrap().balance, 15);

    // In the order of the events that they share.
    assert!(one.restore(archive_of_a.number, &file).await.is_err());
    assert!(one.restore(archive_of_b.number, &file).await.is_err(), "the file of another archive");
    one.restore(archive_of_b.number, &second).await.unwrap();
    let opened = one.restore(archive_of_a.number, &file).await.unwrap();
    assert_eq!(opened.state, ArchiveState::Opened);
    for app in [&one, &other] {
        assert_eq!(app.load::<Account>(&account("a")).await.unwrap(), before);
        app.execute(deposit("a", 1)).await.unwrap();
        app.execute(transfer_of("a", "c", 1)).await.unwrap();
        assert!(app.verify().await.unwrap().is_sound());
    }
    one.shut_down().await;
    other.shut_down().await;
}

async fn check_refusals(app: &App, file: &Path, moved: &Receipt) {
    let a = account("a");
    assert_archived(app.load::<Account>(&a).await, "a", file);
    assert_archived(app.load::<Account>(&a).at(moved).await, "a", file);
    assert_archived(app.history::<AccountEvent>(&a).await, "a", file);
    assert_archived(app.live::<Balance>(&a).await, "a", file);
    assert_archived(app.live::<Balance>(&a).at(moved).await, "a", file);
    for result in [
        app.execute(deposit("a", 1)).await,
        app.execute(transfer_of("a", "b", 1)).await,
        app.execute(transfer_of("b", "a", 1)).await,
        // Rejected, if it were open.
        app.execute(transfer_of("a", "b", 1000)).await,
    ] {
        match result {
            Err(ExecuteError::Invalid(Invalid::Archived { id, .. })) => assert_eq!(id, "account:a"),
            other => unreachable!("a command on an archived account must be refused, not {other:?}"),
        }
    }
}

/// Two processes append to accounts while these are archived. Every accepted event is in the log or in a file, exactly once.
#[allow(clippy::unwrap_used, clippy::missing_panics_doc)]
pub async fn check_race(open: impl AsyncFn() -> Builder, folder: &Path) {
    const NAMES: [&str; 3] = ["a", "b", "c"];
    let apps = [start(open().await).await.unwrap(), start(open().await).await.unwrap()];
    let mut tasks = JoinSet::new();
    for (number, app) in apps.iter().cloned().enumerate() {
        for task in 0..3 {
            let app = app.clone();
            let mut random = fastrand::Rng::with_seed(number as u64 * 10 + task);
            tasks.spawn(async move { deposit_until_archived(&app, &NAMES, &mut random).await });
        }
    }
    let mut files = Vec::new();
    for (number, name) in NAMES.iter().enumerate() {
        let file = folder.join(format!("{name}.jsonl"));
        // Both at once: one of them does it.
        let names = [*name];
        let (first, second) =
            tokio::join!(archive(&apps[0], &names, &file), archive(&apps[1], &names, &file));
        let archive = match (first, second) {
            (Ok(first), Ok(second)) => {
                assert_eq!(first, second);
                first
            }
            (Ok(done), Err(_)) | (Err(_), Ok(done)) => done,
            (Err(first), Err(second)) => unreachable!("{first}; {second}"),
        };
        assert_eq!((archive.number, archive.state), (number as u64 + 1, ArchiveState::Complete));
        files.push(file);
    }
    let mut accepted: Vec<Position> = tasks.join_all().await.into_iter().flatten().collect();
    let mut found = Vec::new();
    for (file, name) in files.iter().zip(NAMES) {
        let history = imported(file).await.history::<AccountEvent>(&account(name)).await.unwrap();
        found.extend(history.into_iter().map(|event| event.position));
    }
    accepted.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, accepted);
    let rest = apps[0].store().count(&Criteria::all(), Position::START, Position::END).await;
    assert_eq!(rest.unwrap(), 0);
    assert!(apps[0].verify().await.unwrap().is_sound());
}

/// Deposits, and returns the positions of what was accepted.
async fn deposit_until_archived(app: &App, names: &[&str], random: &mut fastrand::Rng) -> Vec<Position> {
    let (mut open, mut accepted) = (names.to_vec(), Vec::new());
    while !open.is_empty() {
        let name = open[random.usize(..open.len())];
        match app.execute(deposit(name, 1)).await {
            Ok(receipt) => accepted.push(receipt.position()),
            Err(ExecuteError::Invalid(Invalid::Archived { .. })) => open.retain(|one| *one != name),
            Err(error) => unreachable!("{error:?}"),
        }
        tokio::task::yield_now().await;
    }
    accepted
}

/// A process that restores is killed at different moments of its transaction: the log is as before, or as after the restore. `written` is
/// the number of bytes that transactions have written so far, committed or not.
#[allow(clippy::unwrap_used, clippy::missing_panics_doc)]
pub async fn check_killed_restore(
    store: Arc<dyn EventStore>,
    folder: &Path,
    archiver: impl Fn(&Path) -> Command,
    written: impl AsyncFn() -> u64,
) {
    const PAGE: u64 = 4_096;
    let file = folder.join("a.jsonl");
    append_large_deposits(&*store, 3_000).await;
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    let done = archive(&app, &["a"], &file).await.unwrap();
    let mut was_killed = false;
    for pages in [0, 1, 200, 800] {
        let before = written().await;
        let mut process = archiver(&file).spawn().unwrap();
        await_progress(async || written().await >= before + pages * PAGE, &mut process).await;
        let _ = process.kill();
        was_killed |= !process.wait().unwrap().success();
        let found = store.count(&Criteria::all(), Position::START, Position::END).await.unwrap();
        let archives = app.archives().await.unwrap();
        match archives[0].state {
            ArchiveState::Opened => assert_eq!(found, 3_000),
            _ => assert_eq!((archives, found), (vec![done.clone()], 0)),
        }
        assert!(app.verify().await.unwrap().is_sound());
    }
    assert!(was_killed, "no process was killed in time");
    app.restore(done.number, &file).await.unwrap();
    assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 3_000);
}

#[allow(clippy::unwrap_used)]
async fn append_large_deposits(store: &dyn EventStore, events: usize) {
    let text = format!(r#"{{"account":"a","amount":1,"note":"{}"}}"#, "x".repeat(2_000));
    let draft = || {
        let tag = Tag::of(&account("a")).unwrap();
        Draft::new("account.deposited", 1, [tag], Payload::parse(text.clone()).unwrap()).unwrap()
    };
    for _ in 0..events / 100 {
        let events = (0..100).map(|_| draft()).collect();
        store.append_one(Append { events, ..Append::default() }).await.unwrap();
    }
}

/// Waits until a process has come this far, or has ended.
#[allow(clippy::unwrap_used, clippy::missing_panics_doc)]
pub async fn await_progress(is_there: impl AsyncFn() -> bool, process: &mut Child) {
    while !is_there().await && process.try_wait().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
}

/// Longer than any follower needs, and short for one that is stopped.
pub const SHORT: Duration = Duration::from_millis(200);
