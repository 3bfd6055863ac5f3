//! Exports the log in a SQLite file: `cargo run -p annalist-transcript --bin export -- bank.db > first.jsonl`.

use std::error::Error;

use annalist::{Sqlite, transfer::Export};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let file = std::env::args().nth(1).ok_or("name the file of the log")?;
    Export::new(Sqlite::open(file).await?).write_to(&mut tokio::io::stdout()).await?;
    Ok(())
}
