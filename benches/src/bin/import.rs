//! How fast a log is exported, and imported into each store: `cargo xtask postgres cargo run --release -p annalist-bench --bin import`.
//! The number of events may follow, a million by default.
#![allow(clippy::print_stdout, reason = "what the program is for")]

#[path = "../moved_log.rs"]
mod moved_log;

use std::{env, error::Error, sync::Arc, time::Instant};

use annalist::{
    EventStore, Memory, Postgres, Sqlite,
    transfer::{self, Export},
};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufReader},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let events: u64 = env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let log: Arc<dyn EventStore> = Arc::new(moved_log::filled(events).await?);
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

fn print(what: &str, events: u64, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what}: {events} events in {seconds:.1} s, {:.0} events/s", events as f64 / seconds);
}
