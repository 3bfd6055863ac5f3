use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
struct Renamed(String);

fn main() {}
