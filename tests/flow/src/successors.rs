//! An older program and a newer one, in which the older event name has a successor, on one log. Each night of a room can be booked
//! once, whatever the name of the event.
//!
//! Every event records the nights that its decision saw, and the log is checked in the end: each decision was made on all bookings
//! before its position, of both names.

pub mod older;
pub mod renamed;
pub mod split;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use annalist::{
    App, Criteria, EventStore, ExecuteError, Id, Invalid, Position, Receipt,
    app::Builder,
    projection::{State, Status},
    store::Read,
};
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::test_log::wait_until;

const TASKS: usize = 4;
const ROOMS: usize = 3;
const NIGHTS: u32 = 60;

/// A room.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomId(pub String);

/// Returns the id of a room.
pub fn room(name: &str) -> RoomId {
    RoomId(name.to_owned())
}

/// The night is booked already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booked;

/// How the newer program has replaced the event of the older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newer {
    /// It has another name, with the older one as its alias.
    Renamed,
    /// It is retired, and two events are made from it.
    Split,
}

impl Newer {
    /// The name of the successor.
    pub fn name(self) -> &'static str {
        match self {
            Self::Renamed => "booking.held",
            Self::Split => "booking.reserved",
        }
    }

    /// Books a night with the newer program.
    pub async fn book(self, app: &App, name: &str, night: u32) -> Result<Receipt, ExecuteError<Booked>> {
        match self {
            Self::Renamed => app.execute(renamed::Book { room: room(name), night }).await,
            Self::Split => app.execute(split::Book { room: room(name), night }).await,
        }
    }
}

/// Books a night with the older program.
pub async fn book_older(app: &App, name: &str, night: u32) -> Result<Receipt, ExecuteError<Booked>> {
    app.execute(older::Book { room: room(name), night }).await
}

