use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
enum Nothing {}

fn main() {}
