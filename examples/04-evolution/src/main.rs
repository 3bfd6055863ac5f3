//! A guest house at the command line. Every call runs one version of the program on the events in `guesthouse.db`.
//!
//! ```console
//! $ cargo run -p guesthouse -- v1 book attic 1 ann --euros 60
//! $ cargo run -p guesthouse -- v4 rows
//! $ cargo run -p guesthouse -- events
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command line prints

use std::process::ExitCode;

use annalist::{App, Criteria, EventStore, app::Builder, store::Read};
use clap::{Parser, Subcommand};
use guesthouse::{
    Booking, Failure, PROJECTION, RoomId, Version, deploy, hasty, v1::V1, v2::V2, v3::V3, v4::V4,
};

/// A guest house whose program changes.
#[derive(Parser)]
#[command(name = "guesthouse", version)]
struct Cli {
    /// The store: `sqlite://FILE` or `postgres://…`.
    #[arg(long, default_value = "sqlite://guesthouse.db", value_name = "URL", global = true)]
    store: String,
    /// Start although the log has later versions of the events of this name.
    #[arg(long, value_name = "EVENT", global = true)]
    unchecked: Vec<String>,
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    /// Run the first version.
    V1 {
        #[command(subcommand)]
        action: Action,
    },
    /// Run the version that renames the event.
    V2 {
        #[command(subcommand)]
        action: Action,
    },
    /// Run the version that adds a field, for the first time, while the version before it runs.
    Deploy,
    /// Run the version that adds a field.
    V3 {
        #[command(subcommand)]
        action: Action,
    },
    /// Run the version that splits the event.
    V4 {
        #[command(subcommand)]
        action: Action,
    },
    /// Check the version that forgets the former name against everything that was released before.
    Hasty,
    /// List the stored events as they are.
    Events,
}

#[derive(Subcommand)]
enum Action {
    /// Book a night.
    Book {
        room: RoomId,
        night: u32,
        guest: String,
        #[arg(long, default_value_t = 2)]
        persons: u32,
        #[arg(long, default_value_t = 0)]
        euros: u32,
    },
    /// List the rows of the projection.
    Rows,
    /// Remove the rows of older versions, when no program of theirs runs any more.
    Discard,
    /// Check the version against everything that was released before, and write what it adds to `annalist.lock`.
    Release,
}

/// The file of the gate.
const LOCK: &str = "annalist.lock";

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(lines) => {
            lines.iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Cli { store, unchecked, program }: Cli) -> Result<Vec<String>, Failure> {
    let store = annalist::open(&store).await?;
    let app = App::builder(store.clone()).unchecked_events(unchecked);
    match program {
        Program::V1 { action } => execute::<V1>(app, action).await,
        Program::V2 { action } => execute::<V2>(app, action).await,
        Program::Deploy => deploy::beside::<V2, V3>(&store).await,
        Program::V3 { action } => execute::<V3>(app, action).await,
        Program::V4 { action } => execute::<V4>(app, action).await,
        Program::Hasty => hasty::release(LOCK.as_ref()),
        Program::Events => events(&*store).await,
    }
}

async fn execute<V: Version>(builder: Builder, action: Action) -> Result<Vec<String>, Failure> {
    match action {
        Action::Book { room, night, guest, persons, euros } => {
            let booking = Booking { room, night, guest, persons, euros };
            with_app::<V>(builder, async move |app| {
                let line = format!("{}: night {night} is booked for {}", booking.room, booking.guest);
                V::book(app, booking).await?;
                Ok(vec![line])
            })
            .await
        }
        Action::Rows => {
            with_app::<V>(builder, async |app| {
                app.wait_until_caught_up().await?;
                V::rows(app).await
            })
            .await
        }
        Action::Discard => {
            with_app::<V>(builder, async |app| {
                app.wait_until_caught_up().await?;
                let builds = app.discard_old_builds(PROJECTION).await?;
                Ok(vec![format!("the rows of {builds} older versions are removed")])
            })
            .await
        }
        Action::Release => guesthouse::release::<V>(LOCK.as_ref()),
    }
}

/// Starts an app of this version and shuts it down.
async fn with_app<V: Version>(
    builder: Builder,
    work: impl AsyncFnOnce(&App) -> Result<Vec<String>, Failure>,
) -> Result<Vec<String>, Failure> {
    let app = V::register(builder).start().await?;
    let outcome = work(&app).await;
    app.shut_down().await;
    outcome
}

/// Reads the events without a program: name, version and payload.
async fn events(store: &dyn EventStore) -> Result<Vec<String>, Failure> {
    let batches = store.read(&[Read::all(Criteria::all())]).await?;
    let records = batches.into_iter().flat_map(|batch| batch.records);
    Ok(records
        .map(|one| format!("{:>2}  {:<16} {}  {}", one.position, one.name, one.version, one.data.as_str()))
        .collect())
}
