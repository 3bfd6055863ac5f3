//! How fast a log is exported, and imported into each store: `cargo xtask postgres cargo run --release -p annalist-bench --bin import`.
//! The number of events may follow, a million by default.
#![allow(clippy::print_stdout, reason = "what the program is for")]

use std::{env, error::Error, sync::Arc, time::Instant};

use annalist::{
    EventStore, Memory, Position, Postgres, Record, Sqlite, Tag, Timestamp,
    manual::Payload,
    store::{Draft, Metadata, Name},
    transfer::{self, Export},
};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufReader},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let events: u64 = env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let log: Arc<dyn EventStore> = Arc::new(filled(events).await?);
    let path = folder.path().join("export.jsonl");

    let started = Instant::now();
    let mut file = File::create(&path).await?;
    Export::new(Arc::clone(&log)).write_to(&mut file).await?;
    file.shutdown().await?;
    print("export from memory", events, started);
    println!("{} MiB", file.metadata().await?.len() >> 20);

    let schema = format!("import_{}", uuid::Uuid::now_v7().simple());
    let postgres = Postgres::options().schema(&schema).connect(&env::var("ANNALIST_POSTGRES_URL")?).await?;
    let sqlite = Sqlite::open(folder.path().join("log.db")).await?;
    let stores: [(&str, &dyn EventStore); 3] =
        [("memory", &Memory::new()), ("SQLite", &sqlite), ("PostgreSQL", &postgres)];
    for (name, store) in stores {
        let started = Instant::now();
        transfer::import(store, &mut BufReader::with_capacity(1 << 20, File::open(&path).await?)).await?;
        print(&format!("import into {name}"), events, started);
    }
    Ok(())
}

/// A log of events as a bank has them: two tags, and a payload of about 100 bytes.
async fn filled(events: u64) -> Result<Memory, Box<dyn Error>> {
    let store = Memory::new();
    let mut import = store.import().await?;
    let mut metadata = Metadata::default();
    metadata.actor = Some(Name::new("actor", "ann")?);
    for start in (0..events).step_by(1_000) {
        let records = (start..events.min(start + 1_000)).map(|number| record(number, metadata.clone()));
        import.write_events(records.collect::<Result<_, _>>()?).await?;
    }
    import.finish().await?;
    Ok(store)
}

fn record(number: u64, metadata: Metadata) -> Result<Record, annalist::Invalid> {
    let (from, to) = (number % 10_007, number % 9_973);
    let tags = [Tag::new("account", from)?, Tag::new("account", to + 20_000)?];
    let payload = format!(
        r#"{{"from":{from},"to":{to},"amount":{number},"reference":"transfer {number} of the month","tags":["a","b"]}}"#
    );
    let name = ["account.moved", "account.checked", "account.booked"][(number % 3) as usize];
    let draft = Draft::new(name, 1, tags, Payload::parse(payload)?)?;
    Ok(draft.record(Position::new(number + 1), Timestamp::from_micros(number.cast_signed()), metadata))
}

fn print(what: &str, events: u64, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what}: {events} events in {seconds:.1} s, {:.0} events/s", events as f64 / seconds);
}
