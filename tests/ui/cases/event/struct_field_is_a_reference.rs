use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
struct Opened {
    owner: &'static str,
}

fn main() {}