/// Both programs book random nights at once, the newer one a little later. The older one ends when it is refused.
///
/// # Errors
/// What is wrong with an outcome, or with the log.
pub async fn race(older: &App, newer: &App, kind: Newer) -> Result<(), String> {
    let (ended, booked) = (Arc::new(AtomicBool::default()), Arc::new(AtomicUsize::default()));
    let begin = fastrand::usize(1..ROOMS * 8);
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (app, ended, booked) = (older.clone(), Arc::clone(&ended), Arc::clone(&booked));
        tasks.spawn(async move {
            let mut random = Rng::new();
            while !ended.load(Ordering::SeqCst) {
                let outcome = book_older(&app, &random_room(&mut random), random.u32(0..NIGHTS)).await;
                booked.fetch_add(1, Ordering::SeqCst);
                match outcome {
                    Ok(_) | Err(ExecuteError::Rejected(Booked)) => {}
                    Err(ExecuteError::Invalid(error @ Invalid::Superseded { .. })) => {
                        return check_error(&error, kind);
                    }
                    Err(error) => return Err(format!("the older program: {error:?}")),
                }
                tokio::task::yield_now().await;
            }
            Ok(())
        });
    }
    for _ in 0..TASKS {
        let (app, ended, booked) = (newer.clone(), Arc::clone(&ended), Arc::clone(&booked));
        tasks.spawn(async move {
            let mut random = Rng::new();
            while booked.load(Ordering::SeqCst) < begin {
                tokio::task::yield_now().await;
            }
            for _ in 0..NIGHTS {
                match kind.book(&app, &random_room(&mut random), random.u32(0..NIGHTS)).await {
                    Ok(_) | Err(ExecuteError::Rejected(Booked)) => {}
                    Err(error) => return Err(format!("the newer program: {error:?}")),
                }
            }
            ended.store(true, Ordering::SeqCst);
            Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.map_err(|panic| panic.to_string())??;
    }
    check_log(&**newer.store()).await
}

fn random_room(random: &mut Rng) -> String {
    format!("r{}", random.usize(0..ROOMS))
}

fn check_error(error: &Invalid, kind: Newer) -> Result<(), String> {
    let expected = format!("events `booking.made` are superseded by `{}` since position", kind.name());
    let text = error.to_string();
    let is_expected = text.starts_with(&expected) && text.ends_with("deploy the newer program");
    if is_expected { Ok(()) } else { Err(format!("unexpected error: {text}")) }
}

/// What every event of a booking has, whatever its name.
#[derive(Deserialize)]
struct Stored {
    night: u32,
    seen: Vec<u32>,
}

/// Checks that each decision was made on all bookings before its position, that no night is booked twice, and that no booking has the
/// older name after the first one with another name.
///
/// # Errors
/// What is wrong.
pub async fn check_log(store: &dyn EventStore) -> Result<(), String> {
    let batches = store.read(&[Read::all(Criteria::all())]).await.map_err(|error| error.to_string())?;
    let mut rooms: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let mut has_successor = false;
    for record in batches.iter().flat_map(|batch| &batch.records) {
        let Stored { night, seen } =
            serde_json::from_str(record.data.as_str()).map_err(|error| error.to_string())?;
        let tag = record.tags.first().map(ToString::to_string).unwrap_or_default();
        let nights = rooms.entry(tag).or_default();
        let at = format!("`{}` at position {}", record.name, record.position);
        has_successor |= record.name != "booking.made";
        if has_successor && record.name == "booking.made" {
            return Err(format!("{at} follows a successor"));
        }
        if nights.contains(&night) {
            return Err(format!("{at} books night {night} again"));
        }
        if seen != *nights {
            return Err(format!("{at} was decided on {seen:?}, but the log had {nights:?}"));
        }
        nights.push(night);
    }
    Ok(())
}

/// The followers of the older program stop before the first event of the successor. The newer program continues there.
#[allow(clippy::unwrap_used)] // shared by tests
pub async fn check_followers(builder: impl AsyncFn() -> Builder) {
    let older = builder().await.commands::<older::Book>().projection::<older::Nights>();
    let older = older.policy(older::SecondNight).start().await.unwrap();
    book_older(&older, "1", 2).await.unwrap();
    // Nights 2 and 3.
    older.wait_until_caught_up().await.unwrap();

    let newer = builder().await.commands::<renamed::Book>().start().await.unwrap();
    let since = Newer::Renamed.book(&newer, "1", 10).await.unwrap().position();
    Newer::Renamed.book(&newer, "1", 20).await.unwrap();
    for name in ["nights", "second_night"] {
        let status = wait_until(&older, name, |status| matches!(status.state, State::Stopped(_))).await;
        let State::Stopped(stopped) = &status.state else { unreachable!() };
        assert_eq!(stopped.position, Some(since), "{name}: {status:?}");
        assert_eq!(status.position.get() + 1, since.get(), "{name}: {status:?}");
        let error = "events `booking.made` are superseded by `booking.held` since position";
        assert!(stopped.error.contains(error), "{}", stopped.error);
    }
    assert_eq!(older.find::<older::Nights>(&room("1")).await.unwrap().unwrap().nights, 2);

    let newer = builder().await.commands::<renamed::Book>().projection::<renamed::Nights>();
    let newer = newer.policy(renamed::SecondNight).start().await.unwrap();
    let handled = |status: &Status| status.position.get() >= since.get() + 3;
    wait_until(&newer, "second_night", handled).await;
    newer.wait_until_caught_up().await.unwrap();
    let row = newer.find::<renamed::Nights>(&room("1")).await.unwrap().unwrap();
    // Nights 2, 3, 10, 20, 11 and 21.
    assert_eq!(row.nights, 6);
    older.shut_down().await;
}

/// Books nights with the two programs as processes: `older` until it is refused, and `newer` once that has booked some. Both are paths
/// of executables.
///
/// # Errors
/// What is wrong with an outcome, or with the log.
pub fn race_processes(older: &str, newer: &str, url: &str) -> Result<(), String> {
    let spawn = |program: &str| {
        let command = Command::new(program).arg(url).stdout(Stdio::piped()).spawn();
        command.map_err(|error| error.to_string())
    };
    let mut older = spawn(older)?;
    let mut lines = BufReader::new(older.stdout.take().ok_or("no output")?).lines();
    for _ in 0..10 {
        lines.next().ok_or("the older program has ended")?.map_err(|error| error.to_string())?;
    }
    let newer = spawn(newer)?.wait_with_output().map_err(|error| error.to_string())?;
    let last = lines.last().ok_or("the older program was not refused")?.map_err(|error| error.to_string())?;
    let status = older.wait().map_err(|error| error.to_string())?;
    if !newer.status.success() || !status.success() {
        return Err(format!("the programs ended with {} and {status}", newer.status));
    }
    if !last.starts_with("refused: events `booking.made` are superseded by `booking.held` since position") {
        return Err(format!("the last line of the older program is {last:?}"));
    }
    Ok(())
}

/// The position of the first event with a name.
///
/// # Errors
/// The error of the store.
pub async fn first_position(app: &App, name: &str) -> Result<Option<Position>, annalist::Error> {
    let stored = app.store().stored_types().await?;
    Ok(stored.into_iter().find(|one| one.name == name).map(|one| one.first))
}
