use annalist::prelude::*;

fn ping(_: &Ping) -> Result<(), String> {
    Ok(())
}

#[derive(Command, Serialize)]
#[command(decide = ping)]
struct Ping;

fn main() {}
